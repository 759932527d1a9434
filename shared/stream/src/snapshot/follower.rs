//! Takes snapshots off the hot path: a follower folds the committed events as a restore would, and writes down what it
//! gets. So a snapshot is a restore that was done in advance, and the worker's thread never stops for one.

use std::collections::BTreeMap;

use opentelemetry::{KeyValue, global, metrics::Counter};

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
    metrics: Metrics,
}

/// What the follower tells, through OpenTelemetry's meter `tributary.snapshots`.
struct Metrics {
    service: KeyValue,
    snapshots: Counter<u64>,
    bytes: Counter<u64>,
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
            metrics: Metrics::new(S::NAMES.service),
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
            followed.save(partition, store, &self.metrics);
        }
        Ok(())
    }
}

impl<S: Service> Followed<S> {
    /// A snapshot that can't be written costs time at the next restore, and nothing now: the next one is tried when it is
    /// due.
    fn save(&self, partition: i32, store: &dyn SnapshotStore, metrics: &Metrics) {
        let next_event = self.state.next_event();
        let result = write(&self.state)
            .map_err(std::io::Error::other)
            .and_then(|bytes| {
                let length = bytes.len();
                store.save(&Shelf::of::<S>(partition), next_event, bytes)?;
                Ok(length)
            });
        metrics.tell(result.as_ref().ok().copied());
        if let Err(error) = result {
            let service = S::NAMES.service;
            tracing::warn!(service, partition, next_event, %error, "a snapshot could not be written");
        }
    }
}

impl Metrics {
    fn new(service: &'static str) -> Self {
        let meter = global::meter("tributary.snapshots");
        let metrics = Self {
            service: KeyValue::new("service", service),
            snapshots: meter
                .u64_counter("tributary.snapshots.written")
                .with_unit("{snapshot}")
                .with_description("snapshots that were due, by outcome: kept or failed")
                .build(),
            bytes: meter
                .u64_counter("tributary.snapshots.size")
                .with_unit("By")
                .with_description("bytes of the snapshots that were kept")
                .build(),
        };
        for outcome in ["kept", "failed"] {
            metrics.snapshots.add(0, &metrics.with(outcome));
        }
        metrics.bytes.add(0, std::slice::from_ref(&metrics.service));
        metrics
    }

    fn with(&self, outcome: &'static str) -> [KeyValue; 2] {
        [self.service.clone(), KeyValue::new("outcome", outcome)]
    }

    /// `kept`: its bytes, if it was.
    fn tell(&self, kept: Option<usize>) {
        let outcome = if kept.is_some() { "kept" } else { "failed" };
        self.snapshots.add(1, &self.with(outcome));
        self.bytes
            .add(kept.unwrap_or(0) as u64, std::slice::from_ref(&self.service));
    }
}
