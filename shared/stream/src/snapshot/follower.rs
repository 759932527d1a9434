//! Takes snapshots off the hot path: a follower folds the committed events as a restore would, and writes down what it
//! gets. So a snapshot is a restore that was done in advance, and the worker's thread never stops for one.

use std::collections::BTreeMap;

use super::{Shelf, SnapshotStore, write};
use crate::{
    log::EventsRead,
    service::{Corrupt, Service},
    state::PartitionState,
};

/// Follows the partitions of a service's events.
pub struct SnapshotFollower<S: Service> {
    partitions: BTreeMap<i32, Followed<S>>,
    /// Events between two snapshots of a partition.
    every: i64,
}

struct Followed<S: Service> {
    state: PartitionState<S>,
    /// Offset of the events at which the next snapshot is due.
    due_at: i64,
}

impl<S: Service> SnapshotFollower<S> {
    /// Goes on from the newest usable snapshots. `every`: offsets between two snapshots of one partition.
    pub fn new(partitions: i32, every: i64, store: &dyn SnapshotStore) -> Self {
        let followed = |partition| {
            let snapshot = store.load(&Shelf::of::<S>(partition));
            let mut state = snapshot
                .and_then(|bytes| super::read::<S>(partition, &bytes))
                .unwrap_or_else(|| PartitionState::new(partition));
            state.index();
            let due_at = state.next_event() + every;
            (partition, Followed { state, due_at })
        };
        Self {
            partitions: (0..partitions).map(followed).collect(),
            every,
        }
    }

    /// Where each partition is to be read from.
    pub fn next(&self) -> BTreeMap<i32, i64> {
        self.partitions
            .iter()
            .map(|(partition, followed)| (*partition, followed.state.next_event()))
            .collect()
    }

    /// Folds committed events of one partition, and writes a snapshot when enough have come.
    pub fn absorb(
        &mut self,
        partition: i32,
        read: &EventsRead,
        store: &dyn SnapshotStore,
    ) -> Result<(), Corrupt> {
        let Some(followed) = self.partitions.get_mut(&partition) else {
            return Ok(());
        };
        followed.state.restore(&read.records, read.next)?;
        if followed.state.next_event() >= followed.due_at {
            followed.due_at = followed.state.next_event() + self.every;
            followed.save(partition, store);
        }
        Ok(())
    }
}

impl<S: Service> Followed<S> {
    /// A snapshot that can't be written costs time at the next restore, and nothing now: the next one is tried when it is
    /// due.
    fn save(&self, partition: i32, store: &dyn SnapshotStore) {
        let next_event = self.state.next_event();
        let result = write(&self.state)
            .map_err(std::io::Error::other)
            .and_then(|bytes| store.save(&Shelf::of::<S>(partition), next_event, bytes));
        if let Err(error) = result {
            let service = S::NAMES.service;
            tracing::warn!(service, partition, next_event, %error, "a snapshot could not be written");
        }
    }
}
