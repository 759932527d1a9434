//! What was counted can be taken back, as if it had never come.

use proptest::prelude::*;
use tributary_fraud_domain::{Customer, DAY_S, ENTRIES_MAX, Payee, Payment};
use tributary_overlay::Revert;

const START_S: i64 = 1_522_540_800;

fn payment(at_s: i64, amount_minor: i64) -> Payment {
    Payment::try_new(START_S + at_s, 0, amount_minor).unwrap()
}

proptest! {
    #[test]
    fn a_customer_is_as_before_whatever_came_in_between(
        steps in prop::collection::vec((-8_000_i64..400_000, 0_i64..100_000), 1..120),
    ) {
        let mut customer = Customer::default();
        let mut newest_s = 0;
        let mut taken = Vec::new();
        for (step_s, amount) in steps {
            let at_s = (newest_s + step_s).max(0);
            newest_s = newest_s.max(at_s);
            let before = customer.clone();
            let payment = payment(at_s, amount);
            let judged = before.judge(&payment);
            let replaced = customer.count(&payment, judged.unusual);
            prop_assert_ne!(&customer, &before);
            taken.push((before, replaced));
        }
        for (before, replaced) in taken.into_iter().rev() {
            customer.revert(replaced);
            prop_assert_eq!(&customer, &before);
        }
    }

    #[test]
    fn a_payee_is_as_before_whatever_came_in_between(
        steps in prop::collection::vec((-200_000_i64..400_000, any::<bool>(), any::<bool>()), 1..120),
    ) {
        let mut payee = Payee::default();
        let mut newest_s = 0;
        let mut taken = Vec::new();
        for (step_s, unusual, fraud) in steps {
            let at_s = newest_s + step_s;
            newest_s = newest_s.max(at_s);
            let before = payee.clone();
            taken.push((before, payee.count(at_s, unusual)));
            if fraud {
                // The label, which is taken back first.
                let counted = payee.clone();
                let counted_at_s = payee.judge(at_s).counted_at_s;
                payee.confirm_fraud(counted_at_s, unusual).unwrap();
                payee.retract_fraud(counted_at_s, unusual).unwrap();
                prop_assert_eq!(&payee, &counted);
            }
        }
        for (before, replaced) in taken.into_iter().rev() {
            payee.revert(replaced);
            prop_assert_eq!(&payee, &before);
        }
    }
}

#[test]
fn entries_that_were_merged_come_back_one_by_one() {
    let mut customer = Customer::default();
    let mut payee = Payee::default();
    let entries = ENTRIES_MAX as i64;
    let observe = |customer: &mut Customer, payee: &mut Payee, at_s: i64| {
        let payment = payment(at_s, 1_000);
        let unusual = customer.judge(&payment).unusual;
        (customer.count(&payment, unusual), payee.count(at_s, unusual))
    };
    for at_s in 0..entries - 3 {
        observe(&mut customer, &mut payee, at_s);
    }
    let mut taken = Vec::new();
    // A minute's entries become one on the way, in the middle of a minute; then the next minute begins.
    for at_s in entries - 3..entries + 90 {
        let before = (customer.clone(), payee.clone());
        taken.push((before, observe(&mut customer, &mut payee, at_s)));
    }
    let size = |customer: &Customer| postcard::to_stdvec(customer).unwrap().len();
    assert!(size(&customer) < size(&taken[0].0.0) / 10, "nothing was merged");
    assert_eq!(customer.judge(&payment(entries + 90, 1_000)).payments, [4_187; 3]);
    assert_eq!(payee.judge(entries + 90 + 7 * DAY_S).payments, [4_186; 3]);
    for ((customer_before, payee_before), (of_customer, of_payee)) in taken.into_iter().rev() {
        customer.revert(of_customer);
        payee.revert(of_payee);
        assert_eq!((&customer, &payee), (&customer_before, &payee_before));
    }
}
