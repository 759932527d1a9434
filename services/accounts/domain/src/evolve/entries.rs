use tributary_contracts::accounts::{EntryKind, EntryPosted, ImportRef, LedgerAccount};

use super::{Recorded, advance, holds, transits};
use crate::{
    Account, Books, Fault,
    account::Name,
    entry::{BookedEntry, entry_key, parse_entry_id},
};

pub(super) fn posted(books: &mut Books, entry: &EntryPosted, recorded: &Recorded) -> Result<(), Fault> {
    let movement = checked_movement(entry)?;
    let last_closed = books.calendar.get().last_closed;
    if last_closed.is_some_and(|last| entry.booking_date <= last) {
        return Err(Fault::DayClosed(entry.booking_date));
    }
    if let Some(settlement) = &entry.hold {
        holds::settled(books, entry.account_id, settlement, movement, recorded)?;
    }
    book(advance(books, entry.account_id, entry.seq)?, entry, movement)?;
    for leg in &entry.legs {
        if let LedgerAccount::Gl(account) = leg.account {
            let balance = books.gl.get_or_insert_with((account, entry.currency), || 0);
            let after = balance.checked_add(i128::from(leg.signed()));
            *balance = after.ok_or(Fault::Overflow)?;
        }
    }
    match entry.kind {
        EntryKind::TransferOut | EntryKind::TransferIn | EntryKind::TransferReturn => {
            transits::step(books, entry, recorded)?;
        }
        EntryKind::OpeningBalance => {
            let terms = books.terms.get_mut(&entry.account_id);
            terms.ok_or(Fault::AccountUnknown)?.opening_balance = movement;
        }
        EntryKind::Reversal => mark_reversed(books, entry)?,
        EntryKind::Credit | EntryKind::Debit | EntryKind::Settlement => {}
    }
    if let Some(import) = &entry.import {
        imported(books, entry, import)?;
    }
    books
        .entries
        .insert(entry_key(recorded.event_id), BookedEntry::of(entry, movement));
    Ok(())
}

/// What the entry moves the customer's balance by, once its legs are found in order: the customer's at most once and
/// first, at most two of the general ledger, all above zero, balanced.
fn checked_movement(entry: &EntryPosted) -> Result<i64, Fault> {
    let (mut movement, mut general, mut sum) = (0, 0, 0_i128);
    for (place, leg) in entry.legs.iter().enumerate() {
        if leg.amount <= 0 {
            return Err(Fault::LegsMalformed);
        }
        match leg.account {
            LedgerAccount::Customer(account) if account == entry.account_id && place == 0 => {
                movement = leg.signed();
            }
            LedgerAccount::Customer(_) => return Err(Fault::LegsMalformed),
            LedgerAccount::Gl(_) => general += 1,
        }
        sum += i128::from(leg.signed());
    }
    if sum != 0 {
        return Err(Fault::Unbalanced(sum));
    }
    match general {
        1 | 2 => Ok(movement),
        _ => Err(Fault::LegsMalformed),
    }
}

fn book(account: &mut Account, entry: &EntryPosted, movement: i64) -> Result<(), Fault> {
    if account.currency != entry.currency {
        return Err(Fault::CurrencyDiffers);
    }
    if account.closed && movement != 0 {
        return Err(Fault::AccountClosed);
    }
    let expected = i128::from(account.posted) + i128::from(movement);
    if expected != i128::from(entry.balance_after) {
        return Err(Fault::BalanceDiffers {
            expected,
            found: entry.balance_after,
        });
    }
    account.posted = entry.balance_after;
    let available = account.available();
    if movement < 0 && available < 0 && !entry.forced {
        return Err(Fault::AvailableNegative(available));
    }
    Ok(())
}

fn mark_reversed(books: &mut Books, entry: &EntryPosted) -> Result<(), Fault> {
    let id = entry.reverses.as_deref().and_then(parse_entry_id);
    let original = id.and_then(|id| books.entries.get_mut(&entry_key(id)));
    match original {
        Some(original) if original.account_id == entry.account_id && !original.reversed => {
            original.reversed = true;
            Ok(())
        }
        _ => Err(Fault::EntryDiffers),
    }
}

fn imported(books: &mut Books, entry: &EntryPosted, import: &ImportRef) -> Result<(), Fault> {
    let source = Name::from(&import.source).map_err(|_| Fault::NameTooLong)?;
    let highest = books.imports.get_or_insert_with((entry.account_id, source), || 0);
    *highest = import.sequence.max(*highest);
    Ok(())
}
