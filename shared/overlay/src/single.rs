use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Layered;

/// One value with undo.
#[derive(Clone, Debug, Default)]
pub struct Overlay<T> {
    value: T,
    /// The value at the last commit, once it has changed since.
    committed: Option<T>,
    /// The value at the savepoint, once it has changed since.
    saved: Option<T>,
}

impl<T: Clone> Overlay<T> {
    pub fn new(value: T) -> Self {
        Self {
            value,
            committed: None,
            saved: None,
        }
    }

    pub fn get(&self) -> &T {
        &self.value
    }

    /// Whether it was changed since the last commit.
    pub fn is_changed(&self) -> bool {
        self.committed.is_some()
    }

    pub fn get_mut(&mut self) -> &mut T {
        if self.committed.is_none() {
            self.committed = Some(self.value.clone());
        }
        if self.saved.is_none() {
            self.saved = Some(self.value.clone());
        }
        &mut self.value
    }

    pub fn set(&mut self, value: T) {
        *self.get_mut() = value;
    }
}

impl<T: Clone> Layered for Overlay<T> {
    fn set_savepoint(&mut self) {
        self.saved = None;
    }

    fn undo_to_savepoint(&mut self) {
        if let Some(saved) = self.saved.take() {
            self.value = saved;
        }
    }

    fn undo_all(&mut self) {
        self.saved = None;
        if let Some(committed) = self.committed.take() {
            self.value = committed;
        }
    }

    fn commit(&mut self) {
        self.committed = None;
        self.saved = None;
    }

    fn is_torn(&self) -> bool {
        false
    }
}

/// Equal as what they hold; what undo would give back doesn't count.
impl<T: PartialEq> PartialEq for Overlay<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Serialize> Serialize for Overlay<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        debug_assert!(self.committed.is_none(), "only committed state is written down");
        self.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Clone> Deserialize<'de> for Overlay<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}
