//! What others may see of a worker: health checks, metrics, tests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::times::Times;

/// What a partition can be in.
pub(super) const PHASES: [&str; 4] = ["assigned", "restoring", "running", "stopped"];

/// How many of these names are each of [`PHASES`].
pub(crate) fn by_phase(names: impl Iterator<Item = &'static str>) -> [i64; PHASES.len()] {
    let mut by_phase = [0; PHASES.len()];
    for phase in names {
        for (count, name) in by_phase.iter_mut().zip(PHASES) {
            *count += i64::from(name == phase);
        }
    }
    by_phase
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// `assigned`, `restoring`, `running` or `stopped`.
    pub phase: &'static str,
    /// Why it stopped.
    pub stopped: Option<String>,
    /// Offset of the input that comes next.
    pub next_input: i64,
    /// Offset up to which events are folded.
    pub next_event: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Status {
    pub partitions: BTreeMap<i32, PartitionStatus>,
    /// Transactions committed since the worker started.
    pub transactions: u64,
    /// Records written in them.
    pub records: u64,
}

/// A cheap handle on a worker's status.
#[derive(Clone, Debug, Default)]
pub struct StatusHandle {
    status: Arc<Mutex<Status>>,
    times: Arc<Mutex<Times>>,
}

impl StatusHandle {
    pub fn get(&self) -> Status {
        self.lock().clone()
    }

    /// How long its records took so far.
    pub fn times(&self) -> Times {
        self.lock_times().clone()
    }

    pub(super) fn lock_times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, partitions: impl Iterator<Item = (i32, PartitionStatus)>) {
        let mut status = self.lock();
        status.partitions.clear();
        status.partitions.extend(partitions);
    }

    pub(super) fn count_commit(&self, records: usize) {
        let mut status = self.lock();
        status.transactions += 1;
        status.records += records as u64;
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        // A status is replaced whole; one left by a panic is as good as any.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
