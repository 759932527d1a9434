use tributary_contracts::accounts::{
    AccountsCommand, AccountsEvent, BlockAccount, BlockScope, Credit, EntryKind, EntryPosted, TransferOut,
};
use tributary_ids::{AccountId, CommandId, PaymentId};
use tributary_stream::StreamEvent;

use crate::bank::{Event, bank, cash, date, now_ms, record, refusal};

fn transfer(from: AccountId, to: AccountId, payment: &str, amount: &str) -> TransferOut {
    TransferOut {
        account_id: from,
        payment_id: PaymentId::named(payment),
        creditor: to,
        amount: amount.into(),
        currency: "CZK".parse().unwrap(),
        hold_id: None,
        booking_date: date("2026-01-05"),
        value_date: None,
        import: None,
        details: Default::default(),
    }
}

fn entries_of(events: &[Event], payment: &str) -> Vec<EntryPosted> {
    let payment = Some(PaymentId::named(payment));
    let entry = |event: &Event| match &event.data {
        StreamEvent::Service(AccountsEvent::EntryPosted(entry)) => Some(entry.clone()),
        _ => None,
    };
    events
        .iter()
        .filter_map(entry)
        .filter(|entry| entry.payment_id == payment)
        .collect()
}

#[test]
fn a_transfer_reaches_the_creditor_through_transit_in_whatever_partition_it_lives() {
    let bank = bank();
    // Several pairs, so that some live in one partition and some in two.
    for number in 0..4 {
        let (debtor, creditor) = (bank.account("100.00"), bank.account("0"));
        let payment = bank.unique(&format!("payment {number}"));

        let events = bank.ask(transfer(debtor, creditor, &payment, "30.50"));
        assert_eq!(refusal(&events), None);

        let entries = bank
            .await_events(|events| Some(entries_of(events, &payment)).filter(|entries| entries.len() == 2));
        let find = |kind| entries.iter().find(|entry| entry.kind == kind).unwrap();
        assert_eq!(find(EntryKind::TransferOut).balance_after, 6_950);
        assert_eq!(find(EntryKind::TransferIn).balance_after, 3_050);
        assert!(entries.iter().all(|entry| entry.imbalance() == 0));
    }
}

#[test]
fn what_the_creditor_refuses_comes_back_to_the_debtor() {
    let bank = bank();
    let (debtor, creditor) = (bank.account("100.00"), bank.account("0"));
    bank.ask(BlockAccount {
        account_id: creditor,
        scope: BlockScope::All,
        reason: "court-order".into(),
    });
    let payment = bank.unique("payment");

    bank.ask(transfer(debtor, creditor, &payment, "30.50"));

    let entries =
        bank.await_events(|events| Some(entries_of(events, &payment)).filter(|entries| entries.len() == 2));
    let returned = entries
        .iter()
        .find(|entry| entry.kind == EntryKind::TransferReturn)
        .unwrap();
    assert_eq!((returned.account_id, returned.balance_after), (debtor, 10_000));
}

#[test]
fn a_command_that_comes_again_has_one_effect_and_under_another_body_none() {
    let bank = bank();
    let account_id = bank.account("0");
    let id = CommandId::named(&bank.unique("credit"));
    let credit = |amount: &str| {
        AccountsCommand::from(Credit {
            account_id,
            amount: amount.into(),
            currency: "CZK".parse().unwrap(),
            contra: cash(),
            rounding: None,
            booking_date: date("2026-01-05"),
            value_date: None,
            import: None,
            details: Default::default(),
        })
    };
    let not_after = Some(now_ms() + 60_000);

    let first = bank.answer(&record(id, &credit("5.00"), not_after));
    let second = bank.answer(&record(id, &credit("5.00"), not_after));
    let other = bank.answer(&record(id, &credit("6.00"), not_after));

    assert!(matches!(
        first[0].data,
        StreamEvent::Service(AccountsEvent::EntryPosted(_))
    ));
    assert!(
        matches!(second[0].data, StreamEvent::Runtime(_)),
        "{:?}",
        second[0].data
    );
    assert_eq!(refusal(&other), Some("COMMAND_ID_REUSED"));
}
