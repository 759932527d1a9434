//! Reversals: an entry taken back whole.

use smol_str::format_smolstr;
use tributary_contracts::accounts::{EntryKind, Reverse};

use super::{
    Decision,
    booking::{Dates, Posting},
};
use crate::{Books, Rejection, books::Import, entry::parse_entry_id, field};

/// Keeps the original's value date, so that the entry and its reversal together bear no interest. Forced: neither
/// missing funds nor a block stop it.
pub(super) fn reverse(books: &Books, command: &Reverse) -> Result<Decision, Rejection> {
    field::import(command.import.as_ref())?;
    let mut dates = Dates::of(books, command.booking_date, None)?;
    let account = books.known(command.account_id)?;
    if books.import(command.account_id, command.import.as_ref())? == Import::TakenBefore {
        return Ok(Decision::nothing_to_do("ROW_IMPORTED_BEFORE"));
    }
    let id = parse_entry_id(&command.entry_id).ok_or(Rejection::EntryUnknown)?;
    let original = books
        .entry(id)
        .filter(|entry| entry.account_id == command.account_id)
        .ok_or(Rejection::EntryUnknown)?;
    match original.kind {
        EntryKind::Credit | EntryKind::Debit | EntryKind::Settlement => {}
        EntryKind::OpeningBalance
        | EntryKind::TransferOut
        | EntryKind::TransferIn
        | EntryKind::TransferReturn
        | EntryKind::Reversal => return Err(Rejection::ReversalNotAllowed),
    }
    if original.reversed {
        return Err(Rejection::EntryReversed);
    }
    if books.calendar.get().is_past_reversal(original.booking_date) {
        return Err(Rejection::ReversalWindowPassed);
    }
    account.not_closed()?;
    dates.value = original.value_date;
    let posting = Posting {
        account_id: command.account_id,
        kind: EntryKind::Reversal,
        // The contra leg is the original's amount seen from the other side.
        amount: original.contra_signed,
        rounding: -original.movement - original.contra_signed,
        contra: original.contra,
        dates,
    };
    let mut entry = posting.entry(account)?;
    entry.reverses = Some(format_smolstr!("{id}"));
    entry.import.clone_from(&command.import);
    Ok(Decision::event(entry))
}
