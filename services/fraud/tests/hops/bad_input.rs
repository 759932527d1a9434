use tributary_contracts::{
    codec,
    fraud::{
        AssessPayment, ConfirmFraud, ConfirmReviewedFraud, FraudCommand, LabelSource, PayeesCommand,
        RetractFraud,
    },
    record::Outgoing,
    topics::{FRAUD_DLQ, FRAUD_INBOX, FRAUD_PAYEES_DLQ, FRAUD_PAYEES_INBOX, Topic},
};
use tributary_fraud_domain::SKEW_S;

use crate::two_hops::{NOW, PARTITIONS, TwoHops, payment, records};

/// What both hops know, as a snapshot would hold it.
fn known(hops: &TwoHops) -> Vec<Vec<u8>> {
    let customers = hops
        .customers
        .states()
        .map(|state| postcard::to_stdvec(state).unwrap());
    let payees = hops
        .payees
        .states()
        .map(|state| postcard::to_stdvec(state).unwrap());
    customers.chain(payees).collect()
}

#[test]
fn what_no_payment_can_be_is_refused_and_changes_nothing() {
    let mut hops = TwoHops::open();
    hops.assess(payment("good", "10"));
    let before = known(&hops);
    let at = |initiated_at: i64| AssessPayment {
        initiated_at,
        ..payment("bad", "10")
    };
    let limit = NOW + SKEW_S * 1_000;
    for (bad, code) in [
        (payment("bad", "-0.01"), "FRAUD_AMOUNT_NEGATIVE"),
        (payment("bad", "10000000000000.01"), "FRAUD_AMOUNT_ABSURD"),
        (payment("bad", "1e3"), "AMOUNT_NOT_A_NUMBER"),
        (payment("bad", "1.001"), "AMOUNT_TOO_MANY_DECIMALS"),
        (at(limit + 1_000), "FRAUD_TIME_AHEAD"),
        (at(i64::MAX), "FRAUD_TIME_ABSURD"),
        (at(-1), "FRAUD_TIME_ABSURD"),
        (
            AssessPayment {
                utc_offset_s: 100_000,
                ..payment("bad", "10")
            },
            "FRAUD_TIME_ABSURD",
        ),
    ] {
        let told = hops.refused().len();
        hops.write(bad.clone());
        hops.settle();
        assert_eq!(&hops.refused()[told..], [code], "{bad:?}");
        assert_eq!(known(&hops), before, "{bad:?}");
    }
    // An hour ahead is still a clock that goes wrong a little; the past is the past.
    hops.assess(at(limit));
    hops.assess(AssessPayment {
        initiated_at: 0,
        ..payment("old", "10")
    });
}

/// A command without one of its fields.
fn lacking(field: &str, topic: Topic, key: String, command: &impl codec::Message) -> Outgoing {
    let not_after = Some(NOW + 60_000);
    let mut record =
        tributary_stream::test_driver::command(topic, PARTITIONS, field, key, not_after, command);
    let mut value: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
    let removed = value["data"].as_object_mut().unwrap().remove(field);
    assert!(removed.is_some(), "{field} is no field");
    record.value = codec::encode(&value);
    record
}

#[test]
fn a_command_that_lacks_a_field_is_put_aside_and_changes_nothing() {
    let mut hops = TwoHops::open();
    let good = hops.assess(payment("good", "10"));
    let before = known(&hops);
    let assess = FraudCommand::from(payment("bad", "10"));
    let confirm = PayeesCommand::from(ConfirmFraud {
        payment_id: good.payment_id,
        creditor: good.creditor,
        counted_at_s: good.payee_seen.counted_at_s,
        unusual: false,
        source: LabelSource::Analyst,
    });
    for field in ["customer", "creditor", "amount", "currency", "initiated_at"] {
        let record = lacking(field, FRAUD_INBOX, assess.key(), &assess);
        hops.broker.append(record).unwrap();
    }
    for field in ["payment_id", "counted_at_s", "unusual", "source"] {
        let record = lacking(field, FRAUD_PAYEES_INBOX, confirm.key(), &confirm);
        hops.broker.append(record).unwrap();
    }
    hops.settle();
    assert_eq!(hops.refused(), ["MALFORMED"; 9]);
    assert_eq!(records(&hops.broker, FRAUD_DLQ).len(), 5);
    assert_eq!(records(&hops.broker, FRAUD_PAYEES_DLQ).len(), 4);
    assert_eq!(known(&hops), before);
}

#[test]
fn labels_for_what_never_was_change_nothing() {
    let mut hops = TwoHops::open();
    let good = hops.assess(payment("good", "10"));
    let before = known(&hops);
    let never = tributary_ids::PaymentId::named("never");
    let nobody = tributary_ids::AccountId::named("nobody");
    let confirm = |creditor, counted_at_s, unusual| -> PayeesCommand {
        ConfirmFraud {
            payment_id: never,
            creditor,
            counted_at_s,
            unusual,
            source: LabelSource::Chargeback,
        }
        .into()
    };
    let at_s = good.payee_seen.counted_at_s;
    let asked: [(PayeesCommand, &str); 6] = [
        (confirm(nobody, at_s, false), "FRAUD_LABEL_UNKNOWN_PAYMENT"),
        (
            confirm(good.creditor, at_s - 1, false),
            "FRAUD_LABEL_UNKNOWN_PAYMENT",
        ),
        (
            confirm(good.creditor, i64::MAX, false),
            "FRAUD_LABEL_UNKNOWN_PAYMENT",
        ),
        // An unusual one of that second there is none.
        (confirm(good.creditor, at_s, true), "FRAUD_LABEL_UNKNOWN_PAYMENT"),
        (
            RetractFraud {
                payment_id: good.payment_id,
                creditor: good.creditor,
            }
            .into(),
            "FRAUD_LABEL_MISSING",
        ),
        (
            ConfirmReviewedFraud {
                payment_id: never,
                creditor: good.creditor,
            }
            .into(),
            "FRAUD_DECISION_UNKNOWN",
        ),
    ];
    for (command, code) in asked {
        let told = hops.refused().len();
        hops.write_to_payees(command.clone());
        hops.settle();
        assert_eq!(&hops.refused()[told..], [code], "{command:?}");
        assert_eq!(known(&hops), before, "{command:?}");
    }
}

#[test]
fn a_customer_and_a_payee_that_nobody_knows_are_new_ones() {
    let mut hops = TwoHops::open();
    let decided = hops.assess(AssessPayment {
        customer: tributary_ids::CustomerId::named("never seen"),
        creditor: tributary_ids::AccountId::named("never seen"),
        ..payment("first", "10")
    });
    assert_eq!(decided.customer_seen.payments.d30, 1);
    assert_eq!(
        (decided.payee_seen.payments.d30, decided.payee_seen.risk.d30.get()),
        (0, 0.0)
    );
}
