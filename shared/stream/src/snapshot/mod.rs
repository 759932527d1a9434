//! Snapshots: a partition's state at a committed boundary, so that a restore need not read the whole log.
//!
//! A snapshot is only ever a short cut. One that is not exactly what this build would have written (another service,
//! partition, state schema, fold version or golden log, a wrong checksum, unreadable) is left aside, and the log is read
//! instead.

mod follower;
mod objects;
mod open;
mod store;

use serde::{Deserialize, Serialize};

pub use follower::SnapshotFollower;
pub use objects::ObjectSnapshots;
pub use open::OpenError;
pub use store::{NoSnapshots, SnapshotStore};

use crate::{service::Service, state::PartitionState};

/// Raised whenever the runtime's own part of the state, or the form of a snapshot, changes.
const RUNTIME_FOLD_VERSION: u32 = 2;

/// Bytes of the checksum in front of a snapshot.
const CHECKSUM_BYTES: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The snapshots of one partition that this build can read, among all that a store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf(Key);

impl Shelf {
    pub fn of<S: Service>(partition: i32) -> Self {
        Self(Key::of::<S>(partition))
    }

    pub fn service(&self) -> &str {
        &self.0.service
    }

    pub fn partition(&self) -> i32 {
        self.0.partition
    }

    /// Short name of the key: other builds' snapshots have other names.
    ///
    /// # Errors
    /// Never in practice: the key is numbers and strings.
    pub fn name(&self) -> Result<String, postcard::Error> {
        let key = postcard::to_stdvec(&self.0)?;
        Ok(format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&key)))
    }

    /// Whether the bytes are whole and were written under exactly this key; where not, why.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self, bytes: &[u8]) -> Result<(), &'static str> {
        self.state_in(bytes).map(drop)
    }

    /// The bytes of the state in a snapshot that fits.
    fn state_in<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], &'static str> {
        let (sum, body) = bytes.split_at_checked(CHECKSUM_BYTES).ok_or("too short")?;
        if checksum(body) != sum {
            return Err("wrong checksum");
        }
        let (key, state) = postcard::take_from_bytes::<Key>(body).map_err(|_| "unreadable key")?;
        if key != self.0 {
            return Err("another key");
        }
        Ok(state)
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
    let state = Shelf::of::<S>(partition).state_in(bytes)?;
    postcard::from_bytes::<PartitionState<S>>(state).map_err(|_| "unreadable state")
}
