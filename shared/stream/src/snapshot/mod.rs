//! Snapshots: a partition's state at a committed boundary, so that a restore need not read the whole log.
//!
//! A snapshot is only ever a short cut. One that is not exactly what this build would have written (another service,
//! partition, state schema, fold version or golden log, a wrong checksum, unreadable) is left aside, and the log is read
//! instead.

mod follower;
mod store;

use serde::{Deserialize, Serialize};

pub use follower::SnapshotFollower;
pub use store::{NoSnapshots, SnapshotDirectory, SnapshotStore};

use crate::{service::Service, state::PartitionState};

/// Raised whenever the runtime's own part of the state, or the form of a snapshot, changes.
const RUNTIME_FOLD_VERSION: u32 = 2;

/// Bytes of the checksum in front of a snapshot.
const CHECKSUM_BYTES: usize = 16;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    service: String,
    partition: i32,
    state_schema: String,
    runtime_fold_version: u32,
    service_fold_version: u32,
    /// Digest of the state that the golden log folds to.
    golden_state: String,
}

impl Key {
    fn of<S: Service>(partition: i32) -> Self {
        Self {
            service: S::NAMES.service.to_owned(),
            partition,
            state_schema: S::GOLDEN.schema.to_owned(),
            runtime_fold_version: RUNTIME_FOLD_VERSION,
            service_fold_version: S::FOLD_VERSION,
            golden_state: S::GOLDEN.state.to_owned(),
        }
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    xxhash_rust::xxh3::xxh3_128(body).to_le_bytes()
}

/// The bytes of a snapshot. The state must have nothing uncommitted.
pub fn write<S: Service>(state: &PartitionState<S>) -> Result<Vec<u8>, postcard::Error> {
    let body = postcard::to_stdvec(&(Key::of::<S>(state.partition), state))?;
    let mut bytes = checksum(&body).to_vec();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// The state in a snapshot, or `None` where the log has to be read instead.
pub fn read<S: Service>(partition: i32, bytes: &[u8]) -> Option<PartitionState<S>> {
    let why_not = match parse::<S>(partition, bytes) {
        Ok(state) => return Some(state),
        Err(why_not) => why_not,
    };
    tracing::warn!(
        partition,
        why_not,
        "a snapshot is not used: the log is read instead"
    );
    None
}

fn parse<S: Service>(partition: i32, bytes: &[u8]) -> Result<PartitionState<S>, &'static str> {
    let (sum, body) = bytes.split_at_checked(CHECKSUM_BYTES).ok_or("too short")?;
    if checksum(body) != sum {
        return Err("wrong checksum");
    }
    let (key, rest) = postcard::take_from_bytes::<Key>(body).map_err(|_| "unreadable key")?;
    if key != Key::of::<S>(partition) {
        return Err("another key");
    }
    postcard::from_bytes::<PartitionState<S>>(rest).map_err(|_| "unreadable state")
}
