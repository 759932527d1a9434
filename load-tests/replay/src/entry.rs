//! An entry as the reconciliation sees it, wherever it was read.

use chrono::NaiveDate;
use smallvec::SmallVec;
use tributary_contracts::accounts::{EntryPosted, GlAccount, ImportRef, LedgerAccount};
use tributary_ids::{AccountId, EventId, PaymentId};
use tributary_money::Currency;

/// A booked entry of one of the history's accounts. Amounts are minor units; on the customer's account a credit counts
/// up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: EventId,
    pub account: AccountId,
    /// The account's sequence number.
    pub seq: u64,
    pub booking_date: NaiveDate,
    pub currency: Currency,
    /// What the customer's balance moves by.
    pub movement: i64,
    /// The customer's balance afterwards.
    pub balance_after: i64,
    /// Legs on the general ledger seen from the customer: positive is what the customer got.
    pub general: SmallVec<[(GlAccount, i64); 2]>,
    pub forced: bool,
    /// The row of a history behind it; only the log knows.
    pub import: Option<ImportRef>,
    /// The payment that it is of; only the log knows.
    pub payment: Option<PaymentId>,
}

impl Entry {
    /// Of the event in the log.
    pub fn of(id: EventId, posted: &EntryPosted) -> Self {
        let general = posted.legs.iter().filter_map(|leg| match leg.account {
            LedgerAccount::Gl(account) => Some((account, -leg.signed())),
            LedgerAccount::Customer(_) => None,
        });
        Self {
            id,
            account: posted.account_id,
            seq: posted.seq,
            booking_date: posted.booking_date,
            currency: posted.currency,
            movement: posted.movement(),
            balance_after: posted.balance_after,
            general: general.collect(),
            forced: posted.forced,
            import: posted.import.clone(),
            payment: posted.payment_id,
        }
    }
}
