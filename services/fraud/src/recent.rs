use std::hash::Hash;

use serde::{Deserialize, Serialize};
use tributary_overlay::{Layered, OverlayMap};

use crate::fifo::Fifo;

/// Entries that one new may push out: more than one, so that a backlog shrinks.
const FORGOTTEN_AT_ONCE: usize = 2;

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

    /// Remembers what is not remembered yet, and drops what is older than `for_ms`.
    pub(crate) fn insert(&mut self, key: K, what: T, time_ms: i64, for_ms: i64) {
        self.entries.insert(key, what);
        self.order.push(time_ms, key);
        for _ in 0..FORGOTTEN_AT_ONCE {
            match self.order.pop_before(time_ms.saturating_sub(for_ms)) {
                Some(old) => drop(self.entries.remove(&old)),
                None => return,
            }
        }
    }
}

impl<K: Eq + Hash + Clone, T: Clone> Layered for Recent<K, T> {
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
}

#[cfg(test)]
mod tests {
    use tributary_ids::PaymentId;

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
