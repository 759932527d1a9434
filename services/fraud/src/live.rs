//! What is known of keys that something happens at.

use std::hash::Hash;

use serde::{Deserialize, Serialize};
use tributary_fraud_domain::DAY_S;
use tributary_overlay::{Layered, Overlay, OverlayMap};

use crate::fifo::Fifo;

/// How often a key is looked at, in seconds of event time: an idle one goes that much later at most.
const LOOKED_AT_EVERY_S: i64 = 7 * DAY_S;

/// Keys that one payment may look at: more than one, so that a backlog shrinks.
const LOOKED_AT_ONCE: usize = 2;

/// What is known by key, until nothing has happened there for some time.
///
/// Time is the partition's event time: that of the newest payment of any of its keys, which never goes back. So a replay drops the
/// same keys at the same payments.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize + Ord, V: Serialize",
    deserialize = "K: Deserialize<'de> + Eq + Hash, V: Deserialize<'de>"
))]
pub(crate) struct Live<K, V> {
    keys: OverlayMap<K, Known<V>>,
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

impl<K, V> Default for Live<K, V> {
    fn default() -> Self {
        Self {
            keys: OverlayMap::default(),
            looks: Fifo::default(),
            now_s: Overlay::default(),
        }
    }
}

impl<K: Eq + Hash + Copy, V: Clone + Default> Live<K, V> {
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

    /// Lets a payment of `at_s` happen at a key, and drops keys that are idle for longer than `idle_s`.
    pub(crate) fn observe(&mut self, key: K, at_s: i64, idle_s: i64, observe: impl FnOnce(&mut V)) {
        let now_s = self.now_s.get().map_or(at_s, |before| before.max(at_s));
        if *self.now_s.get() != Some(now_s) {
            self.now_s.set(Some(now_s));
        }
        let mut is_new = false;
        let known = self.keys.get_or_insert_with(key, || {
            is_new = true;
            Known::default()
        });
        known.seen_s = now_s;
        observe(&mut known.what);
        if is_new {
            self.looks.push(now_s, key);
        }
        for _ in 0..LOOKED_AT_ONCE {
            let Some(key) = self.looks.pop_before(now_s.saturating_sub(LOOKED_AT_EVERY_S)) else {
                return;
            };
            let is_idle = |known: &Known<V>| known.seen_s < now_s.saturating_sub(idle_s);
            match self.keys.get(&key).is_some_and(is_idle) {
                true => drop(self.keys.remove(&key)),
                false => self.looks.push(now_s, key),
            }
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Layered for Live<K, V> {
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
}
