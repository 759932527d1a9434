use serde::{Deserialize, Serialize};
use tributary_overlay::{Layered, Overlay, OverlayMap};

/// A queue with undo: what is put in with a rising number comes out in that order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub(crate) struct Fifo<T> {
    entries: OverlayMap<u64, (i64, T)>,
    ends: Overlay<Ends>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ends {
    first: u64,
    next: u64,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self {
            entries: OverlayMap::default(),
            ends: Overlay::default(),
        }
    }
}

impl<T: Copy> Fifo<T> {
    /// `at` is not below that of the entry before.
    pub(crate) fn push(&mut self, at: i64, what: T) {
        let ends = self.ends.get_mut();
        self.entries.insert(ends.next, (at, what));
        ends.next += 1;
    }

    pub(crate) fn len(&self) -> u64 {
        let ends = self.ends.get();
        ends.next - ends.first
    }

    /// Takes the oldest entry out, if it was put in below `before`.
    pub(crate) fn pop_before(&mut self, before: i64) -> Option<T> {
        let first = self.ends.get().first;
        let (_, what) = *self.entries.get(&first).filter(|(at, _)| *at < before)?;
        self.entries.remove(&first);
        self.ends.get_mut().first += 1;
        Some(what)
    }
}

impl<T> Layered for Fifo<T> {
    fn set_savepoint(&mut self) {
        self.entries.set_savepoint();
        self.ends.set_savepoint();
    }

    fn undo_to_savepoint(&mut self) {
        self.entries.undo_to_savepoint();
        self.ends.undo_to_savepoint();
    }

    fn undo_all(&mut self) {
        self.entries.undo_all();
        self.ends.undo_all();
    }

    fn commit(&mut self) {
        self.entries.commit();
        self.ends.commit();
    }

    fn is_torn(&self) -> bool {
        self.entries.is_torn() || self.ends.is_torn()
    }
}
