use tributary_contracts::fraud::{
    AssessPayment, ConfirmFraud, ConfirmReviewedFraud, LabelSource, PayeesEvent, PaymentDecided, Real,
    RetractFraud,
};
use tributary_contracts::partition::partition_of;
use tributary_fraud_domain::{Payee, PayeeFeatures};
use tributary_ids::{AccountId, CustomerId, PaymentId};

use crate::two_hops::{NOW, PARTITIONS, TwoHops, payment};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn on_day(day: i64, name: &str) -> AssessPayment {
    AssessPayment {
        initiated_at: NOW - 40 * DAY_MS + day * DAY_MS,
        ..payment(name, "10")
    }
}

pub(crate) fn label(decided: &PaymentDecided) -> ConfirmFraud {
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
        creditor: AccountId::named("nobody"),
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

fn retract(decided: &PaymentDecided) -> RetractFraud {
    RetractFraud {
        payment_id: decided.payment_id,
        creditor: decided.creditor,
    }
}

/// Another payee of the same partition.
fn neighbour(decided: &PaymentDecided) -> AccountId {
    let partition = |account: &AccountId| partition_of(account.to_string().as_bytes(), PARTITIONS);
    let mut others = (0..).map(|number| AccountId::named(&format!("other/{number}")));
    others
        .find(|other| partition(other) == partition(&decided.creditor))
        .unwrap()
}

#[test]
fn a_label_that_was_wrong_is_taken_back_once_and_may_be_set_again() {
    let mut hops = TwoHops::open();
    let fraud = hops.assess(on_day(0, "fraud"));
    hops.assess(on_day(8, "later"));
    hops.write_to_payees(retract(&fraud));
    hops.write_to_payees(label(&fraud));
    hops.settle();
    let told = hops.assess(on_day(9, "told")).payee_seen;
    assert_eq!((told.risk.d7.get(), told.run), (1.0, 1));
    hops.write_to_payees(RetractFraud {
        creditor: neighbour(&fraud),
        ..retract(&fraud)
    });
    hops.payees.restart();
    hops.write_to_payees(retract(&fraud));
    hops.write_to_payees(retract(&fraud));
    hops.settle();
    let honest = hops.assess(on_day(9, "honest")).payee_seen;
    assert_eq!(
        (honest.payments.d7, honest.risk.d7.get(), honest.run),
        (1, 0.0, 0)
    );
    hops.write_to_payees(label(&fraud));
    hops.write_to_payees(label(&fraud));
    hops.settle();
    let again = hops.assess(on_day(9, "again")).payee_seen;
    assert_eq!((again.risk.d7.get(), again.run), (1.0, 1));
    let mut refused = hops.refused();
    refused.sort_unstable();
    assert_eq!(
        refused,
        [
            "FRAUD_LABEL_MISSING",
            "FRAUD_LABEL_MISSING",
            "FRAUD_LABEL_TWICE",
            "FRAUD_LABEL_UNKNOWN_PAYMENT"
        ]
    );
}

#[test]
fn windows_are_those_of_the_labels_that_stand() {
    let mut state = 11_u64;
    let mut roll = |sides: u64| {
        // xorshift, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % sides
    };
    let mut hops = TwoHops::open();
    let mut seen: Vec<(PaymentDecided, bool)> = Vec::new();
    let mut at = NOW - 31 * DAY_MS;
    for number in 0..400 {
        // Some share a second.
        at += (roll(4) * 3_600_000).cast_signed();
        let decided = hops.assess(AssessPayment {
            initiated_at: at,
            customer: CustomerId::named(&roll(5).to_string()),
            ..payment(&number.to_string(), &(10 * (1 + roll(8) * roll(8))).to_string())
        });
        let batch = batch(&seen, &decided);
        let found = &decided.payee_seen;
        assert_eq!(
            (<[u32; 3]>::from(found.payments), found.run, found.run_age_s),
            (batch.payments, batch.run, batch.run_age_s),
            "payment {number}"
        );
        assert_eq!(
            <[_; 3]>::from(found.risk).map(|risk: Real| risk.get()),
            batch.risk
        );
        seen.push((decided, false));
        for _ in 0..roll(3) {
            let (decided, labelled) = &mut seen[usize::try_from(roll(number + 1)).unwrap()];
            match *labelled {
                true => hops.write_to_payees(retract(decided)),
                false => hops.write_to_payees(label(decided)),
            }
            *labelled = !*labelled;
        }
        hops.settle();
    }
    assert!(hops.refused().is_empty());
    let count =
        |kind: fn(&PayeesEvent) -> bool| hops.payees_events().iter().filter(|event| kind(event)).count();
    assert!(count(|event| matches!(event, PayeesEvent::FraudRetracted(_))) > 50);
}

/// What a payee would be that had only ever had the labels that stand.
fn batch(before: &[(PaymentDecided, bool)], next: &PaymentDecided) -> PayeeFeatures {
    let mut payee = Payee::default();
    let mut observe = |decided: &PaymentDecided, labelled: bool| {
        let unusual = decided.customer_seen.unusual;
        let found = payee.observe(decided.initiated_at / 1_000, unusual);
        if labelled {
            payee.confirm_fraud(found.counted_at_s, unusual).unwrap();
        }
        found
    };
    for (decided, labelled) in before {
        observe(decided, *labelled);
    }
    observe(next, false)
}

#[test]
fn what_an_analyst_confirms_at_the_review_is_labelled_once() {
    let mut hops = TwoHops::open();
    let reviewed = hops.assess(payment("reviewed", "20000"));
    let approved = hops.assess(payment("approved", "10"));
    for decided in [&reviewed, &reviewed, &approved] {
        hops.write_to_payees(ConfirmReviewedFraud {
            payment_id: decided.payment_id,
            creditor: decided.creditor,
        });
    }
    hops.settle();
    assert_eq!(hops.refused(), ["FRAUD_LABEL_TWICE", "FRAUD_DECISION_UNKNOWN"]);
    let labels: Vec<_> = hops
        .payees_events()
        .into_iter()
        .filter_map(|event| match event {
            PayeesEvent::FraudConfirmed(confirmed) => Some(confirmed),
            _ => None,
        })
        .collect();
    let [confirmed] = labels.as_slice() else {
        panic!("{labels:?}");
    };
    assert_eq!(
        (confirmed.payment_id, confirmed.counted_at_s, confirmed.source),
        (
            reviewed.payment_id,
            reviewed.payee_seen.counted_at_s,
            LabelSource::Analyst
        )
    );
}
