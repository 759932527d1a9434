//! Credits and debits against the general ledger.

use tributary_contracts::accounts::{Credit, Debit, EntryKind, GlAccount};

use super::{
    Decision,
    booking::{Dates, Posting, check_discretionary},
};
use crate::{Books, Rejection, amount, books::Import, field};

/// Payments in transit are open-item: only what names a payment posts against them.
pub(super) fn check_contra(contra: GlAccount) -> Result<(), Rejection> {
    match contra == GlAccount::IN_TRANSIT {
        true => Err(Rejection::ContraNotAllowed),
        false => Ok(()),
    }
}

/// A credit of zero is fine where a rounding moves the balance: some banks' records hold such rows.
pub(super) fn credit(books: &Books, command: &Credit) -> Result<Decision, Rejection> {
    let amount = amount::signed(&command.amount, command.currency)?;
    let rounding = amount::rounding(command.rounding.as_deref(), command.currency)?;
    if amount < 0 || (amount == 0 && rounding == 0) {
        return Err(Rejection::AmountNotPositive);
    }
    check_contra(command.contra)?;
    field::import(command.import.as_ref())?;
    field::details(&command.details)?;
    let posting = Posting {
        account_id: command.account_id,
        kind: EntryKind::Credit,
        amount,
        rounding,
        contra: command.contra,
        dates: Dates::of(books, command.booking_date, command.value_date)?,
    };
    let account = books.known(command.account_id)?;
    if books.import(command.account_id, command.import.as_ref())? == Import::TakenBefore {
        return Ok(Decision::nothing_to_do("ROW_IMPORTED_BEFORE"));
    }
    account.ready(command.currency)?;
    account.unblocked_for(amount)?;
    let mut entry = posting.entry_with(account, None, command.details.clone())?;
    entry.import.clone_from(&command.import);
    Ok(Decision::event(entry))
}

pub(super) fn debit(books: &Books, command: &Debit) -> Result<Decision, Rejection> {
    let amount = amount::positive(&command.amount, command.currency)?;
    let rounding = amount::rounding(command.rounding.as_deref(), command.currency)?;
    check_contra(command.contra)?;
    field::import(command.import.as_ref())?;
    field::details(&command.details)?;
    let posting = Posting {
        account_id: command.account_id,
        kind: EntryKind::Debit,
        amount: -amount,
        rounding,
        contra: command.contra,
        dates: Dates::of(books, command.booking_date, command.value_date)?,
    };
    let account = books.known(command.account_id)?;
    if books.import(command.account_id, command.import.as_ref())? == Import::TakenBefore {
        return Ok(Decision::nothing_to_do("ROW_IMPORTED_BEFORE"));
    }
    account.ready(command.currency)?;
    if !command.forced {
        account.unblocked_for(-amount)?;
        check_discretionary(account, posting.movement()?)?;
    }
    let mut entry = posting.entry_with(account, None, command.details.clone())?;
    entry.import.clone_from(&command.import);
    Ok(Decision::event(entry))
}
