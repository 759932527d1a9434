use tributary_contracts::accounts::{
    BlockScope, Credit, EntryKind, EntryPosted, GlAccount, ImportRef, LedgerAccount, Reverse,
};
use tributary_ids::EventId;

use crate::harness::{
    Given, anna, blocked, boris, closed, context, credit, credited, date, day_closed, entry, given, given_id,
    leg, opened, step, today,
};

fn reverse(entry: EventId) -> Reverse {
    Reverse {
        account_id: anna(),
        entry_id: entry.to_string().into(),
        booking_date: today(),
        import: None,
    }
}

/// With the entry to reverse as event 1.
fn with_credit() -> Given {
    given([opened(anna()), credited(anna(), 2, 1000, 1000)])
}

fn reversal(seq: u64, movement: i64, balance_after: i64) -> EntryPosted {
    EntryPosted {
        reverses: Some(given_id(1).to_string().into()),
        ..entry(
            anna(),
            seq,
            EntryKind::Reversal,
            movement,
            GlAccount::CASH,
            balance_after,
        )
    }
}

#[test]
fn a_reversal_swaps_the_sides_once() {
    with_credit()
        .when(reverse(given_id(1)))
        .then([reversal(3, -1000, 0).into()])
        .when(reverse(given_id(1)))
        .then_refused("ENTRY_REVERSED");
}

#[test]
fn a_reversal_takes_back_the_rounding_too() {
    let rounded = Credit {
        rounding: Some("-0.07".into()),
        ..credit("10")
    };
    let outcome = given([opened(anna())]).when(rounded);
    let booked = outcome.entry().clone();
    let outcome = outcome
        .then([booked.into()])
        .when(reverse(context().command_id.event(0)));
    assert_eq!(
        outcome.entry().legs.as_slice(),
        [
            leg(LedgerAccount::Customer(anna()), -993),
            leg(LedgerAccount::Gl(GlAccount::CASH), 1000),
            leg(LedgerAccount::Gl(GlAccount::ROUNDING), -7),
        ]
    );
    assert_eq!(outcome.entry().balance_after, 0);
}

#[test]
fn a_reversal_of_a_rounding_alone_takes_that_back() {
    let rounded = Credit {
        rounding: Some("0.07".into()),
        ..credit("0")
    };
    let outcome = given([opened(anna())]).when(rounded);
    let booked = outcome.entry().clone();
    let outcome = outcome
        .then([booked.into()])
        .when(reverse(context().command_id.event(0)));
    assert_eq!(
        outcome.entry().legs.as_slice(),
        [
            leg(LedgerAccount::Customer(anna()), -7),
            leg(LedgerAccount::Gl(GlAccount::ROUNDING), 7),
        ]
    );
}

#[test]
fn a_reversal_is_booked_below_zero_and_past_a_block_and_is_marked() {
    let spent = entry(anna(), 3, EntryKind::Debit, -1000, GlAccount::CASH, 0);
    let below = EntryPosted {
        forced: true,
        ..reversal(4, -1000, -1000)
    };
    given([opened(anna()), credited(anna(), 2, 1000, 1000), spent.into()])
        .when(reverse(given_id(1)))
        .then([below.into()]);
    let past_block = EntryPosted {
        forced: true,
        ..reversal(4, -1000, 0)
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        blocked(anna(), 3, BlockScope::All),
    ])
    .when(reverse(given_id(1)))
    .then([past_block.into()]);
}

#[test]
fn a_reversal_keeps_the_value_date_of_what_it_takes_back() {
    let backdated = EntryPosted {
        value_date: date("1993-02-15"),
        ..entry(anna(), 2, EntryKind::Credit, 1000, GlAccount::CASH, 1000)
    };
    let outcome =
        given([opened(anna()), backdated.into(), day_closed("1993-03-05")]).when(reverse(given_id(1)));
    assert_eq!(outcome.entry().value_date, date("1993-02-15"));
    assert_eq!(outcome.entry().booking_date, date("1993-03-06"));
}

#[test]
fn an_entry_that_is_unknown_or_of_another_account_is_not_reversed() {
    let malformed = Reverse {
        entry_id: "no such thing".into(),
        ..reverse(given_id(1))
    };
    with_credit()
        .when(reverse(given_id(7)))
        .then_refused("ENTRY_UNKNOWN")
        .when(malformed)
        .then_refused("ENTRY_UNKNOWN");
    given([opened(anna()), credited(anna(), 2, 1000, 1000), opened(boris())])
        .when(Reverse {
            account_id: boris(),
            ..reverse(given_id(1))
        })
        .then_refused("ENTRY_UNKNOWN");
    given([])
        .when(reverse(given_id(1)))
        .then_refused("ACCOUNT_UNKNOWN");
}

#[test]
fn transfers_openings_and_reversals_are_not_reversed() {
    let opening = entry(
        anna(),
        2,
        EntryKind::OpeningBalance,
        1000,
        GlAccount::OPENING_BALANCES,
        1000,
    );
    given([
        opened(anna()),
        opening.into(),
        step(EntryKind::TransferOut, 3, 700, 300).into(),
        credited(anna(), 4, 100, 400),
    ])
    .when(reverse(given_id(1)))
    .then_refused("REVERSAL_NOT_ALLOWED")
    .when(reverse(given_id(2)))
    .then_refused("REVERSAL_NOT_ALLOWED");
    with_credit()
        .when(reverse(given_id(1)))
        .then([reversal(3, -1000, 0).into()])
        .when(reverse(context().command_id.event(0)))
        .then_refused("REVERSAL_NOT_ALLOWED");
}

#[test]
fn an_entry_is_reversed_for_ninety_days() {
    // 1993-03-01 is 90 days before 1993-05-30.
    let closed_until = |day| {
        given([
            opened(anna()),
            credited(anna(), 2, 1000, 1000),
            day_closed("1993-05-28"),
            day_closed(day),
        ])
    };
    let outcome = closed_until("1993-05-29").when(reverse(given_id(1)));
    assert_eq!(outcome.entry().booking_date, date("1993-05-30"));
    closed_until("1993-05-30")
        .when(reverse(given_id(1)))
        .then_refused("REVERSAL_WINDOW_PASSED");
}

#[test]
fn a_closed_account_takes_no_reversal_and_a_balance_no_overflow() {
    let to_zero = entry(anna(), 3, EntryKind::Debit, -1000, GlAccount::CASH, 0);
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        to_zero.clone().into(),
        closed(anna(), 4),
    ])
    .when(reverse(given_id(1)))
    .then_refused("ACCOUNT_CLOSED");
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        to_zero.into(),
        credited(anna(), 4, i64::MAX, i64::MAX),
    ])
    .when(reverse(given_id(2)))
    .then_refused("AMOUNT_OVERFLOW");
}

#[test]
fn a_reversal_of_a_history_is_booked_once() {
    let import = Some(ImportRef {
        source: "generated".into(),
        sequence: 4,
        after: None,
    });
    let command = || Reverse {
        import: import.clone(),
        ..reverse(given_id(1))
    };
    let booked = EntryPosted {
        import: import.clone(),
        ..reversal(3, -1000, 0)
    };
    with_credit()
        .when(command())
        .then([booked.into()])
        .when(command())
        .then_nothing_to_do("ROW_IMPORTED_BEFORE");
}
