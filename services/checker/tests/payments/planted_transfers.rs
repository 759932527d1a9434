use serde_json::{Value, json};
use tributary_checker::BankCheck;
use tributary_contracts::topics::ACCOUNTS_EVENTS;
use tributary_ids::AccountId;

use crate::{
    log::{Log, PARTITIONS, payment},
    planted::tells,
};

/// What is told of the two sides of the payment.
fn sides() -> [Value; 2] {
    let (ann, bob) = (AccountId::named("ann"), AccountId::named("bob"));
    [(ann, bob, "sent", 3), (bob, ann, "received", 2)].map(|(account, counterparty, side, seq)| {
        json!({
            "account": account, "seq": seq, "side": side, "payment_id": payment(), "counterparty": counterparty,
            "amount": 10_000, "currency": "CZK", "date": "2026-11-25",
        })
    })
}

fn told(log: &mut Log, side: &Value) -> usize {
    let key = side["account"].as_str().unwrap().to_owned();
    let name = format!("observe/{}", log.records.len());
    let command = side.clone();
    let asked = log.ask(
        "laundering",
        &name,
        &key,
        "laundering.observe-transfer.v1",
        command,
    );
    log.tell(&asked, "laundering.transfer-observed.v1", side.clone())
}

/// A payment that was made, and the laundering service was told of these sides.
fn log_of(sides: &[Value]) -> Log {
    let mut log = Log::completed();
    let of_ledger = |(topic, _): &&(&str, _)| *topic == ACCOUNTS_EVENTS.name;
    log.fed = Some(log.records.iter().filter(of_ledger).count() as i64);
    for side in sides {
        told(&mut log, side);
    }
    log
}

#[test]
fn a_transfer_that_was_told_is_no_violation_whatever_is_read_first() {
    let log = log_of(&sides());
    let findings = log.check(true, None);
    assert_eq!(findings.violations(), []);
    let mut check = BankCheck::new(PARTITIONS);
    let all = 0..log.records.len();
    log.read(&mut check, all.clone(), |topic| topic.starts_with("laundering"));
    log.read(&mut check, all, |topic| !topic.starts_with("laundering"));
    check.finish(&log.cut(true, None));
    assert_eq!(check.findings().violations(), []);
}

#[test]
fn a_laundering_service_that_is_behind_or_was_told_of_less_is_no_violation() {
    let mut log = log_of(&sides()[..1]);
    // The feed has not come to the creditor's entry.
    log.fed = log.fed.map(|fed| fed - 1);
    assert_eq!(log.check(true, None).violations(), []);
    // It was told of it, and has not answered.
    let mut log = log_of(&sides()[..1]);
    let [_, received] = sides();
    let key = received["account"].as_str().unwrap().to_owned();
    log.ask(
        "laundering",
        "observe",
        &key,
        "laundering.observe-transfer.v1",
        received,
    );
    assert_eq!(log.check(true, None).violations(), []);
}

#[test]
fn a_transfer_that_was_passed_over() {
    for only in sides() {
        tells(&log_of(&[only]), true, (15, "TRANSFER_NOT_TOLD"));
    }
    let [sent, received] = sides();
    // What comes after it shows it, also while the bank lives.
    let mut later = sent;
    later["seq"] = json!(4);
    let mut log = log_of(&[later, received]);
    log.fed = None;
    tells(&log, false, (15, "TRANSFER_NOT_TOLD"));
}

#[test]
fn a_transfer_that_was_told_twice_or_never_made_or_told_otherwise() {
    let [sent, received] = sides();
    let twice = [sent.clone(), sent.clone(), received.clone()];
    tells(&log_of(&twice), false, (15, "TRANSFER_OF_NOTHING"));
    let mut never = received.clone();
    never["seq"] = json!(1);
    tells(
        &log_of(&[sent.clone(), never, received.clone()]),
        false,
        (15, "TRANSFER_OF_NOTHING"),
    );
    for (field, value) in [
        ("amount", json!(10_001)),
        ("side", json!("returned")),
        ("payment_id", json!(tributary_ids::PaymentId::named("other"))),
        ("counterparty", received["account"].clone()),
        ("currency", json!("EUR")),
        ("date", json!("2026-11-24")),
    ] {
        let mut otherwise = received.clone();
        otherwise[field] = value;
        tells(
            &log_of(&[sent.clone(), otherwise]),
            false,
            (15, "TRANSFER_TOLD_OTHERWISE"),
        );
    }
}
