use tributary_accounts_domain::REMEMBERED_MS;
use tributary_contracts::accounts::{
    AccountsCommand, BlockScope, Details, Direction, EntryKind, EntryPosted, GlAccount, HoldSettlement,
    ImportRef, LedgerAccount, ReturnTransfer, TransferIn, TransferOut, TransferRefused, TransferredTo,
};
use tributary_ids::AccountId;

use crate::harness::{
    Given, anna, blocked, boris, closed, credit, credited, czk, date, day_closed, debit, entry, eur,
    forced_down, given, hold, leg, opened, payment, placed, step, today, transfer_in, transfer_out,
};

fn with_money() -> Given {
    given([opened(anna()), credited(anna(), 2, 1000, 1000), opened(boris())])
}

fn sent() -> Given {
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        opened(boris()),
        step(EntryKind::TransferOut, 3, 700, 300).into(),
    ])
}

fn refused(code: &str) -> TransferRefused {
    TransferRefused {
        account_id: boris(),
        payment_id: payment(),
        debtor: anna(),
        amount: 700,
        currency: czk(),
        code: code.into(),
    }
}

fn return_transfer(reason: &str) -> ReturnTransfer {
    ReturnTransfer {
        account_id: anna(),
        payment_id: payment(),
        creditor: boris(),
        amount: "7".into(),
        currency: czk(),
        reason: reason.into(),
        booking_date: today(),
        value_date: None,
    }
}

#[test]
fn a_transfer_goes_into_transit_and_out_again() {
    with_money()
        .when(transfer_out("7"))
        .then_sends(
            [step(EntryKind::TransferOut, 3, 700, 300).into()],
            [transfer_in("7").into()],
        )
        .when(transfer_in("7"))
        .ends(Some(TransferredTo::Creditor))
        .then([step(EntryKind::TransferIn, 2, 700, 700).into()])
        .when(transfer_in("7"))
        .ends(Some(TransferredTo::Creditor))
        .then_nothing_to_do("PAYMENT_EXISTS")
        .when(transfer_out("7"))
        .ends(None)
        .then_nothing_to_do_but_send("PAYMENT_EXISTS", [transfer_in("7").into()]);
}

#[test]
fn dates_and_details_travel_with_the_transfer_and_late_steps_book_into_the_open_day() {
    let details = Details {
        purpose: Some("SALA".into()),
        ..Details::default()
    };
    let out = TransferOut {
        value_date: Some(date("1993-02-15")),
        details: details.clone(),
        ..transfer_out("7")
    };
    let follow_up = TransferIn {
        value_date: Some(date("1993-02-15")),
        details: details.clone(),
        ..transfer_in("7")
    };
    let late = EntryPosted {
        booking_date: date("1993-03-02"),
        value_date: date("1993-02-15"),
        details: details.clone(),
        ..step(EntryKind::TransferOut, 3, 700, 300)
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        day_closed("1993-03-01"),
    ])
    .when(out)
    .then_sends([late.into()], [AccountsCommand::from(follow_up)]);
}

#[test]
fn a_transfer_takes_no_more_than_is_available_and_leaves_no_blocked_account() {
    with_money()
        .when(transfer_out("10.01"))
        .then_refused("INSUFFICIENT_FUNDS");
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        blocked(anna(), 3, BlockScope::Debits),
    ])
    .when(transfer_out("7"))
    .then_refused("ACCOUNT_BLOCKED");
    given([opened(anna()), closed(anna(), 2)])
        .when(transfer_out("7"))
        .then_refused("ACCOUNT_CLOSED");
    given([]).when(transfer_out("7")).then_refused("ACCOUNT_UNKNOWN");
}

#[test]
fn a_transfer_with_a_hold_uses_its_money_and_releases_the_rest() {
    let out = |amount| TransferOut {
        hold_id: Some(hold()),
        ..transfer_out(amount)
    };
    let with_hold = EntryPosted {
        hold: Some(HoldSettlement {
            hold_id: hold(),
            settled: 700,
            released: 200,
            open: 0,
        }),
        ..step(EntryKind::TransferOut, 4, 700, 300)
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 900),
    ])
    .when(transfer_out("7"))
    .then_refused("INSUFFICIENT_FUNDS")
    .when(out("9.01"))
    .then_refused("HOLD_EXCEEDED")
    .when(out("7"))
    .then_sends([with_hold.into()], [transfer_in("7").into()])
    .when(debit("3"))
    .then([entry(anna(), 5, EntryKind::Debit, -300, GlAccount::CASH, 0).into()]);
}

#[test]
fn a_transfer_with_a_hold_needs_one_that_is_open_and_keeps_money_back() {
    let out = || TransferOut {
        hold_id: Some(hold()),
        ..transfer_out("7")
    };
    with_money().when(out()).then_refused("HOLD_UNKNOWN");
    given([opened(anna()), placed(anna(), 2, Direction::In, 900)])
        .when(out())
        .then_refused("HOLD_WRONG_DIRECTION");
    let blocked = given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 900),
        blocked(anna(), 4, BlockScope::All),
    ]);
    blocked.when(out()).then_refused("ACCOUNT_BLOCKED");
    let used = EntryPosted {
        hold: Some(HoldSettlement {
            hold_id: hold(),
            settled: 900,
            released: 0,
            open: 0,
        }),
        ..entry(anna(), 4, EntryKind::Settlement, -900, GlAccount::CASH, 100)
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 900),
        used.into(),
    ])
    .when(out())
    .then_refused("HOLD_NOT_OPEN");
}

#[test]
fn a_transfer_of_nothing_to_oneself_or_in_another_currency_is_refused() {
    with_money()
        .when(transfer_out("0"))
        .then_refused("AMOUNT_NOT_POSITIVE")
        .when(TransferOut {
            creditor: anna(),
            ..transfer_out("1")
        })
        .then_refused("TRANSFER_TO_SELF")
        .when(TransferOut {
            currency: eur(),
            ..transfer_out("1")
        })
        .then_refused("CURRENCY_MISMATCH");
}

#[test]
fn another_transfer_with_the_same_payments_id_is_refused() {
    let elsewhere = || AccountId::named("elsewhere");
    sent()
        .when(transfer_out("8"))
        .then_refused("PAYMENT_CONFLICT")
        .when(TransferOut {
            creditor: elsewhere(),
            ..transfer_out("7")
        })
        .then_refused("PAYMENT_CONFLICT")
        .when(transfer_in("8"))
        .then_refused("PAYMENT_CONFLICT");
}

#[test]
fn the_same_id_of_two_debtors_names_two_payments() {
    let of_another = || TransferIn {
        debtor: AccountId::named("of another partition"),
        ..transfer_in("7")
    };
    let also_credited = EntryPosted {
        counterparty: Some(of_another().debtor),
        ..step(EntryKind::TransferIn, 3, 700, 1400)
    };
    sent()
        .when(transfer_in("7"))
        .then([step(EntryKind::TransferIn, 2, 700, 700).into()])
        .when(of_another())
        .then([also_credited.into()])
        .when(of_another())
        .then_nothing_to_do("PAYMENT_EXISTS");
}

#[test]
fn money_comes_from_a_debtor_of_another_partition_as_well() {
    given([opened(boris())])
        .when(transfer_in("7"))
        .then([step(EntryKind::TransferIn, 2, 700, 700).into()])
        .when(transfer_in("7"))
        .then_nothing_to_do("PAYMENT_EXISTS");
}

#[test]
fn nothing_comes_out_of_transit_that_a_debtor_of_this_partition_did_not_put_in() {
    with_money()
        .when(transfer_in("7"))
        .then_refused("PAYMENT_UNKNOWN");
    with_money()
        .when(return_transfer("ACCOUNT_CLOSED"))
        .then_refused("PAYMENT_UNKNOWN");
    given([opened(anna()), opened(boris())])
        .when(return_transfer("ACCOUNT_CLOSED"))
        .then_refused("PAYMENT_UNKNOWN");
}

#[test]
fn what_the_creditors_account_refuses_goes_back_at_once() {
    let creditor_in_euros = {
        let mut event = match opened(boris()) {
            tributary_contracts::accounts::AccountsEvent::AccountOpened(event) => event,
            _ => unreachable!(),
        };
        event.currency = eur();
        event.into()
    };
    for (books, code) in [
        (given([]), "ACCOUNT_UNKNOWN"),
        (given([opened(boris()), closed(boris(), 2)]), "ACCOUNT_CLOSED"),
        (
            given([opened(boris()), blocked(boris(), 2, BlockScope::All)]),
            "ACCOUNT_BLOCKED",
        ),
        (given([creditor_in_euros]), "CURRENCY_MISMATCH"),
        (
            given([opened(boris()), credited(boris(), 2, i64::MAX, i64::MAX)]),
            "AMOUNT_OVERFLOW",
        ),
    ] {
        books
            .when(transfer_in("7"))
            .ends(None)
            .then_sends([refused(code).into()], [return_transfer(code).into()])
            .when(transfer_in("7"))
            .ends(None)
            .then_nothing_to_do_but_send("PAYMENT_EXISTS", [return_transfer(code).into()]);
    }
}

#[test]
fn a_block_of_debits_lets_a_transfer_in() {
    given([opened(boris()), blocked(boris(), 2, BlockScope::Debits)])
        .when(transfer_in("7"))
        .then([step(EntryKind::TransferIn, 3, 700, 700).into()]);
}

#[test]
fn a_transfer_in_that_says_nothing_sensible_is_refused_as_a_whole() {
    given([opened(boris())])
        .when(transfer_in("0"))
        .then_refused("AMOUNT_NOT_POSITIVE")
        .when(TransferIn {
            debtor: boris(),
            ..transfer_in("7")
        })
        .then_refused("TRANSFER_TO_SELF")
        .when(TransferIn {
            booking_date: date("0001-01-01"),
            ..transfer_in("7")
        })
        .then_refused("DATE_OUT_OF_RANGE");
}

#[test]
fn a_return_gives_the_debtor_the_money_back_once() {
    sent()
        .when(return_transfer("ACCOUNT_CLOSED"))
        .then([step(EntryKind::TransferReturn, 4, 700, 1000).into()])
        .when(return_transfer("ACCOUNT_CLOSED"))
        .then_nothing_to_do("PAYMENT_EXISTS")
        .when(transfer_in("7"))
        .then_refused("PAYMENT_CONFLICT");
}

#[test]
fn a_return_of_another_amount_or_of_a_credited_payment_is_refused() {
    sent()
        .when(ReturnTransfer {
            amount: "8".into(),
            ..return_transfer("ACCOUNT_CLOSED")
        })
        .then_refused("PAYMENT_CONFLICT")
        .when(transfer_in("7"))
        .then([step(EntryKind::TransferIn, 2, 700, 700).into()])
        .when(return_transfer("ACCOUNT_CLOSED"))
        .then_refused("PAYMENT_CONFLICT");
    given([])
        .when(return_transfer("ACCOUNT_CLOSED"))
        .then_refused("ACCOUNT_UNKNOWN");
}

#[test]
fn a_return_reaches_a_blocked_account_and_is_marked() {
    let marked = EntryPosted {
        forced: true,
        ..step(EntryKind::TransferReturn, 5, 700, 1000)
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        step(EntryKind::TransferOut, 3, 700, 300).into(),
        blocked(anna(), 4, BlockScope::All),
    ])
    .when(return_transfer("ACCOUNT_UNKNOWN"))
    .then([marked.into()]);
}

#[test]
fn a_return_to_a_closed_account_goes_to_suspense() {
    let in_suspense = EntryPosted {
        legs: [
            leg(LedgerAccount::Gl(GlAccount::IN_TRANSIT), -1000),
            leg(LedgerAccount::Gl(GlAccount::SUSPENSE), 1000),
        ]
        .into_iter()
        .collect(),
        ..step(EntryKind::TransferReturn, 5, 1000, 0)
    };
    let all = ReturnTransfer {
        amount: "10".into(),
        ..return_transfer("ACCOUNT_BLOCKED")
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        step(EntryKind::TransferOut, 3, 1000, 0).into(),
        closed(anna(), 4),
    ])
    .when(all.clone())
    .then([in_suspense.into()])
    .when(all)
    .then_nothing_to_do("PAYMENT_EXISTS");
}

#[test]
fn a_return_that_the_debtors_balance_cannot_hold_goes_to_suspense_too() {
    let outcome = given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        step(EntryKind::TransferOut, 3, 700, 300).into(),
        credited(anna(), 4, i64::MAX - 300, i64::MAX),
    ])
    .when(return_transfer("ACCOUNT_BLOCKED"));
    assert_eq!(outcome.entry().balance_after, i64::MAX);
    assert_eq!(
        outcome.entry().legs[1],
        leg(LedgerAccount::Gl(GlAccount::SUSPENSE), 700)
    );
}

#[test]
fn a_transfer_of_a_history_is_sent_once() {
    let import = Some(ImportRef {
        source: "berka".into(),
        sequence: 3,
        after: None,
    });
    let out = || TransferOut {
        import: import.clone(),
        ..transfer_out("7")
    };
    let imported = EntryPosted {
        import: import.clone(),
        ..step(EntryKind::TransferOut, 3, 700, 300)
    };
    with_money()
        .when(out())
        .then_sends([imported.into()], [transfer_in("7").into()])
        .when(out())
        .then_nothing_to_do("ROW_IMPORTED_BEFORE");
}

#[test]
fn a_transfer_keeps_an_overdrawn_account_where_it_is() {
    given([opened(anna()), forced_down(anna(), 2, 500, -500), opened(boris())])
        .when(transfer_out("0.01"))
        .then_refused("INSUFFICIENT_FUNDS")
        .when(credit("5"))
        .then([credited(anna(), 3, 500, 0)])
        .when(transfer_out("0.01"))
        .then_refused("INSUFFICIENT_FUNDS");
}

#[test]
fn a_payments_id_can_be_sent_again_only_when_no_creditor_remembers_it() {
    let sent_at_the_latest = 2 * REMEMBERED_MS;
    // A creditor that has forgotten the payment would take the money a second time.
    sent()
        .when_later(sent_at_the_latest, transfer_out("7"))
        .then_nothing_to_do("PAYMENT_EXISTS");
    sent()
        .when_later(REMEMBERED_MS / 3 + 1, transfer_out("7"))
        .then_nothing_to_do("PAYMENT_EXISTS");
    sent()
        .when_later(REMEMBERED_MS / 3, transfer_out("7"))
        .then_nothing_to_do_but_send("PAYMENT_EXISTS", [transfer_in("7").into()]);
    sent()
        .when_later(sent_at_the_latest, return_transfer("ACCOUNT_CLOSED"))
        .then([step(EntryKind::TransferReturn, 4, 700, 1000).into()]);
    given([
        opened(anna()),
        credited(anna(), 2, 2000, 2000),
        step(EntryKind::TransferOut, 3, 700, 1300).into(),
    ])
    .when_later(sent_at_the_latest + 1, transfer_out("7"))
    .then_sends(
        [step(EntryKind::TransferOut, 4, 700, 600).into()],
        [transfer_in("7").into()],
    );
    let received = || given([opened(boris()), step(EntryKind::TransferIn, 2, 700, 700).into()]);
    received()
        .when_later(REMEMBERED_MS, transfer_in("7"))
        .then_nothing_to_do("PAYMENT_EXISTS");
    received()
        .when_later(REMEMBERED_MS + 1, transfer_in("7"))
        .then([step(EntryKind::TransferIn, 3, 700, 1400).into()]);
}
