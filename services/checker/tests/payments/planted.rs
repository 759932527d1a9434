use serde_json::json;

use crate::log::{Log, NOW, ask, ended, payment};

#[track_caller]
pub(crate) fn tells(log: &Log, quiescent: bool, expected: (u8, &str)) {
    tells_after(log, quiescent, None, expected);
}

#[track_caller]
pub(crate) fn tells_after(log: &Log, quiescent: bool, expired_before: Option<i64>, expected: (u8, &str)) {
    let findings = log.check(quiescent, expired_before);
    let told: Vec<(u8, &str)> = findings
        .violations()
        .iter()
        .map(|found| (found.invariant.number(), found.code))
        .collect();
    assert!(told.contains(&expected), "{:#?}", findings.violations());
}

#[test]
fn an_honest_payment_has_no_violation() {
    let log = Log::completed();
    assert_eq!(log.check(true, Some(NOW + 100_000_000)).violations(), []);
    let mut refunded = Log::completed();
    refunded.refund("refund", 60, 4_000);
    refunded.refund("another", 40, 0);
    assert_eq!(refunded.check(false, None).violations(), []);
    // Under way is no fault while the bank lives.
    assert_eq!(Log::approved().check(false, None).violations(), []);
}

#[test]
fn an_end_that_comes_twice_or_changes() {
    let mut log = Log::completed();
    log.complete();
    tells(&log, false, (4, "ENDED_TWICE"));
    let mut log = Log::completed();
    log.advance(json!({"asked": [ask("release")]}), None);
    tells(&log, false, (4, "CHANGED_AFTER_END"));
}

#[test]
fn a_payment_that_does_not_end() {
    let log = Log::approved();
    tells(&log, true, (4, "PAYMENT_LEFT_UNDER_WAY"));
    let mut log = Log::with_accounts();
    log.initiate("initiate");
    tells_after(&log, true, Some(NOW + 30_001), (4, "DEADLINE_MISSED"));
    log.advance(json!({"ended": ended("reserve")}), None);
    log.advance(json!({"ended": ended("fraud")}), None);
    tells(&log, true, (4, "PAYMENT_FORGOTTEN"));
    // It waits for a person, as quarantine says.
    let mut log = Log::with_accounts();
    log.initiate("initiate");
    let quarantined = json!({"payment_id": payment(), "step": "reserve", "code": "UNANSWERED",
        "progress": {"turned": {"way": "quarantined", "code": "UNANSWERED"}}});
    log.go_on("x", "payments.payment-quarantined.v1", quarantined);
    assert_eq!(log.check(true, Some(NOW + 30_001)).violations(), []);
}

#[test]
fn a_deadline_that_is_swallowed_or_not_honoured() {
    let timer =
        json!({"timer": {"due": NOW + 30_000, "aggregate": payment().to_string(), "name": "reserve"}});
    let mut log = Log::with_accounts();
    log.initiate("initiate");
    log.command(
        "timer",
        ("tributary.timer-due.v1", timer.clone()),
        ("tributary.timer-ignored.v1", timer.clone()),
    );
    tells(&log, false, (4, "DEADLINE_SWALLOWED"));
    let mut log = Log::with_accounts();
    log.initiate("initiate");
    let refused = json!({"command_type": "x", "code": "X", "detail": "x"});
    log.command(
        "timer",
        ("tributary.timer-due.v1", timer),
        ("tributary.command-refused.v1", refused),
    );
    tells(&log, false, (4, "DEADLINE_NOT_HONOURED"));
}

#[test]
fn a_payment_that_begins_twice_or_never() {
    let mut log = Log::with_accounts();
    log.initiate("initiate");
    log.initiate("again");
    tells(&log, false, (5, "PAYMENT_BEGAN_TWICE"));
    let mut log = Log::with_accounts();
    log.complete();
    tells(&log, false, (8, "PAYMENT_NEVER_BEGAN"));
}

#[test]
fn an_effect_that_was_not_asked_for() {
    let mut log = Log::with_accounts();
    let place = log.initiate("initiate");
    log.edit(place, |event| event["amount"] = json!(10_001));
    tells(&log, false, (5, "EFFECT_NOT_AS_ASKED"));
    let mut log = Log::with_accounts();
    let unchanged = json!({"payment_id": payment(), "code": "PAYMENT_EXISTS"});
    let place = log.initiate("initiate");
    let (topic, record) = log.records.remove(place);
    let mut value: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
    value["data"] = unchanged;
    let record = tributary_contracts::record::Record {
        headers: tributary_contracts::codec::headers(&"x", "test", "payments.payment-unchanged.v1", None),
        value: serde_json::to_vec(&value).unwrap(),
        ..record
    };
    log.records.push((topic, record));
    tells(&log, false, (5, "EFFECT_MISSING"));
}

#[test]
fn refunds_that_are_too_much() {
    let mut log = Log::completed();
    log.refund("refund", 100, 0);
    log.refund("rival", 100, -10_000);
    tells(&log, false, (5, "REFUNDED_TOO_MUCH"));
    let mut log = Log::approved();
    log.refund("early", 1, 9_900);
    tells(&log, false, (5, "REFUNDED_TOO_MUCH"));
    let mut log = Log::completed();
    log.refund("refund", 30, 9_999);
    tells(&log, false, (8, "REFUNDABLE_WRONG"));
}

#[test]
fn an_end_that_the_ledger_does_not_know_of() {
    let mut log = Log::approved();
    log.transfer_out();
    log.complete();
    tells(&log, false, (2, "COMPLETED_WITHOUT_CREDIT"));
    let rejected = json!({"payment_id": payment(), "code": "X",
        "progress": {"ended": ended("settle"), "turned": {"way": "ended"}}});
    let mut log = Log::approved();
    log.transfer_out();
    log.transfer_in();
    log.go_on("settle", "payments.payment-rejected.v1", rejected.clone());
    tells(&log, false, (2, "REJECTED_THOUGH_SETTLED"));
    let mut log = Log::approved();
    log.go_on("settle", "payments.payment-rejected.v1", rejected);
    tells(&log, false, (7, "HOLD_OF_ENDED_PAYMENT"));
    let returned = json!({"payment_id": payment(), "code": "X", "to": "debtor",
        "progress": {"ended": ended("settle"), "turned": {"way": "ended"}}});
    let mut log = Log::approved();
    log.transfer_out();
    log.go_on("settle", "payments.payment-returned.v1", returned);
    tells(&log, false, (2, "RETURNED_WITHOUT_RETURN"));
}

#[test]
fn money_that_moves_without_a_decision() {
    let begun = || {
        let mut log = Log::with_accounts();
        log.initiate("initiate");
        log.reserve();
        log
    };
    let settles = json!({"ended": ended("fraud"), "asked": [ask("settle")]});
    let mut log = begun();
    log.assess("decline");
    log.advance(settles.clone(), Some("decline"));
    tells(&log, false, (10, "SETTLES_THOUGH_DECLINED"));
    let mut log = begun();
    log.assess("review");
    log.advance(settles.clone(), Some("review"));
    tells(&log, false, (10, "SETTLES_WITHOUT_REVIEW"));
    let mut log = begun();
    log.advance(settles.clone(), None);
    tells(&log, false, (10, "SETTLES_WITHOUT_DECISION"));
    let mut log = begun();
    log.assess("decline");
    log.advance(settles, Some("approve"));
    tells(&log, false, (10, "DECISION_OF_NOBODY"));
    let mut log = begun();
    log.transfer_out();
    tells(&log, false, (10, "SETTLED_UNASKED"));
    let mut log = begun();
    log.assess("approve");
    log.assess("decline");
    tells(&log, false, (5, "ASSESSED_DIFFERENTLY"));
}

#[test]
fn input_that_is_skipped_or_answered_twice_and_events_out_of_place() {
    let mut log = Log::completed();
    let key = payment().to_string();
    let answer = json!({"command_id": payment(), "outcome": "accepted", "events": 1});
    let asked = log.ask("payments", "skipped", &key, "tributary.answer.v1", answer);
    tells(&log, true, (12, "INPUT_UNANSWERED"));
    tells(&log, false, (8, "COMMITTED_AHEAD_OF_FOLD"));
    let ignored = json!({"payment_id": payment()});
    log.tell(&asked, "payments.answer-ignored.v1", ignored.clone());
    assert_eq!(log.check(true, None).violations(), []);
    log.tell(&asked, "payments.answer-ignored.v1", ignored);
    tells(&log, false, (12, "INPUT_ANSWERED_TWICE"));
    let mut log = Log::with_accounts();
    let place = log.initiate("initiate");
    log.records[place].1.key = b"another".to_vec();
    tells(&log, false, (8, "WRONG_KEY"));
}
