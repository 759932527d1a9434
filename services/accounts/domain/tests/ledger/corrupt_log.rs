//! What no ledger could have written is found when it is read.

use tributary_accounts_domain::{Fault, Recorded, evolve};
use tributary_contracts::accounts::{
    AccountsEvent, Direction, EntryKind, EntryPosted, GlAccount, HoldAdjusted, HoldReleased, HoldSettlement,
    LedgerAccount, TransferRefused,
};

use crate::harness::{
    NOW, anna, boris, closed, credited, czk, date, day_closed, entry, eur, given, given_id, hold, leg,
    opened, payment, placed, step, today,
};

#[track_caller]
fn is_found<const N: usize>(given_events: [AccountsEvent; N], event: impl Into<AccountsEvent>, fault: Fault) {
    let mut books = given(given_events).books;
    let recorded = Recorded {
        event_id: given_id(N),
        time_ms: NOW,
    };
    let corrupt = evolve(&mut books, &event.into(), &recorded).unwrap_err();
    assert_eq!(corrupt.fault, fault);
    assert_eq!(corrupt.event_id, given_id(N));
}

fn second_credit() -> EntryPosted {
    entry(anna(), 3, EntryKind::Credit, 500, GlAccount::CASH, 1500)
}

fn with_money() -> [AccountsEvent; 2] {
    [opened(anna()), credited(anna(), 2, 1000, 1000)]
}

#[test]
fn an_event_of_no_account_or_a_second_opening() {
    is_found([], credited(anna(), 2, 1000, 1000), Fault::AccountUnknown);
    is_found([opened(anna())], opened(anna()), Fault::AccountExists);
}

#[test]
fn a_number_that_is_missing_or_doubled() {
    for seq in [2, 4] {
        let event = EntryPosted {
            seq,
            ..second_credit()
        };
        is_found(
            with_money(),
            event,
            Fault::SequenceGap {
                expected: 3,
                found: seq,
            },
        );
    }
}

#[test]
fn legs_that_do_not_balance_or_are_not_those_of_an_entry() {
    let legs = |legs: &[tributary_contracts::accounts::Leg]| EntryPosted {
        legs: legs.iter().copied().collect(),
        ..second_credit()
    };
    let own = |amount| leg(LedgerAccount::Customer(anna()), amount);
    let cash = |amount| leg(LedgerAccount::Gl(GlAccount::CASH), amount);
    is_found(with_money(), legs(&[own(500), cash(-499)]), Fault::Unbalanced(1));
    is_found(with_money(), legs(&[]), Fault::LegsMalformed);
    is_found(with_money(), legs(&[own(500), own(-500)]), Fault::LegsMalformed);
    is_found(with_money(), legs(&[cash(-500), own(500)]), Fault::LegsMalformed);
    is_found(with_money(), legs(&[own(0), cash(0)]), Fault::LegsMalformed);
    let others = leg(LedgerAccount::Customer(boris()), -500);
    is_found(with_money(), legs(&[own(500), others]), Fault::LegsMalformed);
    let negative = tributary_contracts::accounts::Leg {
        amount: -500,
        ..own(500)
    };
    is_found(with_money(), legs(&[negative, cash(500)]), Fault::LegsMalformed);
}

#[test]
fn a_balance_that_is_not_what_the_legs_give() {
    let event = EntryPosted {
        balance_after: 1501,
        ..second_credit()
    };
    is_found(
        with_money(),
        event,
        Fault::BalanceDiffers {
            expected: 1500,
            found: 1501,
        },
    );
}

#[test]
fn an_entry_in_another_currency_on_a_closed_account_or_in_a_closed_day() {
    let euros = EntryPosted {
        currency: eur(),
        ..second_credit()
    };
    is_found(with_money(), euros, Fault::CurrencyDiffers);
    let on_closed = [opened(anna()), closed(anna(), 2)];
    is_found(on_closed, credited(anna(), 3, 1, 1), Fault::AccountClosed);
    let late = [opened(anna()), day_closed("1993-03-01")];
    is_found(late, credited(anna(), 2, 1, 1), Fault::DayClosed(today()));
    is_found(
        [day_closed("1993-03-01")],
        day_closed("1993-03-01"),
        Fault::DayClosed(date("1993-03-01")),
    );
}

#[test]
fn a_debit_below_zero_that_nobody_forced() {
    let event = entry(anna(), 3, EntryKind::Debit, -1001, GlAccount::CASH, -1);
    is_found(with_money(), event, Fault::AvailableNegative(-1));
}

#[test]
fn a_closing_of_an_account_that_has_money() {
    is_found(with_money(), closed(anna(), 3), Fault::AccountClosed);
}

#[test]
fn a_hold_that_is_doubled_unknown_or_has_other_amounts() {
    let with_hold = || {
        [
            opened(anna()),
            credited(anna(), 2, 1000, 1000),
            placed(anna(), 3, Direction::Out, 700),
        ]
    };
    is_found(
        with_hold(),
        placed(anna(), 4, Direction::Out, 700),
        Fault::HoldDiffers,
    );
    is_found(
        [opened(anna())],
        placed(anna(), 2, Direction::In, 0),
        Fault::HoldDiffers,
    );
    let adjusted = |from, to| HoldAdjusted {
        account_id: anna(),
        seq: 4,
        hold_id: hold(),
        from,
        to,
    };
    is_found(with_hold(), adjusted(600, 800), Fault::HoldDiffers);
    is_found(with_hold(), adjusted(700, 0), Fault::HoldDiffers);
    let released = |seq, amount| HoldReleased {
        account_id: anna(),
        seq,
        hold_id: hold(),
        amount,
        expired: false,
    };
    is_found(with_hold(), released(4, 699), Fault::HoldDiffers);
    is_found(with_money(), released(3, 1), Fault::HoldDiffers);
    let settled = |settled, released, open| EntryPosted {
        hold: Some(HoldSettlement {
            hold_id: hold(),
            settled,
            released,
            open,
        }),
        ..entry(anna(), 4, EntryKind::Settlement, -500, GlAccount::CASH, 500)
    };
    is_found(with_hold(), settled(500, 0, 100), Fault::HoldDiffers);
    is_found(with_hold(), settled(400, 0, 300), Fault::HoldDiffers);
    is_found(with_hold(), settled(500, 300, -100), Fault::HoldDiffers);
    let unknown = EntryPosted {
        seq: 3,
        ..settled(500, 0, 0)
    };
    is_found(with_money(), unknown, Fault::HoldDiffers);
}

#[test]
fn a_payment_that_pays_twice_or_comes_from_nowhere() {
    let sent = || {
        [
            opened(anna()),
            credited(anna(), 2, 1000, 1000),
            opened(boris()),
            step(EntryKind::TransferOut, 3, 300, 700).into(),
        ]
    };
    is_found(
        sent(),
        step(EntryKind::TransferOut, 4, 300, 400),
        Fault::TransitDiffers,
    );
    is_found(
        sent(),
        step(EntryKind::TransferIn, 2, 301, 301),
        Fault::TransitDiffers,
    );
    let without_payment = EntryPosted {
        payment_id: None,
        ..step(EntryKind::TransferIn, 2, 300, 300)
    };
    is_found(sent(), without_payment, Fault::TransitDiffers);
    is_found(
        with_money(),
        step(EntryKind::TransferReturn, 3, 300, 1300),
        Fault::TransitDiffers,
    );
    let credited_too = [
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        opened(boris()),
        step(EntryKind::TransferOut, 3, 300, 700).into(),
        step(EntryKind::TransferIn, 2, 300, 300).into(),
    ];
    is_found(
        credited_too.clone(),
        step(EntryKind::TransferReturn, 4, 300, 1000),
        Fault::TransitDiffers,
    );
    let refused = TransferRefused {
        account_id: boris(),
        payment_id: payment(),
        debtor: anna(),
        amount: 300,
        currency: czk(),
        code: "ACCOUNT_BLOCKED".into(),
    };
    is_found(credited_too, refused, Fault::TransitDiffers);
}

#[test]
fn a_reversal_of_what_is_unknown_or_was_reversed() {
    let reversal = |seq, number: usize, movement: i64, balance| EntryPosted {
        reverses: Some(given_id(number).to_string().into()),
        ..entry(
            anna(),
            seq,
            EntryKind::Reversal,
            movement,
            GlAccount::CASH,
            balance,
        )
    };
    is_found(with_money(), reversal(3, 7, -1000, 0), Fault::EntryDiffers);
    let reversed = [
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        credited(anna(), 3, 1000, 2000),
        reversal(4, 1, -1000, 1000).into(),
    ];
    is_found(reversed, reversal(5, 1, -1000, 0), Fault::EntryDiffers);
}

#[test]
fn a_name_that_is_too_long_to_be_kept() {
    let event = EntryPosted {
        import: Some(tributary_contracts::accounts::ImportRef {
            source: "s".repeat(33).into(),
            sequence: 1,
            after: None,
        }),
        ..second_credit()
    };
    is_found(with_money(), event, Fault::NameTooLong);
}
