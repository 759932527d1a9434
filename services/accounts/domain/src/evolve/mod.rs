//! Folds events into the books, and asserts again what was asserted when they were written.

mod entries;
mod holds;
mod transits;

use tributary_contracts::accounts::{AccountClosed, AccountOpened, AccountsEvent, DayClosed};
use tributary_ids::{AccountId, EventId};

use crate::{
    Account, Books, Corrupt, Fault,
    account::{Name, Terms},
};

/// What the log adds to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub event_id: EventId,
    /// Record time in milliseconds since the epoch.
    pub time_ms: i64,
}

/// Folds one event into the books.
///
/// # Errors
///
/// When it contradicts them. Then a part of it may be in the books: undo to the savepoint, or drop them.
pub fn evolve(books: &mut Books, event: &AccountsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
    fold(books, event, recorded).map_err(|fault| Corrupt {
        event_id: recorded.event_id,
        fault,
    })
}

fn fold(books: &mut Books, event: &AccountsEvent, recorded: &Recorded) -> Result<(), Fault> {
    match event {
        AccountsEvent::EntryPosted(event) => entries::posted(books, event, recorded),
        AccountsEvent::AccountOpened(event) => opened(books, event),
        AccountsEvent::AccountClosed(event) => closed(books, event),
        AccountsEvent::AccountBlocked(event) => {
            advance(books, event.account_id, event.seq)?.block = Some(event.scope);
            Ok(())
        }
        AccountsEvent::AccountUnblocked(event) => {
            advance(books, event.account_id, event.seq)?.block = None;
            Ok(())
        }
        AccountsEvent::OverdraftLimitSet(event) => {
            advance(books, event.account_id, event.seq)?.overdraft_limit = event.limit;
            Ok(())
        }
        AccountsEvent::HoldPlaced(event) => holds::placed(books, event),
        AccountsEvent::HoldAdjusted(event) => holds::adjusted(books, event),
        AccountsEvent::HoldReleased(event) => holds::released(books, event, recorded),
        AccountsEvent::TransferRefused(event) => transits::refused(books, event, recorded),
        AccountsEvent::DayClosed(event) => day_closed(books, event, recorded),
        AccountsEvent::NothingToDo(_) => Ok(()),
    }
}

/// The account whose next event this is, with its number taken.
fn advance(books: &mut Books, account_id: AccountId, seq: u64) -> Result<&mut Account, Fault> {
    let account = books.accounts.get_mut(&account_id).ok_or(Fault::AccountUnknown)?;
    let expected = account.next_seq();
    if seq != expected {
        return Err(Fault::SequenceGap { expected, found: seq });
    }
    account.seq = seq;
    Ok(account)
}

fn opened(books: &mut Books, event: &AccountOpened) -> Result<(), Fault> {
    if books.accounts.contains_key(&event.account_id) {
        return Err(Fault::AccountExists);
    }
    if event.seq != 1 {
        return Err(Fault::SequenceGap {
            expected: 1,
            found: event.seq,
        });
    }
    let terms = Terms {
        owner: event.owner,
        product: Name::from(&event.product).map_err(|_| Fault::NameTooLong)?,
        currency: event.currency,
        overdraft_limit: event.overdraft_limit,
        // Set by the entry that follows, if any.
        opening_balance: 0,
    };
    books.terms.insert(event.account_id, terms);
    let account = Account::opened(event.currency, event.overdraft_limit);
    books.accounts.insert(event.account_id, account);
    Ok(())
}

fn closed(books: &mut Books, event: &AccountClosed) -> Result<(), Fault> {
    let account = advance(books, event.account_id, event.seq)?;
    if account.closed || account.posted != 0 || account.open_holds > 0 {
        return Err(Fault::AccountClosed);
    }
    account.closed = true;
    Ok(())
}

fn day_closed(books: &mut Books, event: &DayClosed, recorded: &Recorded) -> Result<(), Fault> {
    let last = books.calendar.get().last_closed;
    if last.is_some_and(|last| event.date <= last) {
        return Err(Fault::DayClosed(event.date));
    }
    books.close_day(event.date, recorded.time_ms);
    Ok(())
}
