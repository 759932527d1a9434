//! Faults that a running bank calls a person for, planted, and the log's own time by which they are judged.

use std::time::Duration;

use serde_json::json;
use tributary_checker::{Alarm, AlarmKind, Alarms, BankCheck, GRACE, LogClock};
use tributary_contracts::payments::Subject;

use crate::{
    log::{Log, NOW, PARTITIONS, ask, ended, payment},
    planted_orders::{DUE, cancel, create, execute, order, schedule},
};

const GRACE_MS: i64 = GRACE.as_millis() as i64;

fn alarms(log: &Log, due_before: i64) -> Vec<(AlarmKind, Subject, Option<i64>)> {
    let mut check = BankCheck::new(PARTITIONS);
    for (topic, record) in &log.records {
        check.observe(topic, record);
    }
    let told = check.alarms(due_before).into_iter();
    told.map(|alarm| (alarm.kind, alarm.subject, alarm.due)).collect()
}

fn missed(due: i64) -> (AlarmKind, Subject, Option<i64>) {
    (AlarmKind::DeadlineMissed, payment().into(), Some(due))
}

#[test]
fn a_payment_that_is_past_its_deadline() {
    let due = NOW + 30_000;
    let mut log = Log::with_accounts();
    log.initiate("initiate");
    assert_eq!(alarms(&log, due), []);
    assert_eq!(alarms(&log, due + 1), [missed(due)]);
    // The other step's deadline still stands.
    log.advance(json!({"ended": ended("reserve")}), None);
    assert_eq!(alarms(&log, due + 1), [missed(due)]);
    // Asked again, with a later one.
    let again = json!({"step": "settle", "deadline": due + 60_000});
    log.advance(json!({"ended": ended("fraud"), "asked": [again]}), None);
    assert_eq!(alarms(&log, due + 60_000), []);
    assert_eq!(alarms(&log, due + 60_001), [missed(due + 60_000)]);
    assert_eq!(alarms(&Log::completed(), i64::MAX), []);
}

#[test]
fn a_quarantined_payment_until_it_is_resumed() {
    let mut log = Log::with_accounts();
    log.initiate("initiate");
    let quarantined = json!({"payment_id": payment(), "step": "reserve", "code": "UNANSWERED",
        "progress": {"turned": {"way": "quarantined", "code": "UNANSWERED"}}});
    log.go_on("x", "payments.payment-quarantined.v1", quarantined);
    // Whatever the time.
    assert_eq!(
        alarms(&log, i64::MIN),
        [(AlarmKind::Quarantined, payment().into(), None)]
    );
    let resumed = json!({"payment_id": payment(), "step": "reserve",
        "progress": {"turned": {"way": "resumed"}, "asked": [ask("reserve")]}});
    log.go_on("y", "payments.payment-resumed.v1", resumed);
    assert_eq!(alarms(&log, i64::MIN), []);
}

#[test]
fn a_payment_of_a_later_day_that_does_not_begin() {
    let mut log = Log::with_accounts();
    schedule(&mut log, "schedule");
    assert_eq!(alarms(&log, DUE), []);
    let not_begun = (AlarmKind::NotBegun, payment().into(), Some(DUE));
    assert_eq!(alarms(&log, DUE + 1), [not_begun]);
    let mut cancelled = log.clone();
    cancel(&mut cancelled);
    assert_eq!(alarms(&cancelled, i64::MAX), []);
    log.wait_until(DUE + 2);
    log.initiate("initiate");
    assert_eq!(alarms(&log, DUE + 1), []);
    assert_eq!(alarms(&log, i64::MAX), [missed(NOW + 30_000)]);
}

#[test]
fn a_standing_order_that_does_not_pay_and_one_that_pays_to_nobody() {
    let mut log = Log::with_accounts();
    create(&mut log, "create");
    let order: Subject = order().into();
    assert_eq!(alarms(&log, DUE), []);
    assert_eq!(alarms(&log, DUE + 1), [(AlarmKind::NotBegun, order, Some(DUE))]);
    log.wait_until(DUE + 2);
    execute(&mut log, 1, DUE);
    // The second occurrence is due; the first was executed, and its payment is not to be seen.
    let told = alarms(&log, i64::MAX);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], (AlarmKind::NotBegun, order, Some(DUE + 1)));
    assert!(matches!(
        told[1],
        (AlarmKind::NotBegun, Subject::Payment(_), Some(_))
    ));
}

#[test]
fn time_is_the_logs_own() {
    let seconds = Duration::from_secs;
    let mut clock = LogClock::default();
    assert_eq!(clock.due_before(seconds(5)), None);
    // A log of old: its last record is a year old, and nothing of it is late by today's time.
    clock.read_to(NOW, seconds(5));
    assert_eq!(clock.now(seconds(6)), Some(NOW + 1_000));
    assert_eq!(clock.due_before(seconds(6)), Some(i64::MIN));
    // Nothing is written any more, and time goes on.
    assert_eq!(clock.due_before(seconds(65)), Some(i64::MIN));
    assert_eq!(clock.due_before(seconds(66)), Some(NOW + 1_000));
    // An older record, of another partition, doesn't set it back; a newer one sets it.
    clock.read_to(NOW - 500, seconds(66));
    assert_eq!(clock.now(seconds(66)), Some(NOW + 61_000));
    clock.read_to(NOW + 62_000, seconds(66));
    assert_eq!(clock.due_before(seconds(66)), Some(NOW + 2_000));
}

#[test]
fn what_fell_due_while_the_bank_was_down_is_given_the_grace_anew() {
    let seconds = Duration::from_secs;
    let mut clock = LogClock::default();
    clock.read_to(NOW, seconds(0));
    let night = NOW + 8 * 60 * 60 * 1000;
    clock.read_to(night, seconds(1));
    assert_eq!(clock.due_before(seconds(60)), Some(i64::MIN));
    assert_eq!(clock.due_before(seconds(62)), Some(night + 1_000));
    assert_eq!(clock.now(seconds(62)), Some(night + GRACE_MS + 1_000));
}

#[test]
fn an_alarm_stands_until_its_cause_is_gone() {
    let alarm = |kind| Alarm {
        kind,
        subject: payment().into(),
        due: Some(NOW),
    };
    let mut alarms = Alarms::default();
    alarms.set(vec![alarm(AlarmKind::DeadlineMissed), alarm(AlarmKind::NotBegun)]);
    alarms.set(vec![alarm(AlarmKind::DeadlineMissed)]);
    assert_eq!(alarms.count(AlarmKind::DeadlineMissed), 1);
    assert_eq!(alarms.count(AlarmKind::NotBegun), 0);
    let told: Vec<String> = alarms.standing().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [format!("DEADLINE_MISSED: payment {}, due {NOW}", payment())]
    );
}
