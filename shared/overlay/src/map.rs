use std::hash::Hash;

use hashbrown::{HashMap, hash_map};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Layered;

/// A map with undo.
#[derive(Clone, Debug)]
pub struct OverlayMap<K, V> {
    slots: HashMap<K, Slot<V>, foldhash::fast::RandomState>,
    /// What stood at a key before its first change since the savepoint that was in force then.
    journal: Vec<(K, Option<V>)>,
    /// Length of the journal at the savepoint.
    savepoint: usize,
    /// Number of the current savepoint; a slot that bears it stands in the journal since then.
    epoch: u64,
}

#[derive(Clone, Debug)]
struct Slot<V> {
    value: V,
    journalled_in: u64,
}

impl<K, V> Default for OverlayMap<K, V> {
    fn default() -> Self {
        Self {
            slots: HashMap::default(),
            journal: Vec::new(),
            savepoint: 0,
            epoch: 1,
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> OverlayMap<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.slots.get(key).map(|slot| &slot.value)
    }

    pub fn contains_key(&self, key: &K) -> bool {
        self.slots.contains_key(key)
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// In no particular order: what must be the same on every run has to sort.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().map(|(key, slot)| (key, &slot.value))
    }

    /// The value to change, if there is one.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let slot = self.slots.get_mut(key)?;
        if slot.journalled_in != self.epoch {
            self.journal.push((key.clone(), Some(slot.value.clone())));
            slot.journalled_in = self.epoch;
        }
        Some(&mut slot.value)
    }

    /// The value to change, made first if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let slot = match self.slots.entry(key) {
            hash_map::Entry::Occupied(entry) => {
                let journalled = entry.get().journalled_in == self.epoch;
                if !journalled {
                    self.journal
                        .push((entry.key().clone(), Some(entry.get().value.clone())));
                }
                entry.into_mut()
            }
            hash_map::Entry::Vacant(entry) => {
                self.journal.push((entry.key().clone(), None));
                entry.insert(Slot {
                    value: make(),
                    journalled_in: self.epoch,
                })
            }
        };
        slot.journalled_in = self.epoch;
        &mut slot.value
    }

    pub fn insert(&mut self, key: K, value: V) {
        let slot = Slot {
            value,
            journalled_in: self.epoch,
        };
        match self.slots.insert(key.clone(), slot) {
            Some(old) if old.journalled_in == self.epoch => {}
            old => self.journal.push((key, old.map(|slot| slot.value))),
        }
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let old = self.slots.remove(key)?;
        // Always journalled, also twice in one savepoint: a removed slot can't remember that it was.
        self.journal.push((key.clone(), Some(old.value.clone())));
        Some(old.value)
    }

    fn undo_down_to(&mut self, length: usize) {
        while self.journal.len() > length {
            let Some((key, before)) = self.journal.pop() else {
                break;
            };
            match before {
                // 0: no savepoint bears it, so that the next change goes into the journal again.
                Some(value) => self.slots.insert(
                    key,
                    Slot {
                        value,
                        journalled_in: 0,
                    },
                ),
                None => self.slots.remove(&key),
            };
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Layered for OverlayMap<K, V> {
    fn set_savepoint(&mut self) {
        self.savepoint = self.journal.len();
        self.epoch += 1;
    }

    fn undo_to_savepoint(&mut self) {
        self.undo_down_to(self.savepoint);
        self.epoch += 1;
    }

    fn undo_all(&mut self) {
        self.undo_down_to(0);
        self.savepoint = 0;
        self.epoch += 1;
    }

    fn commit(&mut self) {
        self.journal.clear();
        self.savepoint = 0;
        self.epoch += 1;
    }
}

/// Equal as what they hold; the journals don't count.
impl<K: Eq + Hash + Clone, V: Clone + PartialEq> PartialEq for OverlayMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

/// Sorted by key, so that the same state gives the same bytes.
impl<K: Serialize + Ord, V: Serialize> Serialize for OverlayMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        debug_assert!(self.journal.is_empty(), "only committed state is written down");
        let mut entries: Vec<_> = self.slots.iter().map(|(key, slot)| (key, &slot.value)).collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_seq(entries)
    }
}

impl<'de, K, V> Deserialize<'de> for OverlayMap<K, V>
where
    K: Deserialize<'de> + Eq + Hash,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<(K, V)>::deserialize(deserializer)?;
        let slot = |(key, value)| {
            (
                key,
                Slot {
                    value,
                    journalled_in: 0,
                },
            )
        };
        Ok(Self {
            slots: entries.into_iter().map(slot).collect(),
            ..Self::default()
        })
    }
}
