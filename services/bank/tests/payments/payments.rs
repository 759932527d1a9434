use std::time::Duration;

use tributary_checker::{End, check_all};
use tributary_contracts::payments::{RefundPayment, ReviewDecision, ReviewPayment};
use tributary_ids::PaymentId;

use crate::bank::{Bank, account, today};

const PEOPLE: [&str; 6] = ["ann", "bob", "cat", "dan", "eve", "fay"];

/// Payments of every fate, many at once; two of them go to review.
fn payments_of_every_fate(bank: &mut Bank) {
    for n in 0..120 {
        let (debtor, creditor) = (PEOPLE[n % 6], PEOPLE[(n / 6 + n + 1) % 6]);
        if debtor == creditor {
            continue;
        }
        let amount = match n {
            // More than anybody has.
            n if n % 40 == 7 => "900000.00",
            50 | 60 => "10000.01",
            _ => "12.50",
        };
        bank.transfer(&format!("payment/{n}"), debtor, creditor, amount);
        if n % 10 == 0 {
            // Again, as by a client whose answer was lost.
            bank.transfer(&format!("payment/{n}"), debtor, creditor, amount);
        }
    }
}

#[test]
fn every_payment_ends_once_and_can_be_followed_step_by_step() {
    let mut bank = Bank::start();
    for name in PEOPLE {
        bank.open(name, "500000.00");
    }
    payments_of_every_fate(&mut bank);
    let states = "SELECT state || ' ' || count(*) FROM payments.payments GROUP BY state ORDER BY state";
    let in_review = "SELECT count(*)::text FROM payments.payments WHERE state = 'in-review'";
    let open = "SELECT count(*)::text FROM payments.payments WHERE ended_ms IS NULL";
    bank.await_rows(open, &["2"]);
    bank.await_rows(in_review, &["2"]);
    for (name, decision) in [
        ("payment/50", ReviewDecision::Approve),
        ("payment/60", ReviewDecision::Reject),
    ] {
        bank.pay(
            &format!("review/{name}"),
            ReviewPayment {
                payment_id: PaymentId::named(name),
                decision,
                reason: "looked-at".into(),
                confirms_fraud: false,
            },
        );
    }
    bank.await_rows(open, &["0"]);
    bank.pay(
        "refund/payment/50",
        RefundPayment {
            payment_id: PaymentId::named("payment/50"),
            refund_id: PaymentId::named("refund"),
            amount: "10000.01".into(),
            currency: "CZK".parse().unwrap(),
            booking_date: today(),
            reason: "DUPL".into(),
        },
    );
    let refunded = format!(
        "SELECT concat_ws(' ', kind, state) FROM payments.payments WHERE refunds = '{}'",
        PaymentId::named("payment/50")
    );
    bank.await_rows(&refunded, &["refund completed"]);
    println!("{:?}", bank.rows(states));

    // What the payment came to stands in every service's log, and all of it is found by its correlation.
    let correlation = format!(
        "SELECT correlation_id::text FROM payments.payments WHERE payment_id = '{}'",
        PaymentId::named("payment/50")
    );
    let correlation = bank.rows(&correlation).remove(0);
    let timeline = format!(
        "SELECT DISTINCT type FROM (
             SELECT type, correlation_id FROM timeline_accounts.events
             UNION ALL SELECT type, correlation_id FROM timeline_payments.events
             UNION ALL SELECT type, correlation_id FROM timeline_fraud.events
             UNION ALL SELECT type, correlation_id FROM timeline_fraud_payees.events
         ) AS all_events WHERE correlation_id = '{correlation}' AND type NOT LIKE 'tributary.%' ORDER BY type"
    );
    bank.await_rows(
        &timeline,
        &[
            "accounts.entry-posted.v1",
            "accounts.hold-placed.v1",
            "fraud.payment-decided.v1",
            "fraud.payment-observed.v1",
            "payments.payment-advanced.v1",
            "payments.payment-completed.v1",
            "payments.payment-initiated.v1",
            "payments.refund-claimed.v1",
        ],
    );

    let end = End {
        at_rest_within: Some(Duration::from_secs(30)),
        expired_before: None,
    };
    let report = check_all(&bank.local.brokers(), end, &mut []).unwrap();
    assert!(report.is_clean(), "{:?}", report.violations);
    let held = "SELECT count(*)::text FROM accounts.holds WHERE state = 'open'";
    assert_eq!(bank.rows(held), ["0"]);
    let money = format!(
        "SELECT sum(posted)::text FROM accounts.accounts WHERE account_id IN ({})",
        PEOPLE.map(|name| format!("'{}'", account(name))).join(", ")
    );
    bank.await_rows(&money, &["300000000"]);
    assert!(bank.local.ended().is_none());
    bank.local.stop().unwrap();
}
