//! What is known of keys that something happens at.

use std::hash::Hash;

use serde::{Deserialize, Serialize};
use tributary_fraud_domain::DAY_S;
use tributary_overlay::{Layered, Overlay, OverlayMap, Revert};

use crate::fifo::Fifo;

/// How often a key is looked at, in seconds of event time: an idle one goes that much later at most.
const LOOKED_AT_EVERY_S: i64 = 7 * DAY_S;

/// Keys that one payment may look at: more than one, so that a backlog shrinks.
const LOOKED_AT_ONCE: usize = 2;

/// What is known by key, until nothing has happened there for some time. `U` is what a payment replaces in it: for undo that
/// is kept, and not the whole, which is many times as much.
///
/// Time is the partition's event time: that of the newest payment of any of its keys, which never goes back. So a replay drops the
/// same keys at the same payments.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize + Ord, V: Serialize",
    deserialize = "K: Deserialize<'de> + Eq + Hash, V: Deserialize<'de>"
))]
pub(crate) struct Live<K, V, U> {
    keys: OverlayMap<K, Known<V>, Replaced<U>>,
    /// Each key once, by when it was looked at last.
    looks: Fifo<K>,
    now_s: Overlay<Option<i64>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Known<V> {
    /// The partition's time at the key's last payment.
    seen_s: i64,
    what: V,
}

/// What a payment has replaced.
#[derive(Clone, Debug)]
struct Replaced<U> {
    seen_s: i64,
    what: U,
}

impl<V: Revert<U>, U> Revert<Replaced<U>> for Known<V> {
    fn revert(&mut self, replaced: Replaced<U>) {
        self.seen_s = replaced.seen_s;
        self.what.revert(replaced.what);
    }
}

impl<K, V, U> Default for Live<K, V, U> {
    fn default() -> Self {
        Self {
            keys: OverlayMap::default(),
            looks: Fifo::default(),
            now_s: Overlay::default(),
        }
    }
}

impl<K: Eq + Hash + Copy, V: Clone + Default, U> Live<K, V, U> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.keys.get(key).map(|known| &known.what)
    }

    /// For changes that are no payments: they keep nothing alive.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.keys.get_mut(key).map(|known| &mut known.what)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Counts a payment of `at_s` at a key, and drops keys that are idle for longer than `idle_s`.
    pub(crate) fn count(&mut self, key: K, at_s: i64, idle_s: i64, count: impl FnOnce(&mut V) -> U) {
        let now_s = self.now_s.get().map_or(at_s, |before| before.max(at_s));
        if *self.now_s.get() != Some(now_s) {
            self.now_s.set(Some(now_s));
        }
        let is_new = self.keys.change(key, Known::default, |known| Replaced {
            seen_s: std::mem::replace(&mut known.seen_s, now_s),
            what: count(&mut known.what),
        });
        if is_new {
            self.looks.push(now_s, key);
        }
        for _ in 0..LOOKED_AT_ONCE {
            let Some(key) = self.looks.pop_before(now_s.saturating_sub(LOOKED_AT_EVERY_S)) else {
                return;
            };
            let is_idle = |known: &Known<V>| known.seen_s < now_s.saturating_sub(idle_s);
            match self.keys.get(&key).is_some_and(is_idle) {
                true => {
                    self.keys.remove(&key);
                }
                false => self.looks.push(now_s, key),
            }
        }
    }
}

impl<K: Eq + Hash, V: Revert<U>, U> Layered for Live<K, V, U> {
    fn set_savepoint(&mut self) {
        self.keys.set_savepoint();
        self.looks.set_savepoint();
        self.now_s.set_savepoint();
    }

    fn undo_to_savepoint(&mut self) {
        self.keys.undo_to_savepoint();
        self.looks.undo_to_savepoint();
        self.now_s.undo_to_savepoint();
    }

    fn undo_all(&mut self) {
        self.keys.undo_all();
        self.looks.undo_all();
        self.now_s.undo_all();
    }

    fn commit(&mut self) {
        self.keys.commit();
        self.looks.commit();
        self.now_s.commit();
    }

    fn is_torn(&self) -> bool {
        self.keys.is_torn() || self.looks.is_torn() || self.now_s.is_torn()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums what is counted.
    #[derive(Clone, Default, Serialize)]
    struct Sum(i64);

    impl Revert<i64> for Sum {
        fn revert(&mut self, replaced: i64) {
            self.0 = replaced;
        }
    }

    fn count(live: &mut Live<u8, Sum, i64>, key: u8, day: i64) {
        live.count(key, day * DAY_S, 30 * DAY_S, |sum| {
            let before = sum.0;
            sum.0 += day;
            before
        });
    }

    fn held(live: &Live<u8, Sum, i64>) -> Vec<(u8, i64, i64)> {
        let known = |(key, known): (&u8, &Known<Sum>)| (*key, known.seen_s / DAY_S, known.what.0);
        let mut held: Vec<_> = live.keys.iter().map(known).collect();
        held.sort_unstable();
        held
    }

    #[test]
    fn undo_brings_back_what_was_counted_made_and_dropped() {
        let mut live = Live::default();
        count(&mut live, 1, 1);
        count(&mut live, 2, 2);
        live.commit();
        let committed = held(&live);
        assert_eq!(committed, [(1, 1, 1), (2, 2, 2)]);

        live.set_savepoint();
        count(&mut live, 2, 20);
        count(&mut live, 2, 21);
        let saved = held(&live);
        assert_eq!(saved, [(1, 1, 1), (2, 21, 43)]);
        live.set_savepoint();
        // The first key is idle by then.
        count(&mut live, 3, 40);
        count(&mut live, 2, 41);
        assert_eq!(held(&live), [(2, 41, 84), (3, 40, 40)]);
        live.undo_to_savepoint();
        assert_eq!(held(&live), saved);
        live.undo_all();
        assert_eq!(held(&live), committed);
        // And goes on as if nothing had been: by then both are idle.
        count(&mut live, 3, 40);
        assert_eq!(held(&live), [(3, 40, 40)]);
    }
}
