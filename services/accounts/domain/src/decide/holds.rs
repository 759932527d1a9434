//! Holds: reserve, adjust, settle whole or in part, release, expire.

use tributary_contracts::accounts::{
    AdjustHold, Direction, EntryKind, HoldAdjusted, HoldPlaced, HoldReleased, Release, Reserve, Settle,
};
use tributary_ids::{AccountId, HoldId};

use super::{
    Context, Decision,
    booking::{Dates, Posting, Settlement, check_discretionary},
    postings::check_contra,
};
use crate::{Account, Books, Hold, HoldState, Rejection, amount, books::Import, field};

pub(super) fn reserve(books: &Books, command: &Reserve, context: &Context) -> Result<Decision, Rejection> {
    let amount = amount::positive(&command.amount, command.currency)?;
    let account = books.known(command.account_id)?;
    if let Some(hold) = books.hold(command.account_id, command.hold_id) {
        return repeated(hold, command, amount, account);
    }
    account.ready(command.currency)?;
    if command.expires_at.is_some_and(|due| due <= context.time_ms) {
        return Err(Rejection::ExpiryPassed);
    }
    check_room(account, command.direction, amount)?;
    Ok(Decision::event(HoldPlaced {
        account_id: command.account_id,
        seq: account.next_seq(),
        hold_id: command.hold_id,
        direction: command.direction,
        amount,
        expires_at: command.expires_at,
    }))
}

/// What a reserve with a known hold's id is answered.
fn repeated(hold: &Hold, command: &Reserve, amount: i64, account: &Account) -> Result<Decision, Rejection> {
    let same = hold.direction == command.direction
        && hold.reserved == amount
        && hold.expires_at == command.expires_at
        && account.currency == command.currency;
    match hold.state {
        HoldState::Released => Err(Rejection::HoldReleased),
        HoldState::Open | HoldState::Settled if same => Ok(Decision::nothing_to_do("HOLD_EXISTS")),
        HoldState::Open | HoldState::Settled => Err(Rejection::HoldConflict),
    }
}

/// That `more` may be reserved: the block, the funds, and the sum of the holds allow it.
fn check_room(account: &Account, direction: Direction, more: i64) -> Result<(), Rejection> {
    let pending = match direction {
        Direction::Out => {
            check_discretionary(account, -more)?;
            account.pending_out
        }
        Direction::In => {
            account.unblocked_for(more)?;
            account.pending_in
        }
    };
    pending
        .checked_add(more)
        .map(drop)
        .ok_or(Rejection::AmountOverflow)
}

pub(super) fn adjust(books: &Books, command: &AdjustHold) -> Result<Decision, Rejection> {
    let amount = amount::positive(&command.amount, command.currency)?;
    let account = books.known(command.account_id)?;
    account.ready(command.currency)?;
    let hold = known(books, command.account_id, command.hold_id)?;
    if hold.state != HoldState::Open {
        return Err(Rejection::HoldNotOpen);
    }
    if amount == hold.open {
        return Ok(Decision::nothing_to_do("HOLD_UNCHANGED"));
    }
    // Lowering is always allowed: it takes nothing from anybody.
    if amount > hold.open {
        check_room(account, hold.direction, amount - hold.open)?;
    }
    Ok(Decision::event(HoldAdjusted {
        account_id: command.account_id,
        seq: account.next_seq(),
        hold_id: command.hold_id,
        from: hold.open,
        to: amount,
    }))
}

/// Books also when forced debits have meanwhile taken what is available below zero, and marks it: the money was
/// promised. A block stops it.
pub(super) fn settle(books: &Books, command: &Settle) -> Result<Decision, Rejection> {
    let amount = amount::positive(&command.amount, command.currency)?;
    check_contra(command.contra)?;
    field::import(command.import.as_ref())?;
    field::details(&command.details)?;
    let dates = Dates::of(books, command.booking_date, command.value_date)?;
    let account = books.known(command.account_id)?;
    if books.import(command.account_id, command.import.as_ref())? == Import::TakenBefore {
        return Ok(Decision::nothing_to_do("ROW_IMPORTED_BEFORE"));
    }
    account.ready(command.currency)?;
    let hold = known(books, command.account_id, command.hold_id)?;
    let settlement = Settlement::of(command.hold_id, hold, amount, command.last)?;
    let posting = Posting {
        account_id: command.account_id,
        kind: EntryKind::Settlement,
        amount: match hold.direction {
            Direction::Out => -amount,
            Direction::In => amount,
        },
        rounding: 0,
        contra: command.contra,
        dates,
    };
    account.unblocked_for(posting.amount)?;
    let mut entry = posting.entry_with(account, Some(settlement), command.details.clone())?;
    entry.import.clone_from(&command.import);
    Ok(Decision::event(entry))
}

/// Releases in whatever state the account is: a compensation must find no obstacle.
pub(super) fn release(books: &Books, command: &Release) -> Result<Decision, Rejection> {
    let account = books.known(command.account_id)?;
    let open = match books.hold(command.account_id, command.hold_id) {
        None => 0,
        Some(hold) => match hold.state {
            HoldState::Open => hold.open,
            HoldState::Released => return Ok(Decision::nothing_to_do("HOLD_ALREADY_RELEASED")),
            HoldState::Settled => return Err(Rejection::HoldNotOpen),
        },
    };
    Ok(Decision::event(HoldReleased {
        account_id: command.account_id,
        seq: account.next_seq(),
        hold_id: command.hold_id,
        amount: open,
        expired: false,
    }))
}

/// `None` when the hold has ended or doesn't expire at that time.
pub(super) fn expire(books: &Books, account_id: AccountId, hold_id: HoldId, due: i64) -> Option<Decision> {
    let account = books.account(account_id)?;
    let hold = books.hold(account_id, hold_id)?;
    (hold.state == HoldState::Open && hold.expires_at == Some(due)).then(|| {
        Decision::event(HoldReleased {
            account_id,
            seq: account.next_seq(),
            hold_id,
            amount: hold.open,
            expired: true,
        })
    })
}

pub(super) fn known(books: &Books, account_id: AccountId, hold_id: HoldId) -> Result<&Hold, Rejection> {
    books.hold(account_id, hold_id).ok_or(Rejection::HoldUnknown)
}
