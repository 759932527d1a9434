//! The snapshots of all services, and the followers that write them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tributary_stream::{
    memory::MemoryBroker,
    service::Service,
    snapshot::{Shelf, SnapshotFollower, SnapshotStore},
};

use crate::{plan::Trouble, world::PARTITIONS};

/// The newest snapshots, of all services.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(Mutex<BTreeMap<(String, i32), Vec<u8>>>);

impl Snapshots {
    /// What a process gets; trouble spoils a byte of it.
    pub(crate) fn read(&self, shelf: &Shelf, trouble: Option<Trouble>) -> Option<Vec<u8>> {
        let mut bytes = self.load(shelf)?;
        if let Some(trouble) = trouble {
            let place = (trouble.at as usize * 7_919) % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 0x40;
            }
        }
        Some(bytes)
    }
}

impl SnapshotStore for Snapshots {
    fn load(&self, shelf: &Shelf) -> Option<Vec<u8>> {
        let snapshots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (shelf.service().to_owned(), shelf.partition());
        snapshots.get(&place).cloned()
    }

    fn save(&self, shelf: &Shelf, _next_event: i64, bytes: Vec<u8>) -> std::io::Result<()> {
        let mut snapshots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.insert((shelf.service().to_owned(), shelf.partition()), bytes);
        Ok(())
    }
}

/// Writes a service's snapshots.
pub(crate) trait Follow {
    /// Folds what was committed since, and writes snapshots. An error: the log and the fold contradict each other.
    fn follow(&mut self, broker: &MemoryBroker, snapshots: &Snapshots) -> Result<(), String>;
}

/// Events between two snapshots of a partition.
const SNAPSHOT_EVERY: i64 = 10;

/// Of what has no state.
struct NothingToFollow;

pub(crate) fn follow_nothing() -> Box<dyn Follow> {
    Box::new(NothingToFollow)
}

impl Follow for NothingToFollow {
    fn follow(&mut self, _: &MemoryBroker, _: &Snapshots) -> Result<(), String> {
        Ok(())
    }
}

struct Follower<S: Service>(SnapshotFollower<S>);

pub(crate) fn follow<S: Service>() -> Box<dyn Follow> {
    let none = Snapshots::default();
    Box::new(Follower::<S>(SnapshotFollower::new(
        PARTITIONS,
        SNAPSHOT_EVERY,
        &none,
    )))
}

impl<S: Service> Follow for Follower<S> {
    fn follow(&mut self, broker: &MemoryBroker, snapshots: &Snapshots) -> Result<(), String> {
        for (partition, next) in self.0.next() {
            let read = broker
                .read_committed_from(S::NAMES.events.name, partition, next)
                .map_err(|error| error.to_string())?;
            self.0
                .absorb(partition, &read, snapshots)
                .map_err(|corrupt| corrupt.to_string())?;
        }
        Ok(())
    }
}
