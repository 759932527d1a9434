//! Transfers between two accounts, through payments in transit, also where both live in one partition: one way of
//! doing it. Each step is known by the payment's id.

use smallvec::smallvec;
use smol_str::SmolStr;
use tributary_contracts::accounts::{
    Direction, EntryKind, EntryPosted, GlAccount, LedgerAccount, Leg, ReturnTransfer, Side, TransferIn,
    TransferOut, TransferRefused, TransferredTo,
};

use super::{
    Context, Decision,
    booking::{Dates, Posting, Settlement, check_discretionary},
    holds::known,
};
use crate::{
    Account, Books, Rejection, amount,
    books::Import,
    field,
    transit::{Transfer, Transit},
};

/// Debtor to transit. With a hold, the hold's money; without, what is available.
pub(super) fn send(books: &Books, command: &TransferOut, context: &Context) -> Result<Decision, Rejection> {
    let transfer = Transfer {
        payment_id: command.payment_id,
        debtor: command.account_id,
        creditor: command.creditor,
        amount: amount::positive(&command.amount, command.currency)?,
        currency: command.currency,
    };
    different_sides(&transfer)?;
    field::import(command.import.as_ref())?;
    field::details(&command.details)?;
    let dates = Dates::of(books, command.booking_date, command.value_date)?;
    let account = books.known(command.account_id)?;
    if books.import(command.account_id, command.import.as_ref())? == Import::TakenBefore {
        return Ok(Decision::nothing_to_do("ROW_IMPORTED_BEFORE"));
    }
    if let Some(item) = books.remembered(transfer.key(), context.time_ms) {
        let same = repeated(item.sent && item.is_of(&transfer))?;
        // Sent on again, since whoever asks again may have missed the answer: it comes from the end of the chain.
        return Ok(match item.may_be_sent_on_again(context.time_ms) {
            true => same.and_send(follow_up(command)),
            false => same,
        });
    }
    account.ready(command.currency)?;
    let settlement = match command.hold_id {
        Some(hold_id) => {
            let hold = known(books, command.account_id, hold_id)?;
            if hold.direction != Direction::Out {
                return Err(Rejection::HoldWrongDirection);
            }
            account.unblocked_for(-transfer.amount)?;
            Some(Settlement::of(hold_id, hold, transfer.amount, true)?)
        }
        None => {
            check_discretionary(account, -transfer.amount)?;
            None
        }
    };
    let posting = in_transit(&transfer, EntryKind::TransferOut, dates);
    let mut entry = posting.entry_with(account, settlement, command.details.clone())?;
    entry.import.clone_from(&command.import);
    Ok(Decision::event(of_payment(entry, &transfer)).and_send(follow_up(command)))
}

fn follow_up(command: &TransferOut) -> TransferIn {
    TransferIn {
        account_id: command.creditor,
        payment_id: command.payment_id,
        debtor: command.account_id,
        amount: command.amount.clone(),
        currency: command.currency,
        booking_date: command.booking_date,
        value_date: command.value_date,
        details: command.details.clone(),
    }
}

/// Transit to creditor, or a refusal with the return on its way.
pub(super) fn receive(books: &Books, command: &TransferIn, context: &Context) -> Result<Decision, Rejection> {
    let transfer = Transfer {
        payment_id: command.payment_id,
        debtor: command.debtor,
        creditor: command.account_id,
        amount: amount::positive(&command.amount, command.currency)?,
        currency: command.currency,
    };
    different_sides(&transfer)?;
    field::details(&command.details)?;
    let dates = Dates::of(books, command.booking_date, command.value_date)?;
    match books.remembered(transfer.key(), context.time_ms) {
        Some(item) if !item.is_of(&transfer) => return Err(Rejection::PaymentConflict),
        Some(item) if item.credited => return Ok(repeated(true)?.and_end(TransferredTo::Creditor, None)),
        Some(Transit {
            refused: Some(code), ..
        }) => {
            return Ok(repeated(true)?.and_send(return_of(command, &transfer, code.clone())));
        }
        Some(item) if item.returned => return Err(Rejection::PaymentConflict),
        Some(_) => {}
        // A debtor in this partition would have sent it here: nothing comes out of transit that wasn't put in.
        None if books.account(command.debtor).is_some() => return Err(Rejection::PaymentUnknown),
        None => {}
    }
    let credited = books.known(command.account_id).and_then(|account| {
        account.ready(command.currency)?;
        account.unblocked_for(transfer.amount)?;
        in_transit(&transfer, EntryKind::TransferIn, dates).entry_with(account, None, command.details.clone())
    });
    Ok(match credited {
        Ok(entry) => Decision::event(of_payment(entry, &transfer)).and_end(TransferredTo::Creditor, None),
        Err(refusal) => refused(command, &transfer, SmolStr::new_static(refusal.code())),
    })
}

/// The creditor's account takes no money: it goes back, in the same transaction.
fn refused(command: &TransferIn, transfer: &Transfer, code: SmolStr) -> Decision {
    Decision::event(TransferRefused {
        account_id: transfer.creditor,
        payment_id: transfer.payment_id,
        debtor: transfer.debtor,
        amount: transfer.amount,
        currency: transfer.currency,
        code: code.clone(),
    })
    .and_send(return_of(command, transfer, code))
}

fn return_of(command: &TransferIn, transfer: &Transfer, reason: SmolStr) -> ReturnTransfer {
    ReturnTransfer {
        account_id: transfer.debtor,
        payment_id: transfer.payment_id,
        creditor: transfer.creditor,
        amount: command.amount.clone(),
        currency: transfer.currency,
        reason,
        booking_date: command.booking_date,
        value_date: command.value_date,
    }
}

/// Transit back to the debtor, which no state of its account can refuse: where it is closed, or can't hold the sum,
/// the money goes to suspense. The entry takes the account's next number all the same.
pub(super) fn give_back(
    books: &Books,
    command: &ReturnTransfer,
    context: &Context,
) -> Result<Decision, Rejection> {
    let transfer = Transfer {
        payment_id: command.payment_id,
        debtor: command.account_id,
        creditor: command.creditor,
        amount: amount::positive(&command.amount, command.currency)?,
        currency: command.currency,
    };
    different_sides(&transfer)?;
    field::code("reason", &command.reason)?;
    let dates = Dates::of(books, command.booking_date, command.value_date)?;
    let account = books.known(command.account_id)?;
    let item = books
        .remembered(transfer.key(), context.time_ms)
        .filter(|item| item.sent)
        .ok_or(Rejection::PaymentUnknown)?;
    let returned_to = |suspended| match suspended {
        true => TransferredTo::Suspense,
        false => TransferredTo::Debtor,
    };
    let reason = Some(command.reason.clone());
    if item.returned || item.credited || !item.is_of(&transfer) {
        let same = repeated(item.returned && item.is_of(&transfer))?;
        return Ok(same.and_end(returned_to(item.suspended), reason));
    }
    let takes_it = !account.closed && account.posted.checked_add(transfer.amount).is_some();
    let entry = match takes_it {
        true => in_transit(&transfer, EntryKind::TransferReturn, dates).entry(account)?,
        false => to_suspense(&transfer, account, dates)?,
    };
    Ok(Decision::event(of_payment(entry, &transfer)).and_end(returned_to(!takes_it), reason))
}

/// The step was done before, or the payment is another one.
fn repeated(same: bool) -> Result<Decision, Rejection> {
    match same {
        true => Ok(Decision::nothing_to_do("PAYMENT_EXISTS")),
        false => Err(Rejection::PaymentConflict),
    }
}

fn different_sides(transfer: &Transfer) -> Result<(), Rejection> {
    match transfer.debtor == transfer.creditor {
        true => Err(Rejection::TransferToSelf),
        false => Ok(()),
    }
}

/// Transit to suspense: no leg of the customer's, whose balance stays.
fn to_suspense(transfer: &Transfer, account: &Account, dates: Dates) -> Result<EntryPosted, Rejection> {
    let nothing = Posting {
        amount: 0,
        ..in_transit(transfer, EntryKind::TransferReturn, dates)
    };
    let mut entry = nothing.entry(account)?;
    // Nothing of it touches the account, so nothing of it is forced upon it.
    entry.forced = false;
    entry.legs = smallvec![
        Leg {
            account: LedgerAccount::Gl(GlAccount::IN_TRANSIT),
            side: Side::Debit,
            amount: transfer.amount,
        },
        Leg {
            account: LedgerAccount::Gl(GlAccount::SUSPENSE),
            side: Side::Credit,
            amount: transfer.amount,
        },
    ];
    Ok(entry)
}

/// A step of the transfer, against payments in transit.
fn in_transit(transfer: &Transfer, kind: EntryKind, dates: Dates) -> Posting {
    let (account_id, amount) = match kind {
        EntryKind::TransferOut => (transfer.debtor, -transfer.amount),
        EntryKind::TransferIn => (transfer.creditor, transfer.amount),
        _ => (transfer.debtor, transfer.amount),
    };
    Posting {
        account_id,
        kind,
        amount,
        rounding: 0,
        contra: GlAccount::IN_TRANSIT,
        dates,
    }
}

/// Names the payment and the other side on the entry.
fn of_payment(mut entry: EntryPosted, transfer: &Transfer) -> EntryPosted {
    entry.payment_id = Some(transfer.payment_id);
    entry.counterparty = Some(match entry.kind {
        EntryKind::TransferIn => transfer.debtor,
        _ => transfer.creditor,
    });
    entry
}
