use serde::{Deserialize, Serialize};
use tributary_contracts::envelope::TTL_MS_MAX;
use tributary_ids::PaymentId;
use tributary_overlay::{Layered, Overlay, OverlayMap};

/// Entries that one new may push out: more than one, so that a backlog shrinks.
const FORGOTTEN_AT_ONCE: u64 = 2;

/// How long payments are remembered, and how many at most: the oldest go first.
pub(crate) struct Keep {
    /// Milliseconds of the records' clock.
    pub(crate) for_ms: i64,
    pub(crate) at_most: u64,
}

/// For as long as the runtime remembers a command, which is what a sender may repeat one for. However many come, a partition
/// remembers more than a saga waits for: 20 s of them at 10,000 a second, where it waits 5 s.
pub(crate) const DECISIONS: Keep = Keep {
    for_ms: TTL_MS_MAX,
    at_most: 200_000,
};

/// So that a payment has one label: no longer do labels change what a payee's windows hold.
pub(crate) const LABELS: Keep = Keep {
    for_ms: 45 * 24 * 60 * 60 * 1000,
    at_most: 1_000_000,
};

/// What is remembered of payments for some time.
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

    /// Remembers a payment that is not remembered yet, and drops what need not be kept any more.
    pub(crate) fn insert(&mut self, payment: PaymentId, what: T, time_ms: i64, keep: &Keep) {
        self.payments.insert(payment, what);
        let queue = self.queue.get_mut();
        self.order.insert(queue.next, (time_ms, payment));
        queue.next += 1;
        for _ in 0..FORGOTTEN_AT_ONCE {
            let too_many = queue.next - queue.first > keep.at_most;
            match self.order.get(&queue.first) {
                Some((came_at, payment)) if too_many || *came_at < time_ms.saturating_sub(keep.for_ms) => {
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
        let keep = Keep {
            for_ms: 100,
            at_most: 1_000,
        };
        let payment = |number: i64| PaymentId::named(&number.to_string());
        let mut recent = Recent::default();
        for number in 0..10 {
            recent.insert(payment(number), number, number, &keep);
        }
        assert_eq!(recent.len(), 10);
        recent.insert(payment(10), 10, 100, &keep);
        assert_eq!(recent.len(), 11, "nothing is older than 100");
        for number in 11..15 {
            recent.insert(payment(number), number, 1_000, &keep);
        }
        assert_eq!(recent.len(), 7);
        assert_eq!((recent.get(payment(7)), recent.get(payment(8))), (None, Some(&8)));
    }

    #[test]
    fn of_more_than_are_kept_the_oldest_go() {
        let payment = |number: u64| PaymentId::named(&number.to_string());
        let keep = Keep {
            for_ms: 100,
            at_most: 3,
        };
        let mut recent = Recent::default();
        for number in 0..10 {
            recent.insert(payment(number), number, 0, &keep);
        }
        assert_eq!(recent.len(), 3);
        assert_eq!((recent.get(payment(6)), recent.get(payment(7))), (None, Some(&7)));
    }
}
