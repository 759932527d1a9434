//! How payments and standing orders stand by the log, for comparison with a read model.

use tributary_ids::{PaymentId, StandingOrderId};

use super::{Ending, PaymentsCheck};

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits for its day.
    Scheduled,
    Cancelled,
    /// It waits for a service or a person.
    UnderWay,
    Quarantined,
    Completed,
    Rejected,
    Returned,
}

/// A payment by the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentStanding {
    pub standing: Standing,
    /// Minor units.
    pub amount: i64,
    /// Minor units that refunds have claimed of it.
    pub refunded: i128,
}

/// A standing order by the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderStanding {
    /// Of its next payment, minor units.
    pub amount: i64,
    /// Occurrences that were executed.
    pub executed: u32,
    /// When the next is due, milliseconds since the epoch; none once it has ended.
    pub next_due_ms: Option<i64>,
}

impl PaymentsCheck {
    /// Payments, those that wait for their day included, in no particular order.
    pub(crate) fn payments(&self) -> impl Iterator<Item = (PaymentId, PaymentStanding)> {
        let begun = self.payments.iter().map(|(id, payment)| {
            let standing = match payment.ending {
                Some((Ending::Completed, _)) => Standing::Completed,
                Some((Ending::Rejected, _)) => Standing::Rejected,
                Some((Ending::Returned, _)) => Standing::Returned,
                None if payment.quarantined => Standing::Quarantined,
                None => Standing::UnderWay,
            };
            let payment = PaymentStanding {
                standing,
                amount: payment.amount,
                refunded: payment.claims.values().copied().map(i128::from).sum(),
            };
            (*id, payment)
        });
        begun.chain(self.orders.payments())
    }

    /// Standing orders, in no particular order.
    pub(crate) fn orders(&self) -> impl Iterator<Item = (StandingOrderId, OrderStanding)> {
        self.orders.orders()
    }

    /// Whether something that ended long ago was forgotten.
    pub(crate) fn forgot(&self) -> bool {
        self.ended.has_forgotten()
    }
}
