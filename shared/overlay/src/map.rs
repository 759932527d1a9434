use std::{convert::Infallible, hash::Hash};

use hashbrown::{HashMap, hash_map};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Layered;

/// A value that can take a change back, given what the change has replaced in it.
pub trait Revert<U> {
    /// Takes the newest change back that is not taken back yet.
    fn revert(&mut self, replaced: U);
}

/// Of values that are only ever journalled whole.
impl<V> Revert<Infallible> for V {
    fn revert(&mut self, replaced: Infallible) {
        match replaced {}
    }
}

/// A map with undo. Values that are large and change little may be changed by [`OverlayMap::change`]: then the journal
/// holds `U`, what the change has replaced, instead of the whole value.
#[derive(Clone, Debug)]
pub struct OverlayMap<K, V, U = Infallible> {
    slots: HashMap<K, Slot<V>, foldhash::fast::RandomState>,
    journal: Vec<(K, Before<V, U>)>,
    /// Length of the journal at the savepoint.
    savepoint: usize,
    /// Number of the current savepoint; a slot that bears it stands in the journal since then.
    epoch: u64,
    /// A change has begun, and not ended.
    torn: bool,
}

#[derive(Clone, Debug)]
struct Slot<V> {
    value: V,
    journalled_in: u64,
}

/// What stood at a key.
#[derive(Clone, Debug)]
enum Before<V, U> {
    Nothing,
    /// Before its first change since the savepoint that was in force then.
    Whole(V),
    /// What one change has replaced.
    Replaced(U),
}

impl<K, V, U> Default for OverlayMap<K, V, U> {
    fn default() -> Self {
        Self {
            slots: HashMap::default(),
            journal: Vec::new(),
            savepoint: 0,
            epoch: 1,
            torn: false,
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone, U> OverlayMap<K, V, U> {
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
            self.journal
                .push((key.clone(), Before::Whole(slot.value.clone())));
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
                        .push((entry.key().clone(), Before::Whole(entry.get().value.clone())));
                }
                entry.into_mut()
            }
            hash_map::Entry::Vacant(entry) => {
                self.journal.push((entry.key().clone(), Before::Nothing));
                entry.insert(Slot {
                    value: make(),
                    journalled_in: self.epoch,
                })
            }
        };
        slot.journalled_in = self.epoch;
        &mut slot.value
    }

    /// Changes the value of a key, made first if there is none, and keeps what the change has replaced, unless the whole stands in
    /// the journal already. Whether the key is new. Should the change panic where it doesn't, the map is torn
    /// ([`Layered::is_torn`]).
    pub fn change(&mut self, key: K, make: impl FnOnce() -> V, change: impl FnOnce(&mut V) -> U) -> bool {
        match self.slots.entry(key) {
            hash_map::Entry::Occupied(mut entry) if entry.get().journalled_in == self.epoch => {
                // Undo puts the whole back, over whatever came after it: there is nothing to revert one by one.
                let _replaced = change(&mut entry.get_mut().value);
                false
            }
            hash_map::Entry::Occupied(mut entry) => {
                self.torn = true;
                let replaced = change(&mut entry.get_mut().value);
                self.torn = false;
                self.journal
                    .push((entry.key().clone(), Before::Replaced(replaced)));
                false
            }
            hash_map::Entry::Vacant(entry) => {
                let mut value = make();
                // Undone, the key is gone, with whatever changed at it.
                let _replaced = change(&mut value);
                self.journal.push((entry.key().clone(), Before::Nothing));
                entry.insert(Slot {
                    value,
                    journalled_in: self.epoch,
                });
                true
            }
        }
    }

    pub fn insert(&mut self, key: K, value: V) {
        let slot = Slot {
            value,
            journalled_in: self.epoch,
        };
        match self.slots.insert(key.clone(), slot) {
            Some(old) if old.journalled_in == self.epoch => {}
            Some(old) => self.journal.push((key, Before::Whole(old.value))),
            None => self.journal.push((key, Before::Nothing)),
        }
    }

    /// Takes a value out, into the journal.
    pub fn remove(&mut self, key: &K) -> Option<&V> {
        let old = self.slots.remove(key)?;
        // Always journalled, also twice in one savepoint: a removed slot can't remember that it was.
        self.journal.push((key.clone(), Before::Whole(old.value)));
        match self.journal.last() {
            Some((_, Before::Whole(value))) => Some(value),
            _ => None,
        }
    }
}

impl<K: Eq + Hash, V: Revert<U>, U> OverlayMap<K, V, U> {
    fn undo_down_to(&mut self, length: usize) {
        while self.journal.len() > length {
            let Some((key, before)) = self.journal.pop() else {
                break;
            };
            match before {
                Before::Nothing => drop(self.slots.remove(&key)),
                // 0: no savepoint bears it, so that the next change goes into the journal again.
                Before::Whole(value) => drop(self.slots.insert(
                    key,
                    Slot {
                        value,
                        journalled_in: 0,
                    },
                )),
                Before::Replaced(replaced) => {
                    if let Some(slot) = self.slots.get_mut(&key) {
                        slot.value.revert(replaced);
                    }
                }
            }
        }
    }
}

impl<K: Eq + Hash, V: Revert<U>, U> Layered for OverlayMap<K, V, U> {
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

    fn is_torn(&self) -> bool {
        self.torn
    }
}

/// Equal as what they hold; the journals don't count.
impl<K: Eq + Hash + Clone, V: Clone + PartialEq, U> PartialEq for OverlayMap<K, V, U> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

/// Sorted by key, so that the same state gives the same bytes.
impl<K: Serialize + Ord, V: Serialize, U> Serialize for OverlayMap<K, V, U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        debug_assert!(self.journal.is_empty(), "only committed state is written down");
        let mut entries: Vec<_> = self.slots.iter().map(|(key, slot)| (key, &slot.value)).collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_seq(entries)
    }
}

impl<'de, K, V, U> Deserialize<'de> for OverlayMap<K, V, U>
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
