use tributary_contracts::{
    codec,
    fraud::AssessPayment,
    record::Outgoing,
    topics::{FRAUD_DLQ, FRAUD_INBOX},
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

#[test]
fn a_command_that_lacks_a_field_is_put_aside_and_changes_nothing() {
    let mut hops = TwoHops::open();
    hops.assess(payment("good", "10"));
    let before = known(&hops);
    let command = tributary_contracts::fraud::FraudCommand::from(payment("bad", "10"));
    let mut record: Outgoing = tributary_stream::test_driver::command(
        FRAUD_INBOX,
        PARTITIONS,
        "bad",
        command.key(),
        Some(NOW + 60_000),
        &command,
    );
    let mut value: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
    value["data"].as_object_mut().unwrap().remove("customer");
    record.value = codec::encode(&value);
    hops.broker.append(record).unwrap();
    hops.settle();
    assert_eq!(hops.refused(), ["MALFORMED"]);
    assert_eq!(records(&hops.broker, FRAUD_DLQ).len(), 1);
    assert_eq!(known(&hops), before);
}
