//! Faults in entries, transfers and funds: invariants 1, 2, 3, 13.

use tributary_checker::{Cut, LedgerCheck};
use tributary_contracts::accounts::{EntryKind, GlAccount, TransferIn};

use super::{bank, tells, tells_only, told};
use crate::bank::{PARTITIONS, Place, czk};
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

#[test]
fn a_double_credit_is_told() {
    let (mut bank, near, far, _) = bank();
    let (payment, asked, _) = bank.send(near, far, 500).unwrap();
    bank.receive(&asked, payment, near, far, 500);
    let again = bank.ask(TransferIn {
        account_id: far,
        payment_id: payment,
        debtor: near,
        amount: "5.00".into(),
        currency: czk(),
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
