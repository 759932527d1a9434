use tributary_contracts::accounts::{
    AdjustHold, BlockScope, Direction, EntryKind, EntryPosted, GlAccount, HoldAdjusted, HoldPlaced,
    HoldReleased, HoldSettlement, ImportRef, Release, Reserve, Settle,
};

use crate::harness::{
    NOW, anna, blocked, closed, credited, czk, debit, entry, eur, forced_down, given, hold, opened, placed,
    reserve, settle,
};

fn adjust(amount: &str) -> AdjustHold {
    AdjustHold {
        account_id: anna(),
        hold_id: hold(),
        amount: amount.into(),
        currency: czk(),
    }
}

fn release() -> Release {
    Release {
        account_id: anna(),
        hold_id: hold(),
    }
}

fn released(seq: u64, amount: i64) -> HoldReleased {
    HoldReleased {
        account_id: anna(),
        seq,
        hold_id: hold(),
        amount,
        expired: false,
    }
}

fn settled(seq: u64, amount: i64, balance_after: i64, used: (i64, i64, i64)) -> EntryPosted {
    let (settled, released, open) = used;
    EntryPosted {
        hold: Some(HoldSettlement {
            hold_id: hold(),
            settled,
            released,
            open,
        }),
        ..entry(
            anna(),
            seq,
            EntryKind::Settlement,
            amount,
            GlAccount::CASH,
            balance_after,
        )
    }
}

#[test]
fn a_hold_keeps_money_from_being_spent() {
    given([opened(anna()), credited(anna(), 2, 1000, 1000)])
        .when(reserve(Direction::Out, "10.01"))
        .then_refused("INSUFFICIENT_FUNDS")
        .when(reserve(Direction::Out, "7"))
        .then([placed(anna(), 3, Direction::Out, 700)])
        .when(debit("3.01"))
        .then_refused("INSUFFICIENT_FUNDS");
}

#[test]
fn announced_money_is_not_available_before_it_is_settled() {
    given([opened(anna())])
        .when(reserve(Direction::In, "7"))
        .then([placed(anna(), 2, Direction::In, 700)])
        .when(debit("0.01"))
        .then_refused("INSUFFICIENT_FUNDS")
        .when(settle("7", false))
        .then([settled(3, 700, 700, (700, 0, 0)).into()])
        .when(debit("7"))
        .then([entry(anna(), 4, EntryKind::Debit, -700, GlAccount::CASH, 0).into()]);
}

#[test]
fn the_same_reserve_again_does_nothing_and_another_of_that_id_is_refused() {
    let other = Reserve {
        expires_at: Some(NOW + 1),
        ..reserve(Direction::Out, "7")
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 700),
    ])
    .when(reserve(Direction::Out, "7"))
    .then_nothing_to_do("HOLD_EXISTS")
    .when(reserve(Direction::Out, "8"))
    .then_refused("HOLD_CONFLICT")
    .when(reserve(Direction::In, "7"))
    .then_refused("HOLD_CONFLICT")
    .when(other)
    .then_refused("HOLD_CONFLICT")
    .when(settle("7", true))
    .then([settled(4, -700, 300, (700, 0, 0)).into()])
    .when(reserve(Direction::Out, "7"))
    .then_nothing_to_do("HOLD_EXISTS");
}

#[test]
fn a_block_stops_what_it_stops() {
    let account = |scope| {
        given([
            opened(anna()),
            credited(anna(), 2, 1000, 1000),
            blocked(anna(), 3, scope),
        ])
    };
    account(BlockScope::Debits)
        .when(reserve(Direction::Out, "1"))
        .then_refused("ACCOUNT_BLOCKED");
    account(BlockScope::Debits)
        .when(reserve(Direction::In, "1"))
        .then([placed(anna(), 4, Direction::In, 100)]);
    account(BlockScope::All)
        .when(reserve(Direction::In, "1"))
        .then_refused("ACCOUNT_BLOCKED");
}

#[test]
fn a_blocked_account_settles_nothing_but_releases() {
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 700),
        blocked(anna(), 4, BlockScope::Debits),
    ])
    .when(settle("7", true))
    .then_refused("ACCOUNT_BLOCKED")
    .when(adjust("8"))
    .then_refused("ACCOUNT_BLOCKED")
    .when(release())
    .then([released(5, 700).into()]);
}

#[test]
fn a_hold_needs_an_open_account_an_amount_and_a_time_to_come() {
    let command = || reserve(Direction::Out, "1");
    given([]).when(command()).then_refused("ACCOUNT_UNKNOWN");
    given([opened(anna()), closed(anna(), 2)])
        .when(command())
        .then_refused("ACCOUNT_CLOSED");
    let account = || given([opened(anna()), credited(anna(), 2, 1000, 1000)]);
    account()
        .when(reserve(Direction::Out, "0"))
        .then_refused("AMOUNT_NOT_POSITIVE");
    account()
        .when(Reserve {
            currency: eur(),
            ..command()
        })
        .then_refused("CURRENCY_MISMATCH");
    account()
        .when(Reserve {
            expires_at: Some(NOW),
            ..command()
        })
        .then_refused("EXPIRY_PASSED");
}

#[test]
fn sums_of_holds_do_not_overflow() {
    let other = Reserve {
        hold_id: tributary_ids::HoldId::named("other"),
        ..reserve(Direction::In, "0.01")
    };
    given([opened(anna()), placed(anna(), 2, Direction::In, i64::MAX)])
        .when(other)
        .then_refused("AMOUNT_OVERFLOW");
}

#[test]
fn an_open_hold_is_raised_within_what_is_available_and_lowered_at_will() {
    let adjusted = |seq, from, to| HoldAdjusted {
        account_id: anna(),
        seq,
        hold_id: hold(),
        from,
        to,
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 700),
    ])
    .when(adjust("10.01"))
    .then_refused("INSUFFICIENT_FUNDS")
    .when(adjust("10"))
    .then([adjusted(4, 700, 1000).into()])
    .when(adjust("10.00"))
    .then_nothing_to_do("HOLD_UNCHANGED")
    .when(adjust("2"))
    .then([adjusted(5, 1000, 200).into()])
    .when(debit("8"))
    .then([entry(anna(), 6, EntryKind::Debit, -800, GlAccount::CASH, 200).into()]);
}

#[test]
fn what_cannot_be_adjusted_is_refused() {
    given([]).when(adjust("1")).then_refused("ACCOUNT_UNKNOWN");
    given([opened(anna())])
        .when(adjust("1"))
        .then_refused("HOLD_UNKNOWN");
    given([opened(anna()), placed(anna(), 2, Direction::In, 700)])
        .when(adjust("0"))
        .then_refused("AMOUNT_NOT_POSITIVE")
        .when(AdjustHold {
            currency: eur(),
            ..adjust("1")
        })
        .then_refused("CURRENCY_MISMATCH")
        .when(release())
        .then([released(3, 700).into()])
        .when(adjust("1"))
        .then_refused("HOLD_NOT_OPEN");
}

#[test]
fn a_hold_is_settled_in_parts_and_the_last_one_gives_back_the_rest() {
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 700),
    ])
    .when(settle("2", false))
    .then([settled(4, -200, 800, (200, 0, 500)).into()])
    .when(debit("3.01"))
    .then_refused("INSUFFICIENT_FUNDS")
    .when(settle("5.01", true))
    .then_refused("HOLD_EXCEEDED")
    .when(settle("1", true))
    .then([settled(5, -100, 700, (100, 400, 0)).into()])
    .when(settle("1", true))
    .then_refused("HOLD_NOT_OPEN")
    .when(release())
    .then_refused("HOLD_NOT_OPEN")
    .when(debit("7"))
    .then([entry(anna(), 6, EntryKind::Debit, -700, GlAccount::CASH, 0).into()]);
}

#[test]
fn a_promised_sum_is_settled_even_after_a_forced_debit_took_the_money_and_is_marked() {
    let promised = EntryPosted {
        forced: true,
        ..settled(5, -700, -700, (700, 0, 0))
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 700),
        forced_down(anna(), 4, 1000, 0),
    ])
    .when(settle("7", true))
    .then([promised.into()]);
}

#[test]
fn a_settlement_that_is_a_row_of_a_history_is_booked_once() {
    let row = |sequence| Settle {
        import: Some(ImportRef {
            source: "berka".into(),
            sequence,
            after: None,
        }),
        ..settle("3", false)
    };
    let first = EntryPosted {
        import: row(7).import,
        ..settled(4, -300, 700, (300, 0, 400))
    };
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 700),
    ])
    .when(row(7))
    .then([first.into()])
    .when(row(7))
    .then_nothing_to_do("ROW_IMPORTED_BEFORE");
}

#[test]
fn what_cannot_be_settled_is_refused() {
    given([]).when(settle("1", true)).then_refused("ACCOUNT_UNKNOWN");
    given([opened(anna())])
        .when(settle("1", true))
        .then_refused("HOLD_UNKNOWN");
    given([opened(anna()), placed(anna(), 2, Direction::In, 700)])
        .when(settle("0", true))
        .then_refused("AMOUNT_NOT_POSITIVE")
        .when(Settle {
            contra: GlAccount::IN_TRANSIT,
            ..settle("1", true)
        })
        .then_refused("CONTRA_NOT_ALLOWED")
        .when(Settle {
            currency: eur(),
            ..settle("1", true)
        })
        .then_refused("CURRENCY_MISMATCH");
}

#[test]
fn a_release_frees_what_is_open_and_a_second_one_has_nothing_to_do() {
    given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 700),
    ])
    .when(release())
    .then([released(4, 700).into()])
    .when(release())
    .then_nothing_to_do("HOLD_ALREADY_RELEASED")
    .when(reserve(Direction::Out, "7"))
    .then_refused("HOLD_RELEASED")
    .when(debit("10"))
    .then([entry(anna(), 5, EntryKind::Debit, -1000, GlAccount::CASH, 0).into()]);
}

#[test]
fn a_release_that_comes_first_refuses_the_reserve_that_comes_late() {
    given([opened(anna()), credited(anna(), 2, 1000, 1000)])
        .when(release())
        .then([released(3, 0).into()])
        .when(reserve(Direction::Out, "7"))
        .then_refused("HOLD_RELEASED")
        .when(release())
        .then_nothing_to_do("HOLD_ALREADY_RELEASED")
        .when(settle("1", true))
        .then_refused("HOLD_NOT_OPEN");
    given([]).when(release()).then_refused("ACCOUNT_UNKNOWN");
}

#[test]
fn a_compensation_finds_no_obstacle_in_a_closed_account() {
    given([opened(anna()), closed(anna(), 2)])
        .when(release())
        .then([released(3, 0).into()]);
}

#[test]
fn a_hold_with_an_expiry_is_placed_with_it() {
    let expires_at = Some(NOW + 1);
    let command = Reserve {
        expires_at,
        ..reserve(Direction::In, "7")
    };
    let placed = HoldPlaced {
        account_id: anna(),
        seq: 2,
        hold_id: hold(),
        direction: Direction::In,
        amount: 700,
        expires_at,
    };
    given([opened(anna())]).when(command).then([placed.into()]);
}
