use serde::{Deserialize, Serialize};
use tributary_contracts::payments::Subject;
use tributary_ids::{PaymentId, StandingOrderId};
use tributary_overlay::{Overlay, OverlayMap, layered};
use uuid::Uuid;

use crate::{Payment, ScheduledPayment, StandingOrder};

/// Milliseconds of record time for which a payment or order is remembered after its end: so long can it be refunded, and so long
/// does its id dedupe, as long as an inbox keeps a late message of it.
pub const REMEMBERED_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Ended payments and orders that one new may push out: more than one, so that a backlog shrinks.
const FORGOTTEN_AT_ONCE: u64 = 2;

/// The payments and standing orders of one partition: those under way, and 90 days of those that ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PaymentBook {
    pub(crate) payments: OverlayMap<PaymentId, Payment>,
    /// Payments that wait for their day, and cancelled ones.
    pub(crate) scheduled: OverlayMap<PaymentId, ScheduledPayment>,
    pub(crate) orders: OverlayMap<StandingOrderId, StandingOrder>,
    /// What ended with the record time of its end, in the order in which it ended.
    ended: OverlayMap<u64, (i64, Ended)>,
    queue: Overlay<Queue>,
}

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Ended {
    Payment(PaymentId),
    Order(StandingOrderId),
}

/// The ends of the queue in `ended`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Queue {
    first: u64,
    next: u64,
}

layered!(PaymentBook {
    payments,
    scheduled,
    orders,
    ended,
    queue
});

impl PaymentBook {
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.get(&id)
    }

    /// A payment that waits for its day, or was cancelled before it.
    pub fn scheduled(&self, id: PaymentId) -> Option<&ScheduledPayment> {
        self.scheduled.get(&id)
    }

    pub fn order(&self, id: StandingOrderId) -> Option<&StandingOrder> {
        self.orders.get(&id)
    }

    /// The story of what an id names: a payment, one that waits for its day, or an order.
    pub fn story(&self, id: Uuid) -> Option<Uuid> {
        let payment = PaymentId(id);
        self.payment(payment)
            .map(|payment| payment.correlation_id)
            .or_else(|| Some(self.scheduled(payment)?.correlation_id))
            .or_else(|| Some(self.order(StandingOrderId(id))?.correlation_id))
    }

    /// All that are remembered, in no particular order.
    pub fn payments(&self) -> impl Iterator<Item = (PaymentId, &Payment)> {
        self.payments.iter().map(|(id, payment)| (*id, payment))
    }

    pub(crate) fn has_ended(&mut self, what: impl Into<Subject>, time_ms: i64) {
        let ended = match what.into() {
            Subject::Payment(id) => Ended::Payment(id),
            Subject::Order(id) => Ended::Order(id),
        };
        let queue = self.queue.get_mut();
        self.ended.insert(queue.next, (time_ms, ended));
        queue.next += 1;
    }

    /// Drops what ended longer ago than it need be remembered. Work is spread over the new ones, so that none waits.
    pub(crate) fn forget(&mut self, time_ms: i64) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let first = self.queue.get().first;
            match self.ended.get(&first) {
                Some((ended_at, ended)) if *ended_at < time_ms - REMEMBERED_MS => {
                    match *ended {
                        Ended::Payment(id) => {
                            self.payments.remove(&id);
                            self.scheduled.remove(&id);
                        }
                        Ended::Order(id) => {
                            self.orders.remove(&id);
                        }
                    }
                    self.ended.remove(&first);
                    self.queue.get_mut().first += 1;
                }
                Some(_) | None => return,
            }
        }
    }
}
