use tributary_contracts::accounts::{EntryKind, EntryPosted, GlAccount, LedgerAccount, TransferRefused};

use super::Recorded;
use crate::{
    Books, Fault,
    transit::{Transfer, Transit},
};

/// Takes an entry of a payment down on its item in transit.
pub(super) fn step(books: &mut Books, entry: &EntryPosted, recorded: &Recorded) -> Result<(), Fault> {
    let transfer = transfer_of(entry).ok_or(Fault::TransitDiffers)?;
    match (
        entry.kind,
        books.remembered(transfer.key(), recorded.time_ms).is_some(),
    ) {
        (EntryKind::TransferOut, true) | (EntryKind::TransferReturn, false) => Err(Fault::TransitDiffers),
        _ => change(books, &transfer, recorded, |item| {
            let done = match entry.kind {
                EntryKind::TransferOut => &mut item.sent,
                EntryKind::TransferIn => &mut item.credited,
                _ => {
                    item.suspended = entry.movement() == 0;
                    &mut item.returned
                }
            };
            std::mem::replace(done, true)
        }),
    }
}

pub(super) fn refused(books: &mut Books, event: &TransferRefused, recorded: &Recorded) -> Result<(), Fault> {
    let transfer = Transfer {
        payment_id: event.payment_id,
        debtor: event.debtor,
        creditor: event.account_id,
        amount: event.amount,
        currency: event.currency,
    };
    change(books, &transfer, recorded, |item| {
        item.refused.replace(event.code.clone()).is_some()
    })
}

/// `take` takes a step and says whether it was taken before.
fn change(
    books: &mut Books,
    transfer: &Transfer,
    recorded: &Recorded,
    take: impl FnOnce(&mut Transit) -> bool,
) -> Result<(), Fault> {
    let item = books
        .transits
        .get_or_insert_with(transfer.key(), || Transit::of(transfer));
    if item.is_over(recorded.time_ms) {
        *item = Transit::of(transfer);
    }
    item.touched_at = recorded.time_ms;
    let twice = take(item);
    match !twice && item.is_of(transfer) && item.is_consistent() {
        true => Ok(()),
        false => Err(Fault::TransitDiffers),
    }
}

/// What the entry says of its payment; `None` unless it says all, and moves just that through transit.
fn transfer_of(entry: &EntryPosted) -> Option<Transfer> {
    let leg = entry
        .legs
        .iter()
        .find(|leg| leg.account == LedgerAccount::Gl(GlAccount::IN_TRANSIT))?;
    let into_transit = entry.kind == EntryKind::TransferOut;
    let (debtor, creditor) = match entry.kind {
        EntryKind::TransferIn => (entry.counterparty?, entry.account_id),
        _ => (entry.account_id, entry.counterparty?),
    };
    (into_transit == (leg.signed() > 0)).then_some(Transfer {
        payment_id: entry.payment_id?,
        debtor,
        creditor,
        amount: leg.amount,
        currency: entry.currency,
    })
}
