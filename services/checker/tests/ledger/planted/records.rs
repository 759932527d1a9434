//! Faults in sequences and in what is consumed: invariants 8 and 12.

use tributary_checker::LedgerCheck;
use tributary_contracts::{
    accounts::{EntryKind, GlAccount},
    record::Record,
};

use super::{bank, tells, tells_at, tells_only, told};
use crate::bank::{PARTITIONS, Place};
#[test]
fn a_wrong_balance_is_told_once() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.credit(near, 100);
    bank.edit(entry, |value| value["data"]["balance_after"] = 10_101.into());
    let findings = bank.check();
    assert_eq!(told(&findings)[0], (8, "BALANCE_WRONG"));
}

#[test]
fn a_dropped_posting_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.credit(near, 50);
    bank.drop_event(entry);
    tells(&bank, 8, "SEQ_GAP");
    tells(&bank, 8, "BALANCE_WRONG");
    tells(&bank, 12, "INPUT_SKIPPED");
}

#[test]
fn an_offset_that_was_committed_outside_the_transaction_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    // The offset was committed, the events were not; nothing came after.
    bank.drop_event(entry);
    tells(&bank, 8, "COMMITTED_AHEAD_OF_FOLD");
    tells(&bank, 12, "INPUT_UNANSWERED");
}

#[test]
fn an_offset_that_stayed_behind_its_events_is_told() {
    let (mut bank, near, ..) = bank();
    bank.credit(near, 100);
    let mut cut = bank.cut();
    *cut.committed.get_mut(&0).unwrap() -= 1;
    tells_at(&bank, &cut, 8, "COMMITTED_BEHIND_FOLD");
}

#[test]
fn a_restore_up_to_the_last_stable_offset_only_is_told() {
    let (mut bank, near, ..) = bank();
    let before = bank.clone();
    bank.credit(near, 100);
    bank.credit(near, 200);
    // The new owner never saw the last two events: it answers their input again, from the old state.
    let mut forgetful = before;
    for amount in [100, 200] {
        let asked = forgetful.ask(forgetful.credit_command(near, amount));
        let entry = forgetful.entry(near, EntryKind::Credit, amount, GlAccount::CASH);
        let place = forgetful.answer(&asked, vec![entry.into()])[0];
        let record = forgetful.event(place).clone();
        bank.append(record);
    }
    tells(&bank, 8, "SEQ_REPEATED");
    tells(&bank, 12, "INPUT_ANSWERED_TWICE");
}

#[test]
fn an_event_in_the_wrong_partition_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    let record = bank.event(entry).clone();
    bank.drop_event(entry);
    bank.append(Record {
        partition: 1,
        ..record
    });
    tells(&bank, 8, "WRONG_PARTITION");
    tells(&bank, 8, "ORIGIN_ELSEWHERE");
}

#[test]
fn an_event_under_another_accounts_key_is_told() {
    let (mut bank, near, _, other) = bank();
    let entry = bank.credit(near, 100);
    bank.event(entry).key = other.to_string().into_bytes();
    tells_only(&bank, 8, "WRONG_KEY");
}

#[test]
fn an_event_that_nobody_can_read_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.event(entry).value.truncate(40);
    tells(&bank, 8, "EVENT_UNREADABLE");
}

#[test]
fn time_that_goes_back_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.edit(entry, |value| value["time"] = 3.into());
    tells(&bank, 8, "TIME_WENT_BACK");
}

#[test]
fn an_event_of_an_account_that_was_never_opened_is_told() {
    let (mut bank, near, ..) = bank();
    bank.credit(near, 100);
    bank.drop_event(Place {
        partition: 0,
        index: 0,
    });
    tells(&bank, 8, "ACCOUNT_NEVER_OPENED");
}

#[test]
fn a_dead_letter_without_a_record_is_told() {
    let (mut bank, near, ..) = bank();
    bank.dead_letter(near);
    bank.dead_letters[0].pop();
    tells_only(&bank, 12, "DEAD_LETTER_WITHOUT_RECORD");
}

#[test]
fn a_dead_letter_without_an_event_is_told() {
    let (mut bank, near, ..) = bank();
    let place = bank.dead_letter(near);
    bank.drop_event(place);
    tells(&bank, 12, "DEAD_LETTER_WITHOUT_EVENT");
}

#[test]
fn a_swallowed_input_record_is_told() {
    let (mut bank, near, ..) = bank();
    bank.ask(bank.credit_command(near, 100));
    bank.credit(near, 100);
    tells_only(&bank, 12, "INPUT_SKIPPED");
}

#[test]
fn an_answer_to_an_input_record_that_is_not_there_is_told() {
    let (mut bank, near, ..) = bank();
    bank.credit(near, 100);
    bank.inbox[0].pop();
    tells(&bank, 12, "ORIGIN_UNKNOWN");
}

#[test]
fn an_answer_to_what_retention_took_is_no_violation() {
    let (mut bank, near, ..) = bank();
    bank.credit(near, 100);
    let mut check = LedgerCheck::new(PARTITIONS);
    let kept = bank.inbox[0].last().unwrap();
    check.inbox_starts_at(0, kept.offset);
    check.inbox_starts_at(1, bank.committed()[&1]);
    check.observe_inbox(kept);
    bank.events
        .concat()
        .iter()
        .for_each(|record| check.observe_event(record));
    check.finish(&bank.cut());
    assert_eq!(told(check.findings()), []);
}
