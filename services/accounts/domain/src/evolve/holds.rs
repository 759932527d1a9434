use tributary_contracts::accounts::{Direction, HoldAdjusted, HoldPlaced, HoldReleased, HoldSettlement};
use tributary_ids::AccountId;

use super::{Recorded, advance};
use crate::{Account, Books, Fault, Hold, HoldState};

pub(super) fn placed(books: &mut Books, event: &HoldPlaced) -> Result<(), Fault> {
    let key = (event.account_id, event.hold_id);
    if event.amount <= 0 || books.holds.contains_key(&key) {
        return Err(Fault::HoldDiffers);
    }
    let account = advance(books, event.account_id, event.seq)?;
    change_pending(account, event.direction, event.amount)?;
    account.open_holds += 1;
    let hold = Hold::placed(event.direction, event.amount, event.expires_at);
    books.holds.insert(key, hold);
    Ok(())
}

pub(super) fn adjusted(books: &mut Books, event: &HoldAdjusted) -> Result<(), Fault> {
    let hold = books.holds.get_mut(&(event.account_id, event.hold_id));
    let hold = hold.ok_or(Fault::HoldDiffers)?;
    if hold.state != HoldState::Open || hold.open != event.from || event.to <= 0 {
        return Err(Fault::HoldDiffers);
    }
    let change = event.to - event.from;
    hold.open = event.to;
    hold.adjusted += i128::from(change);
    conserved(hold)?;
    let direction = hold.direction;
    let account = advance(books, event.account_id, event.seq)?;
    change_pending(account, direction, change)
}

pub(super) fn released(books: &mut Books, event: &HoldReleased, recorded: &Recorded) -> Result<(), Fault> {
    let key = (event.account_id, event.hold_id);
    let Some(hold) = books.holds.get_mut(&key) else {
        if event.amount != 0 {
            return Err(Fault::HoldDiffers);
        }
        advance(books, event.account_id, event.seq)?;
        books.holds.insert(key, Hold::tombstone(recorded.time_ms));
        return Ok(());
    };
    if hold.state != HoldState::Open || hold.open != event.amount {
        return Err(Fault::HoldDiffers);
    }
    hold.state = HoldState::Released;
    hold.ended_at = recorded.time_ms;
    hold.open = 0;
    hold.released += i128::from(event.amount);
    conserved(hold)?;
    let direction = hold.direction;
    let account = advance(books, event.account_id, event.seq)?;
    change_pending(account, direction, -event.amount)?;
    end_one(account)
}

/// Uses up a hold by an entry that moves the balance by `movement`.
pub(super) fn settled(
    books: &mut Books,
    account_id: AccountId,
    settlement: &HoldSettlement,
    movement: i64,
    recorded: &Recorded,
) -> Result<(), Fault> {
    let hold = books.holds.get_mut(&(account_id, settlement.hold_id));
    let hold = hold.ok_or(Fault::HoldDiffers)?;
    let moved = match hold.direction {
        Direction::Out => i128::from(movement).abs(),
        Direction::In => i128::from(movement),
    };
    let used = i128::from(settlement.settled) + i128::from(settlement.released);
    let fits = settlement.settled > 0
        && settlement.released >= 0
        && settlement.open >= 0
        && (movement < 0) == (hold.direction == Direction::Out)
        && i128::from(settlement.settled) == moved
        && i128::from(hold.open) == used + i128::from(settlement.open);
    if hold.state != HoldState::Open || !fits {
        return Err(Fault::HoldDiffers);
    }
    let used = hold.open - settlement.open;
    hold.open = settlement.open;
    hold.settled += i128::from(settlement.settled);
    hold.released += i128::from(settlement.released);
    if hold.open == 0 {
        hold.state = HoldState::Settled;
        hold.ended_at = recorded.time_ms;
    }
    conserved(hold)?;
    let (direction, has_ended) = (hold.direction, hold.open == 0);
    let account = books.accounts.get_mut(&account_id).ok_or(Fault::AccountUnknown)?;
    change_pending(account, direction, -used)?;
    if has_ended {
        end_one(account)?;
    }
    Ok(())
}

fn end_one(account: &mut Account) -> Result<(), Fault> {
    account.open_holds = account.open_holds.checked_sub(1).ok_or(Fault::HoldDiffers)?;
    Ok(())
}

fn change_pending(account: &mut Account, direction: Direction, change: i64) -> Result<(), Fault> {
    let pending = match direction {
        Direction::Out => &mut account.pending_out,
        Direction::In => &mut account.pending_in,
    };
    let after = pending.checked_add(change).ok_or(Fault::Overflow)?;
    if after < 0 {
        return Err(Fault::HoldDiffers);
    }
    *pending = after;
    Ok(())
}

fn conserved(hold: &Hold) -> Result<(), Fault> {
    match hold.is_conserved() {
        true => Ok(()),
        false => Err(Fault::HoldDiffers),
    }
}
