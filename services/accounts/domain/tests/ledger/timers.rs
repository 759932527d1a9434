use tributary_accounts_domain::timer_changes;
use tributary_contracts::{
    accounts::{
        AccountsEvent, Direction, EntryKind, EntryPosted, GlAccount, HoldPlaced, HoldReleased, HoldSettlement,
    },
    runtime::{TimerChange, TimerId},
};

use crate::harness::{NOW, anna, credited, debit, entry, given, hold, opened, placed};

const DUE: i64 = NOW + 60_000;

fn placed_until(expires_at: Option<i64>) -> AccountsEvent {
    HoldPlaced {
        account_id: anna(),
        seq: 3,
        hold_id: hold(),
        direction: Direction::Out,
        amount: 700,
        expires_at,
    }
    .into()
}

fn released(seq: u64, expired: bool) -> AccountsEvent {
    HoldReleased {
        account_id: anna(),
        seq,
        hold_id: hold(),
        amount: 700,
        expired,
    }
    .into()
}

fn timer(due: i64) -> TimerId {
    TimerId {
        due,
        aggregate: anna().to_string(),
        name: format!("hold/{}", hold()),
    }
}

fn settled(released: i64, open: i64) -> AccountsEvent {
    EntryPosted {
        hold: Some(HoldSettlement {
            hold_id: hold(),
            settled: 100,
            released,
            open,
        }),
        ..entry(anna(), 4, EntryKind::Settlement, -100, GlAccount::CASH, 900)
    }
    .into()
}

fn disarmed() -> TimerChange {
    TimerChange::Disarm {
        aggregate: anna().to_string(),
        name: format!("hold/{}", hold()),
    }
}

#[test]
fn a_hold_lapses_when_it_is_due_and_its_money_is_free_again() {
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed_until(Some(DUE)),
    ])
    .when_due(&timer(DUE))
    .then([released(4, true)])
    .when(debit("10"))
    .then([entry(anna(), 5, EntryKind::Debit, -1000, GlAccount::CASH, 0).into()]);
}

#[test]
fn a_timer_that_nothing_waits_for_does_nothing() {
    let ended = [
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed_until(Some(DUE)),
        released(4, false),
    ];
    given(ended).when_due(&timer(DUE)).then([]);
    let never = [
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed_until(None),
    ];
    given(never).when_due(&timer(DUE)).then([]);
    let later = [
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed_until(Some(DUE + 1)),
    ];
    given(later).when_due(&timer(DUE)).then([]);
    given([]).when_due(&timer(DUE)).then([]);
    let not_of_a_hold = TimerId {
        name: "interest/1".to_owned(),
        ..timer(DUE)
    };
    given([]).when_due(&not_of_a_hold).then([]);
}

#[test]
fn a_hold_with_an_expiry_arms_a_timer_and_its_end_disarms_it() {
    let changes = |event: &AccountsEvent| timer_changes(event).collect::<Vec<_>>();
    assert_eq!(changes(&placed_until(Some(DUE))), [TimerChange::Arm(timer(DUE))]);
    assert_eq!(changes(&placed_until(None)), []);
    assert_eq!(changes(&released(4, false)), [disarmed()]);
    assert_eq!(changes(&settled(0, 600)), []);
    assert_eq!(changes(&settled(600, 0)), [disarmed()]);
    assert_eq!(changes(&credited(anna(), 2, 1, 1)), []);
    assert_eq!(changes(&placed(anna(), 2, Direction::In, 1)), []);
}
