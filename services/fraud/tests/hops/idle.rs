use std::collections::HashMap;

use tributary_contracts::fraud::{AssessPayment, Real};
use tributary_fraud_domain::{Customer, Payee, Payment};
use tributary_ids::{AccountId, CustomerId};

use crate::two_hops::{NOW, TwoHops, payment};

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Keys of both hops that are known.
fn known(hops: &TwoHops) -> (usize, usize) {
    let customers = hops.customers.states().map(|state| state.known()).sum();
    (customers, hops.payees.states().map(|state| state.known()).sum())
}

#[test]
fn keys_that_nothing_happens_at_are_dropped_and_features_are_as_if_they_had_stayed() {
    let mut hops = TwoHops::open();
    // What is kept for ever, beside what the service keeps.
    let mut customers: HashMap<i64, Customer> = HashMap::new();
    let mut payees: HashMap<i64, Payee> = HashMap::new();
    let mut most = (0, 0);
    let days = 200_i64;
    for number in 0..days * 4 {
        // Every payment has a new customer and payee, but some come back after 1 to 120 days, a few hours late.
        let back = [0, 4, 40, 120, 128, 160, 170, 300, 480][(number % 9) as usize];
        let key = (number - back).max(0);
        let late_ms = if number % 5 == 0 { 20 * HOUR_MS } else { 0 };
        let at = NOW - (days + 1) * DAY_MS + number * 6 * HOUR_MS - late_ms;
        let decided = hops.assess(AssessPayment {
            initiated_at: at,
            customer: CustomerId::named(&key.to_string()),
            creditor: AccountId::named(&key.to_string()),
            utc_offset_s: 0,
            ..payment(&format!("payment/{number}"), &(10 + number % 90).to_string())
        });
        let amount_minor = (10 + number % 90) * 100;
        let of = Payment::try_new(at / 1_000, 0, amount_minor).unwrap();
        let customer = customers.entry(key).or_default().observe(&of);
        let seen = &decided.customer_seen;
        assert_eq!(
            <[u32; 3]>::from(seen.payments),
            customer.payments,
            "payment {number}"
        );
        assert_eq!(
            <[Real; 3]>::from(seen.mean_amount).map(Real::get),
            customer.mean_amount
        );
        assert_eq!(
            (seen.times_typical.get(), seen.unusual_before),
            (customer.times_typical, customer.unusual_before)
        );
        let payee = payees
            .entry(key)
            .or_default()
            .observe(at / 1_000, customer.unusual);
        let seen = &decided.payee_seen;
        assert_eq!(
            <[u32; 3]>::from(seen.payments),
            payee.payments,
            "payment {number}"
        );
        assert_eq!((seen.run, seen.counted_at_s), (payee.run, payee.counted_at_s));
        let now = known(&hops);
        most = (most.0.max(now.0), most.1.max(now.1));
    }
    assert!(customers.len() > 350, "{}", customers.len());
    // At most 38 and 45 days of new keys, 4 a day.
    assert!(most.0 <= 4 * 39 && most.1 <= 4 * 46, "{most:?}");
    // It falls when hardly anything happens any more: eight customers go on for two months, some in each partition.
    for day in 0..60 {
        for again in 0..8 {
            hops.broker.set_time(NOW + day * DAY_MS);
            hops.assess(AssessPayment {
                initiated_at: NOW + day * DAY_MS,
                customer: CustomerId::named(&again.to_string()),
                creditor: AccountId::named(&again.to_string()),
                ..payment(&format!("{day}/{again}"), "10")
            });
        }
    }
    let left = known(&hops);
    assert_eq!(left, (8, 8), "of {most:?}");
    assert!(hops.refused().is_empty());
    // A restart folds the same log to the same keys.
    hops.customers.restart();
    hops.payees.restart();
    hops.assess(AssessPayment {
        initiated_at: NOW + 59 * DAY_MS,
        customer: CustomerId::named("0"),
        creditor: AccountId::named("0"),
        ..payment("after the restart", "10")
    });
    assert_eq!(known(&hops), left);
}
