use std::hash::Hash;

use serde::{Deserialize, Serialize};
use tributary_contracts::envelope::TTL_MS_MAX;
use tributary_overlay::{Layered, OverlayMap};

use crate::fifo::Fifo;

/// Entries that one new may push out: more than one, so that a backlog shrinks.
const FORGOTTEN_AT_ONCE: usize = 2;

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

/// What a person has to look at, for longer than a review may take.
pub(crate) const REVIEWED: Keep = Keep {
    for_ms: 2 * 24 * 60 * 60 * 1000,
    at_most: 200_000,
};

/// What is remembered by key for some time of the records' clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize + Ord, T: Serialize",
    deserialize = "K: Deserialize<'de> + Eq + Hash, T: Deserialize<'de>"
))]
pub(crate) struct Recent<K, T> {
    entries: OverlayMap<K, T>,
    /// By record time.
    order: Fifo<K>,
}

impl<K, T> Default for Recent<K, T> {
    fn default() -> Self {
        Self {
            entries: OverlayMap::default(),
            order: Fifo::default(),
        }
    }
}

impl<K: Eq + Hash + Copy, T: Clone> Recent<K, T> {
    pub(crate) fn get(&self, key: K) -> Option<&T> {
        self.entries.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.entries.get_mut(&key)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Remembers what is not remembered yet, and drops what need not be kept any more.
    pub(crate) fn insert(&mut self, key: K, what: T, time_ms: i64, keep: &Keep) {
        self.entries.insert(key, what);
        self.order.push(time_ms, key);
        for _ in 0..FORGOTTEN_AT_ONCE {
            let before = match self.order.len() > keep.at_most {
                true => i64::MAX,
                false => time_ms.saturating_sub(keep.for_ms),
            };
            let Some(old) = self.order.pop_before(before) else {
                return;
            };
            self.entries.remove(&old);
        }
    }
}

impl<K: Eq + Hash, T> Layered for Recent<K, T> {
    fn set_savepoint(&mut self) {
        self.entries.set_savepoint();
        self.order.set_savepoint();
    }

    fn undo_to_savepoint(&mut self) {
        self.entries.undo_to_savepoint();
        self.order.undo_to_savepoint();
    }

    fn undo_all(&mut self) {
        self.entries.undo_all();
        self.order.undo_all();
    }

    fn commit(&mut self) {
        self.entries.commit();
        self.order.commit();
    }

    fn is_torn(&self) -> bool {
        self.entries.is_torn() || self.order.is_torn()
    }
}

#[cfg(test)]
mod tests {
    use tributary_ids::PaymentId;

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
