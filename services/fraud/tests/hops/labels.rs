use tributary_contracts::fraud::{AssessPayment, ConfirmFraud, LabelSource, PaymentDecided};
use tributary_ids::PaymentId;

use crate::two_hops::{NOW, TwoHops, payment};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn on_day(day: i64, name: &str) -> AssessPayment {
    AssessPayment {
        initiated_at: NOW - 40 * DAY_MS + day * DAY_MS,
        ..payment(name, "10")
    }
}

fn label(decided: &PaymentDecided) -> ConfirmFraud {
    ConfirmFraud {
        payment_id: decided.payment_id,
        creditor: decided.creditor,
        counted_at_s: decided.payee_seen.counted_at_s,
        unusual: decided.customer_seen.unusual,
        source: LabelSource::Chargeback,
    }
}

#[test]
fn a_label_tells_of_the_payee_seven_days_after_its_payment() {
    let mut hops = TwoHops::open();
    let fraud = hops.assess(on_day(0, "fraud"));
    hops.assess(on_day(1, "honest"));
    hops.write_to_payees(label(&fraud));
    hops.settle();
    let early = hops.assess(on_day(6, "early")).payee_seen;
    assert_eq!((early.payments.d30, early.risk.d30.get()), (0, 0.0));
    let then = hops.assess(on_day(7, "then")).payee_seen;
    assert_eq!((then.payments.d1, then.risk.d1.get()), (1, 1.0));
    let later = hops.assess(on_day(8, "later")).payee_seen;
    assert_eq!((later.payments.d7, later.risk.d7.get()), (2, 0.5));
    let late = hops.assess(on_day(38, "late")).payee_seen;
    assert_eq!(late.risk.d30.get(), 0.0, "it left the window");
}

#[test]
fn a_label_for_nothing_and_a_second_label_are_refused() {
    let mut hops = TwoHops::open();
    let fraud = hops.assess(on_day(0, "fraud"));
    hops.write_to_payees(label(&fraud));
    hops.write_to_payees(label(&fraud));
    hops.write_to_payees(ConfirmFraud {
        payment_id: PaymentId::named("never"),
        counted_at_s: fraud.payee_seen.counted_at_s + 1,
        ..label(&fraud)
    });
    hops.write_to_payees(ConfirmFraud {
        payment_id: PaymentId::named("nowhere"),
        creditor: tributary_ids::AccountId::named("nobody"),
        ..label(&fraud)
    });
    hops.settle();
    let mut refused = hops.refused();
    refused.sort_unstable();
    assert_eq!(
        refused,
        [
            "FRAUD_LABEL_TWICE",
            "FRAUD_LABEL_UNKNOWN_PAYMENT",
            "FRAUD_LABEL_UNKNOWN_PAYMENT"
        ]
    );
}
