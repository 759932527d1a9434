use std::path::Path;

use tributary_contracts::{
    fraud::{AssessPayment, FraudCommand},
    topics::{FRAUD_EVENTS, FRAUD_INBOX},
};
use tributary_fraud::Fraud;
use tributary_ids::{AccountId, CustomerId, PaymentId};
use tributary_stream::{
    PartitionState, TestDriver,
    golden::{self, digests, fold},
    test_driver::command,
};

const PARTITIONS: i32 = 2;
const NOW: i64 = 1_800_000_000_000;

/// Approved, reviewed, refused, and asked twice.
fn driven() -> TestDriver<Fraud> {
    let mut driver = TestDriver::new(PARTITIONS, NOW).unwrap();
    let asked = [
        ("small", "ann", "12.30"),
        ("large", "cid", "20000.00"),
        ("other", "gus", "1"),
        ("another", "hal", "2"),
        ("third", "ida", "3"),
        ("no number", "ann", "1e3"),
        ("small", "ann", "12.30"),
    ];
    for (number, (name, customer, amount)) in asked.into_iter().enumerate() {
        let assess = FraudCommand::from(AssessPayment {
            payment_id: PaymentId::named(name),
            customer: CustomerId::named(customer),
            debtor: AccountId::named(customer),
            creditor: AccountId::named("shop"),
            amount: amount.into(),
            currency: "CZK".parse().unwrap(),
            initiated_at: NOW,
        });
        let name = format!("golden/{number}");
        let not_after = Some(NOW + 60_000);
        driver
            .send(command(
                FRAUD_INBOX,
                PARTITIONS,
                &name,
                assess.key(),
                not_after,
                &assess,
            ))
            .unwrap();
        driver.run().unwrap();
    }
    driver
}

#[test]
fn the_golden_log_folds_to_what_the_snapshots_key_says() {
    let events = driven().read(FRAUD_EVENTS.name).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events.jsonl");
    golden::check::<Fraud>(&file, &events).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_fold_of_the_log_is_the_workers_state() {
    let driver = driven();
    let folded: Vec<PartitionState<Fraud>> = fold(&driver.read(FRAUD_EVENTS.name).unwrap()).unwrap();
    let of_the_log: Vec<_> = folded.iter().map(PartitionState::service).collect();
    let live: Vec<_> = driver.states().collect();
    assert_eq!(live.len(), PARTITIONS as usize);
    assert_eq!(digests(&of_the_log).unwrap(), digests(&live).unwrap());
}
