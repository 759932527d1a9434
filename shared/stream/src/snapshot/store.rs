//! What keeps snapshots, as worker and follower see it.

use std::{fmt::Debug, io};

use super::Shelf;

/// Keeps snapshots of partitions. Losing them costs time, never state.
pub trait SnapshotStore: Debug + Send + Sync {
    /// The newest snapshot of the shelf that is whole. None as well where the store fails: then the log is read.
    fn load(&self, shelf: &Shelf) -> Option<Vec<u8>>;

    /// Keeps a snapshot of the state behind all events before `next_event`. A reader sees it whole or not at all.
    ///
    /// # Errors
    /// When it isn't kept.
    fn save(&self, shelf: &Shelf, next_event: i64, bytes: Vec<u8>) -> io::Result<()>;
}

/// No snapshots: every restore reads the whole log.
#[derive(Debug)]
pub struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    fn load(&self, _: &Shelf) -> Option<Vec<u8>> {
        None
    }

    fn save(&self, _: &Shelf, _: i64, _: Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}
