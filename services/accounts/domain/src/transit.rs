use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, PaymentId};
use tributary_money::Currency;

use crate::REMEMBERED_MS;

/// Both sides and the money of a transfer: what makes two messages of one payment the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) payment_id: PaymentId,
    pub(crate) debtor: AccountId,
    pub(crate) creditor: AccountId,
    /// Minor units, above zero.
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
}

impl Transfer {
    pub(crate) fn key(&self) -> TransitKey {
        (self.debtor, self.payment_id)
    }
}

/// A payment's id counts per debtor: one debtor's transfers are all decided in one partition, which sees an id used
/// twice. Two debtors in different partitions that use the same id must not get in each other's way, since what has
/// left the one couldn't reach the other any more.
pub(crate) type TransitKey = (AccountId, PaymentId);

/// A payment's item in transit, as far as this partition has to do with it: what the debtor's account put in, and
/// what the creditor's account took out. They may live in different partitions; then each knows its own half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transit {
    pub creditor: AccountId,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    /// The debtor's account, in this partition, was debited.
    pub sent: bool,
    /// The creditor's account, in this partition, was credited.
    pub credited: bool,
    /// The creditor's account, in this partition, took no money, for this reason.
    pub refused: Option<SmolStr>,
    /// The money went back to the debtor's account, in this partition, or to suspense.
    pub returned: bool,
    /// It went to suspense.
    pub suspended: bool,
    /// Record time of the last step, milliseconds since the epoch.
    pub touched_at: i64,
}

impl Transit {
    pub(crate) fn of(transfer: &Transfer) -> Self {
        Self {
            creditor: transfer.creditor,
            amount: transfer.amount,
            currency: transfer.currency,
            sent: false,
            credited: false,
            refused: None,
            returned: false,
            suspended: false,
            touched_at: 0,
        }
    }

    pub(crate) fn is_of(&self, transfer: &Transfer) -> bool {
        self.creditor == transfer.creditor
            && self.amount == transfer.amount
            && self.currency == transfer.currency
    }

    /// Whether it is remembered no more at that record time. What was sent from here is remembered twice as long as
    /// what was only received: when a payment's id can be sent again, no creditor's partition may remember it, or it
    /// would take the new money for the old and leave it in transit.
    pub(crate) fn is_over(&self, time_ms: i64) -> bool {
        let remembered = if self.sent {
            2 * REMEMBERED_MS
        } else {
            REMEMBERED_MS
        };
        self.touched_at < time_ms.saturating_sub(remembered)
    }

    /// Whether the creditor's partition surely remembers the payment when it meets it again, so that it does nothing
    /// twice. It took the money after it was sent, and keeps that in mind three times as long as this.
    pub(crate) fn may_be_sent_on_again(&self, time_ms: i64) -> bool {
        self.touched_at >= time_ms.saturating_sub(REMEMBERED_MS / 3)
    }

    /// Open items never pay twice: of one item at most one of credit and return, a credit never after a refusal, and
    /// a return only of what was sent from here.
    pub fn is_consistent(&self) -> bool {
        !(self.credited && (self.returned || self.refused.is_some())) && (!self.returned || self.sent)
    }
}
