//! Planted faults: an honest log with one thing wrong, which the right invariant must tell.

use tributary_checker::{Cut, Findings, LedgerCheck};
use tributary_contracts::{
    accounts::{AccountsEvent, EntryKind, GlAccount},
    runtime::{TimerIgnored, TimerRearmed},
};
use tributary_ids::{AccountId, CommandId};

use crate::bank::{Bank, PARTITIONS, Place, Told};

/// A bank with an account of 100.00 in each partition, and one more in the first.
fn bank() -> (Bank, AccountId, AccountId, AccountId) {
    let mut bank = Bank::default();
    let near = bank.open(0, 10_000);
    let far = bank.open(1, 10_000);
    let other = bank.open(0, 10_000);
    (bank, near, far, other)
}

/// Invariant and code of each violation.
fn told(findings: &Findings) -> Vec<(u8, &'static str)> {
    let violations = findings.violations().iter();
    violations
        .map(|violation| (violation.invariant.number(), violation.code))
        .collect()
}

#[track_caller]
fn tells(bank: &Bank, invariant: u8, code: &str) {
    tells_at(bank, &bank.cut(), invariant, code);
}

#[track_caller]
fn tells_at(bank: &Bank, cut: &Cut, invariant: u8, code: &str) {
    let findings = bank.check_in_order(|_| 0, cut);
    assert!(
        findings
            .violations()
            .iter()
            .any(|found| found.invariant.number() == invariant && found.code == code),
        "{invariant} {code} is not among {:#?}",
        findings.violations()
    );
    // Read in another order, the same is found.
    let mut turn = 0;
    let other = bank.check_in_order(
        |logs| {
            turn += 1;
            logs - 1 - turn % logs
        },
        cut,
    );
    assert!(
        told(&other).contains(&told(&findings)[0]),
        "{:#?}",
        other.violations()
    );
}

/// Only that is told: the fault has one name.
#[track_caller]
fn tells_only(bank: &Bank, invariant: u8, code: &str) {
    assert_eq!(
        told(&bank.check()),
        [(invariant, code)],
        "{:#?}",
        bank.check().violations()
    );
}

#[test]
fn without_a_fault_nothing_is_told() {
    let (mut bank, near, far, _) = bank();
    bank.transfer(near, far, 500).unwrap();
    bank.transfer_refused(near, far, 500).unwrap();
    assert_eq!(told(&bank.check()), []);
}

// ----- 1: entries balance

#[test]
fn an_unbalanced_leg_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.credit(near, 100);
    bank.edit(entry, |value| value["data"]["legs"][1]["amount"] = 99.into());
    tells(&bank, 1, "ENTRY_UNBALANCED");
    tells(&bank, 1, "CURRENCY_UNBALANCED");
}

#[test]
fn a_leg_of_another_customer_is_told() {
    let (mut bank, near, _, other) = bank();
    let entry = bank.credit(near, 100);
    bank.edit(entry, |value| {
        value["data"]["legs"][1]["account"] = other.to_string().into()
    });
    tells(&bank, 1, "LEG_OF_ANOTHER_ACCOUNT");
}

// ----- 2: payments in transit

#[test]
fn a_double_credit_is_told() {
    let (mut bank, near, far, _) = bank();
    let (payment, asked, _) = bank.send(near, far, 500).unwrap();
    bank.receive(&asked, payment, near, far, 500);
    let again = bank.ask(tributary_contracts::accounts::TransferIn {
        account_id: far,
        payment_id: payment,
        debtor: near,
        amount: "5.00".into(),
        currency: crate::bank::czk(),
        booking_date: bank.today,
        value_date: None,
        details: Default::default(),
    });
    bank.receive(&again, payment, near, far, 500);
    tells(&bank, 2, "CREDITED_TWICE");
}

#[test]
fn a_credit_without_settle_is_told() {
    let (mut bank, near, far, _) = bank();
    let (out, _) = bank.transfer(near, far, 500).unwrap();
    bank.drop_event(out);
    tells(&bank, 2, "CREDIT_WITHOUT_SETTLE");
}

#[test]
fn a_credit_that_is_read_before_its_settle_is_told_only_when_the_cut_is_causally_closed() {
    let (mut bank, near, far, _) = bank();
    bank.transfer(near, far, 500).unwrap();
    let mut check = LedgerCheck::new(PARTITIONS);
    for record in bank.inbox.concat() {
        check.observe_inbox(&record);
    }
    // given: the creditor's partition is read to its end, the debtor's not at all
    bank.events[1]
        .iter()
        .for_each(|record| check.observe_event(record));
    // when: a cut begins, and meanwhile the debtor's partition is read past what was in the log
    check.begin_cut();
    bank.events[0]
        .iter()
        .for_each(|record| check.observe_event(record));
    check.end_cut(&Cut::default());
    // then: the credit is explained
    assert_eq!(told(check.findings()), []);
    // and when it isn't, though everything was read, it is told, and told once
    let mut check = LedgerCheck::new(PARTITIONS);
    bank.events[1]
        .iter()
        .for_each(|record| check.observe_event(record));
    for _ in 0..2 {
        check.begin_cut();
        check.end_cut(&Cut::default());
    }
    assert_eq!(told(check.findings()), [(2, "CREDIT_WITHOUT_SETTLE")]);
}

#[test]
fn a_credit_of_more_than_was_settled_is_told() {
    let (mut bank, near, far, _) = bank();
    let (payment, asked, _) = bank.send(near, far, 500).unwrap();
    bank.receive(&asked, payment, near, far, 600);
    tells(&bank, 2, "TRANSFER_TERMS_DIFFER");
    tells(&bank, 5, "EFFECT_NOT_AS_ASKED");
}

#[test]
fn a_lost_compensation_is_told() {
    let (mut bank, near, far, _) = bank();
    let (payment, asked, _) = bank.send(near, far, 500).unwrap();
    bank.refuse_transfer(&asked, payment, near, far, 500);
    // The return's command never reached the inbox.
    bank.inbox[0].pop();
    tells_only(&bank, 2, "RETURN_LOST");
}

#[test]
fn a_lost_follow_up_is_told() {
    let (mut bank, near, far, _) = bank();
    bank.send(near, far, 500).unwrap();
    bank.inbox[1].pop();
    tells_only(&bank, 2, "LEFT_IN_TRANSIT");
}

#[test]
fn money_under_way_is_no_violation_before_everything_is_done() {
    let (mut bank, near, far, _) = bank();
    bank.send(near, far, 500).unwrap();
    let cut = Cut {
        quiescent: false,
        committed: [(0, bank.committed()[&0])].into(),
        ..bank.cut()
    };
    assert_eq!(told(&bank.check_in_order(|_| 0, &cut)), []);
}

#[test]
fn a_payment_that_went_on_and_back_is_told() {
    let (mut bank, near, far, _) = bank();
    let (payment, asked, _) = bank.send(near, far, 500).unwrap();
    let back = bank.refuse_transfer(&asked, payment, near, far, 500);
    bank.give_back(&back, payment, near, far, 500);
    let again = bank.ask(bank.credit_command(far, 500));
    bank.receive(&again, payment, near, far, 500);
    tells(&bank, 2, "CREDITED_AND_RETURNED");
    tells(&bank, 2, "CREDITED_THOUGH_REFUSED");
}

#[test]
fn a_return_that_nobody_refused_is_told() {
    let (mut bank, near, far, _) = bank();
    let (payment, asked, _) = bank.send(near, far, 500).unwrap();
    let back = bank.refuse_transfer(&asked, payment, near, far, 500);
    bank.give_back(&back, payment, near, far, 500);
    let refusal = Place {
        partition: 1,
        index: bank.events[1].len() - 1,
    };
    bank.drop_event(refusal);
    tells(&bank, 2, "RETURN_WITHOUT_REFUSAL");
}

#[test]
fn a_posting_against_transit_without_a_payment_is_told() {
    let (mut bank, near, ..) = bank();
    let asked = bank.ask(bank.credit_command(near, 100));
    let entry = bank.entry(near, EntryKind::Credit, 100, GlAccount::IN_TRANSIT);
    bank.answer(&asked, vec![entry.into()]);
    tells(&bank, 2, "IN_TRANSIT_WITHOUT_PAYMENT");
}

// ----- 3: available

#[test]
fn a_discretionary_debit_below_zero_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.debit(near, 20_000, true);
    bank.edit(entry, |value| {
        value["data"].as_object_mut().unwrap().remove("forced").unwrap();
    });
    tells_only(&bank, 3, "DISCRETIONARY_BELOW_ZERO");
}

#[test]
fn a_mark_of_force_without_need_is_told() {
    let (mut bank, near, ..) = bank();
    let entry = bank.debit(near, 100, true);
    bank.edit(entry, |value| value["data"]["forced"] = true.into());
    tells_only(&bank, 3, "FORCED_WITHOUT_NEED");
}

#[test]
fn a_discretionary_command_that_is_booked_by_force_is_told() {
    let (mut bank, near, ..) = bank();
    let asked = bank.ask(bank.debit_command(near, 20_000, false));
    let entry = bank.entry(near, EntryKind::Debit, -20_000, GlAccount::CASH);
    bank.answer(&asked, vec![entry.into()]);
    tells_only(&bank, 5, "EFFECT_NOT_AS_ASKED");
}

#[test]
fn a_debit_of_a_blocked_account_is_told() {
    let (mut bank, near, ..) = bank();
    bank.block(near);
    let entry = bank.debit(near, 100, true);
    bank.edit(entry, |value| {
        value["data"].as_object_mut().unwrap().remove("forced").unwrap();
    });
    tells_only(&bank, 3, "BOOKED_ON_BLOCKED");
}

#[test]
fn a_hold_on_money_that_is_not_there_is_told() {
    let (mut bank, near, ..) = bank();
    bank.reserve(near, 9_000, None).unwrap();
    let (_, second) = bank.reserve(near, 1_000, None).unwrap();
    bank.edit(second, |value| value["data"]["amount"] = 1_001.into());
    tells(&bank, 3, "RESERVED_BELOW_ZERO");
}

// ----- 5: one command, one effect

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
    bank.tell_runtime(
        &asked,
        tributary_contracts::runtime::DuplicateIgnored { command_type },
    );
    tells_only(&bank, 5, "DUPLICATE_OF_NOTHING");
}

#[test]
fn a_posting_that_is_dropped_as_nothing_to_do_is_told() {
    let (mut bank, near, ..) = bank();
    bank.import(near, 100, 7);
    let mut command = bank.credit_command(near, 100);
    command.import = Some(tributary_contracts::accounts::ImportRef {
        source: "berka".into(),
        sequence: 8,
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

// ----- 7: holds

#[test]
fn a_hold_that_is_released_twice_is_told() {
    let (mut bank, near, ..) = bank();
    let (hold, _) = bank.reserve(near, 1_000, None).unwrap();
    let kept = bank.holds[&hold].clone();
    bank.release(hold);
    bank.holds.insert(hold, kept);
    bank.release(hold);
    tells(&bank, 7, "HOLD_NOT_OPEN");
}

#[test]
fn a_hold_that_is_settled_over_what_is_open_is_told() {
    let (mut bank, near, ..) = bank();
    let (hold, place) = bank.reserve(near, 1_000, None).unwrap();
    bank.settle(hold, 1_000, true);
    bank.edit(place, |value| value["data"]["amount"] = 900.into());
    tells(&bank, 7, "HOLD_OVERSETTLED");
}

#[test]
fn a_settlement_that_states_another_rest_is_told() {
    let (mut bank, near, ..) = bank();
    let (hold, _) = bank.reserve(near, 1_000, None).unwrap();
    let entry = bank.settle(hold, 400, false);
    bank.edit(entry, |value| value["data"]["hold"]["open"] = 700.into());
    tells_only(&bank, 7, "HOLD_SETTLED_WRONG");
}

#[test]
fn a_release_of_less_than_is_open_is_told() {
    let (mut bank, near, ..) = bank();
    let (hold, _) = bank.reserve(near, 1_000, None).unwrap();
    let released = bank.release(hold);
    bank.edit(released, |value| value["data"]["amount"] = 999.into());
    tells_only(&bank, 7, "HOLD_RELEASED_WRONG");
}

#[test]
fn a_hold_that_lapses_early_is_told() {
    let (mut bank, near, ..) = bank();
    let due = bank.now + 1_000_000;
    let (hold, _) = bank.reserve(near, 1_000, Some(due)).unwrap();
    bank.now += 10;
    let earlier = bank.now;
    bank.now = due;
    let lapsed = bank.timer_due(near, hold, due);
    bank.edit(lapsed, |value| value["time"] = earlier.into());
    tells_only(&bank, 7, "HOLD_EXPIRED_EARLY");
}

#[test]
fn a_swallowed_timer_is_told() {
    let (mut bank, near, ..) = bank();
    let due = bank.now + 1_000;
    let (hold, _) = bank.reserve(near, 1_000, Some(due)).unwrap();
    bank.now = due;
    let (asked, timer) = bank.timer(near, hold, due);
    bank.tell_runtime(&asked, TimerIgnored { timer });
    tells_only(&bank, 7, "TIMER_SWALLOWED");
}

#[test]
fn a_due_timer_that_is_put_off_is_told() {
    let (mut bank, near, ..) = bank();
    let due = bank.now + 1_000;
    let (hold, _) = bank.reserve(near, 1_000, Some(due)).unwrap();
    bank.now = due;
    let (asked, timer) = bank.timer(near, hold, due);
    bank.tell_runtime(&asked, TimerRearmed { timer });
    tells_only(&bank, 7, "TIMER_NOT_HONOURED");
}

#[test]
fn a_timer_that_never_came_is_told() {
    let (mut bank, near, ..) = bank();
    let due = bank.now + 1_000;
    bank.reserve(near, 1_000, Some(due)).unwrap();
    let cut = Cut {
        expired_before: Some(due + 1),
        ..bank.cut()
    };
    tells_at(&bank, &cut, 7, "HOLD_OUTLIVED_EXPIRY");
    assert_eq!(told(&bank.check()), []);
}

// ----- 8: sequences

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
    bank.append(tributary_contracts::record::Record {
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

// ----- 9: refusals

#[test]
fn a_refused_command_that_had_an_effect_is_told() {
    let (mut bank, near, ..) = bank();
    let asked = bank.ask(bank.credit_command(near, 100));
    let refused = tributary_contracts::runtime::CommandRefused {
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

// ----- 12: consumed

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

// ----- 13: closed days

#[test]
fn a_booking_into_a_closed_day_is_told() {
    let (mut bank, near, ..) = bank();
    bank.close_day(0);
    bank.credit(near, 100);
    tells(&bank, 13, "BOOKED_INTO_CLOSED_DAY");
}

#[test]
fn a_day_that_closes_again_is_told() {
    let (mut bank, ..) = bank();
    bank.close_day(0);
    bank.close_day(0);
    tells_only(&bank, 13, "DAY_CLOSED_AGAIN");
}
