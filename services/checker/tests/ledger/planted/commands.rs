//! Faults in what commands lead to: invariants 5 and 9.

use tributary_contracts::{
    accounts::{AccountsEvent, EntryKind, GlAccount, ImportRef},
    runtime::{CommandRefused, DuplicateIgnored},
};
use tributary_ids::CommandId;

use super::{bank, tells, tells_only, told};
use crate::bank::{Bank, Place, Told};
#[test]
fn a_doubled_posting_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.repeat(entry);
    tells(&bank, 8, "SEQ_REPEATED");
    tells(&bank, 12, "INPUT_ANSWERED_TWICE");
    tells(&bank, 5, "COMMAND_TWICE");
}

#[test]
fn a_repeated_command_that_is_booked_again_is_told() {
    let (mut bank, near, ..) = bank();
    let command = bank.credit_command(near, 100);
    for _ in 0..2 {
        let asked = bank.ask_as(CommandId::named("twice"), command.clone());
        let entry = bank.entry(near, EntryKind::Credit, 100, GlAccount::CASH);
        bank.answer(&asked, vec![entry.into()]);
    }
    tells_only(&bank, 5, "COMMAND_TWICE");
}

#[test]
fn a_posting_that_is_dropped_as_a_repetition_is_told() {
    let (mut bank, near, ..) = bank();
    let asked = bank.ask(bank.credit_command(near, 100));
    let command_type = "accounts.credit.v1".to_owned();
    bank.tell_runtime(&asked, DuplicateIgnored { command_type });
    tells_only(&bank, 5, "DUPLICATE_OF_NOTHING");
}

#[test]
fn a_posting_that_is_dropped_as_nothing_to_do_is_told() {
    let (mut bank, near, ..) = bank();
    bank.import(near, 100, 7);
    let mut command = bank.credit_command(near, 100);
    command.import = Some(ImportRef {
        source: "berka".into(),
        sequence: 8,
        after: None,
    });
    let asked = bank.ask(command);
    bank.nothing_to_do(&asked, "ROW_IMPORTED_BEFORE");
    tells_only(&bank, 5, "EFFECT_MISSING");
}

#[test]
fn two_postings_of_an_account_that_are_exchanged_are_told() {
    let (mut bank, near, ..) = bank();
    let (first, second) = (
        bank.ask(bank.credit_command(near, 100)),
        bank.ask(bank.credit_command(near, 250)),
    );
    for (asked, amount) in [(first, 250), (second, 100)] {
        let entry = bank.entry(near, EntryKind::Credit, amount, GlAccount::CASH);
        bank.answer(&asked, vec![entry.into()]);
    }
    let findings = bank.check();
    assert_eq!(
        told(&findings),
        [(5, "EFFECT_NOT_AS_ASKED"); 2],
        "{:#?}",
        findings.violations()
    );
}

#[test]
fn a_posting_that_is_moved_to_another_account_is_told() {
    let (mut bank, near, _, other) = bank();
    let asked = bank.ask(bank.credit_command(near, 100));
    let entry = bank.entry(other, EntryKind::Credit, 100, GlAccount::CASH);
    let place = bank.answer(&asked, vec![entry.into()])[0];
    bank.event(place).key = other.to_string().into_bytes();
    tells_only(&bank, 5, "EFFECT_NOT_AS_ASKED");
}

#[test]
fn a_posting_against_another_general_ledger_account_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.edit(entry, |value| value["data"]["legs"][1]["account"] = "4020".into());
    tells_only(&bank, 5, "EFFECT_NOT_AS_ASKED");
}

#[test]
fn a_row_that_is_imported_twice_is_told() {
    let (mut bank, near, ..) = bank();
    bank.import(near, 100, 7);
    bank.import(near, 100, 7);
    tells_only(&bank, 5, "ROW_IMPORTED_TWICE");
}

#[test]
fn a_row_that_is_imported_past_a_gap_is_told_and_one_that_follows_is_not() {
    let (mut bank, near, far, ..) = bank();
    bank.import_after(near, 100, 7, Some(0));
    bank.import_after(near, 100, 9, Some(7));
    assert!(told(&bank.check()).is_empty());
    bank.import_after(near, 100, 12, Some(11));
    tells_only(&bank, 5, "ROW_IMPORTED_PAST_GAP");
    let (mut first, _) = (bank, far);
    first.import_after(far, 100, 3, Some(2));
    assert_eq!(told(&first.check()), [(5, "ROW_IMPORTED_PAST_GAP"); 2]);
}

#[test]
fn a_command_whose_events_are_incomplete_is_told() {
    let mut bank = Bank::default();
    bank.open(0, 10_000);
    bank.drop_event(Place {
        partition: 0,
        index: 1,
    });
    tells(&bank, 5, "COMMAND_INCOMPLETE");
}

#[test]
fn an_effect_after_the_commands_time_is_told() {
    let (mut bank, near, ..) = bank();
    let asked = bank.ask(bank.credit_command(near, 100));
    bank.now += 120_000;
    let entry = bank.entry(near, EntryKind::Credit, 100, GlAccount::CASH);
    bank.answer(&asked, vec![entry.into()]);
    tells_only(&bank, 5, "EFFECT_OUT_OF_TIME");
}

#[test]
fn an_entry_that_is_reversed_twice_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.reverse(near, entry, 100);
    bank.reverse(near, entry, 100);
    tells_only(&bank, 5, "REVERSED_TWICE");
}

#[test]
fn a_reversal_of_another_amount_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.reverse(near, entry, 101);
    tells_only(&bank, 5, "REVERSAL_DIFFERS");
}

#[test]
fn a_refused_command_that_had_an_effect_is_told() {
    let (mut bank, near, ..) = bank();
    let asked = bank.ask(bank.credit_command(near, 100));
    let refused = CommandRefused {
        command_type: "accounts.credit.v1".to_owned(),
        code: "ACCOUNT_BLOCKED".to_owned(),
        detail: String::new(),
    };
    let entry = bank.entry(near, EntryKind::Credit, 100, GlAccount::CASH);
    bank.answer(
        &asked,
        vec![AccountsEvent::from(entry).into(), Told::Runtime(refused.into())],
    );
    tells_only(&bank, 9, "REFUSED_WITH_EFFECT");
}

#[test]
fn a_forgotten_refusal_is_told() {
    let (mut bank, near, ..) = bank();
    let id = CommandId::named("refused");
    let command = bank.credit_command(near, 100);
    let asked = bank.ask_as(id, command.clone());
    bank.refuse(&asked, "ACCOUNT_BLOCKED");
    // The same command again gets its refusal again, not an effect.
    let asked = bank.ask_as(id, command);
    let entry = bank.entry(near, EntryKind::Credit, 100, GlAccount::CASH);
    bank.answer(&asked, vec![entry.into()]);
    tells_only(&bank, 9, "REFUSED_THEN_EFFECT");
}

#[test]
fn an_effect_of_what_is_no_command_is_told() {
    let (mut bank, near, ..) = bank();
    let asked = bank.ask(bank.credit_command(near, 100));
    let entry = bank.entry(near, EntryKind::Credit, 100, GlAccount::CASH);
    bank.answer(&asked, vec![entry.into()]);
    bank.inbox[0].last_mut().unwrap().value = b"{".to_vec();
    tells_only(&bank, 9, "EFFECT_OF_NOTHING");
}
