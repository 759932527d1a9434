use serde::{Deserialize, Serialize};
use tributary_ids::PaymentId;
use tributary_overlay::{Overlay, OverlayMap, layered};

use crate::Payment;

/// Milliseconds of record time for which a payment is remembered after its end: so long can it be refunded, and so long
/// does its id dedupe, as long as an inbox keeps a late message of it.
pub const REMEMBERED_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Ended payments that one new payment may push out: more than one, so that a backlog shrinks.
const FORGOTTEN_AT_ONCE: u64 = 2;

/// The payments of one partition: those under way, and 90 days of those that ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PaymentBook {
    pub(crate) payments: OverlayMap<PaymentId, Payment>,
    /// Ended payments with the record time of their end, in the order in which they ended.
    ended: OverlayMap<u64, (i64, PaymentId)>,
    queue: Overlay<Queue>,
}

/// The ends of the queue in `ended`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Queue {
    first: u64,
    next: u64,
}

layered!(PaymentBook {
    payments,
    ended,
    queue
});

impl PaymentBook {
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.get(&id)
    }

    /// All that are remembered, in no particular order.
    pub fn payments(&self) -> impl Iterator<Item = (PaymentId, &Payment)> {
        self.payments.iter().map(|(id, payment)| (*id, payment))
    }

    pub(crate) fn has_ended(&mut self, id: PaymentId, time_ms: i64) {
        let queue = self.queue.get_mut();
        self.ended.insert(queue.next, (time_ms, id));
        queue.next += 1;
    }

    /// Drops what ended longer ago than it need be remembered. Work is spread over the new payments, so that none waits.
    pub(crate) fn forget(&mut self, time_ms: i64) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let first = self.queue.get().first;
            match self.ended.get(&first) {
                Some((ended_at, id)) if *ended_at < time_ms - REMEMBERED_MS => {
                    let id = *id;
                    self.payments.remove(&id);
                    self.ended.remove(&first);
                    self.queue.get_mut().first += 1;
                }
                Some(_) | None => return,
            }
        }
    }
}
