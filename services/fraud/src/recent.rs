use serde::{Deserialize, Serialize};
use tributary_ids::PaymentId;
use tributary_overlay::{Layered, Overlay, OverlayMap};

/// Entries that one new may push out: more than one, so that a backlog shrinks.
const FORGOTTEN_AT_ONCE: u64 = 2;

/// What is remembered of payments for some time of the records' clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de> + Clone"))]
pub(crate) struct Recent<T> {
    payments: OverlayMap<PaymentId, T>,
    /// Each with its record time, in the order in which they came.
    order: OverlayMap<u64, (i64, PaymentId)>,
    queue: Overlay<Queue>,
}

/// The ends of the queue in `order`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Queue {
    first: u64,
    next: u64,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            payments: OverlayMap::default(),
            order: OverlayMap::default(),
            queue: Overlay::default(),
        }
    }
}

impl<T: Clone> Recent<T> {
    pub(crate) fn get(&self, payment: PaymentId) -> Option<&T> {
        self.payments.get(&payment)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.payments.len()
    }

    /// Remembers a payment that is not remembered yet, and drops what is older than `for_ms`.
    pub(crate) fn insert(&mut self, payment: PaymentId, what: T, time_ms: i64, for_ms: i64) {
        self.payments.insert(payment, what);
        let queue = self.queue.get_mut();
        self.order.insert(queue.next, (time_ms, payment));
        queue.next += 1;
        for _ in 0..FORGOTTEN_AT_ONCE {
            match self.order.get(&queue.first) {
                Some((came_at, payment)) if *came_at < time_ms.saturating_sub(for_ms) => {
                    let payment = *payment;
                    self.payments.remove(&payment);
                    self.order.remove(&queue.first);
                    queue.first += 1;
                }
                Some(_) | None => return,
            }
        }
    }
}

impl<T: Clone> Layered for Recent<T> {
    fn set_savepoint(&mut self) {
        self.payments.set_savepoint();
        self.order.set_savepoint();
        self.queue.set_savepoint();
    }

    fn undo_to_savepoint(&mut self) {
        self.payments.undo_to_savepoint();
        self.order.undo_to_savepoint();
        self.queue.undo_to_savepoint();
    }

    fn undo_all(&mut self) {
        self.payments.undo_all();
        self.order.undo_all();
        self.queue.undo_all();
    }

    fn commit(&mut self) {
        self.payments.commit();
        self.order.commit();
        self.queue.commit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_its_time_is_forgotten_and_a_backlog_shrinks() {
        let payment = |number: i64| PaymentId::named(&number.to_string());
        let mut recent = Recent::default();
        for number in 0..10 {
            recent.insert(payment(number), number, number, 100);
        }
        assert_eq!(recent.len(), 10);
        recent.insert(payment(10), 10, 100, 100);
        assert_eq!(recent.len(), 11, "nothing is older than 100");
        for number in 11..15 {
            recent.insert(payment(number), number, 1_000, 100);
        }
        assert_eq!(recent.len(), 7);
        assert_eq!((recent.get(payment(7)), recent.get(payment(8))), (None, Some(&8)));
    }
}
