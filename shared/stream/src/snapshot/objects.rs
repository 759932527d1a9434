//! Snapshots as objects: files of a local directory, or objects of a bucket.
//!
//! An object is named `<service>/<partition>/<next event>-<key>.snapshot`, so that a listing tells which is the newest and
//! which of them this build can read. Objects are written whole or not at all: a local one is written aside and renamed,
//! a bucket shows no part of an upload.

use std::{io, sync::Arc};

use chrono::TimeDelta;
use futures::TryStreamExt;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, memory::InMemory, path::Path,
};

use super::{OpenError, Shelf, SnapshotStore};

/// Snapshots of a shelf that are kept: should the newest be spoilt, there is another.
const KEPT: usize = 3;

/// How much older than the newest snapshot one of another build is when it is deleted. Until then that build may come
/// back.
const OTHERS_KEPT: TimeDelta = TimeDelta::days(30);

/// Snapshots in an object store.
#[derive(Debug)]
pub struct ObjectSnapshots {
    store: Arc<dyn ObjectStore>,
    /// Everything lies below it.
    root: Path,
    waiting: Waiting,
}

/// How to wait for the store. Neither worker nor follower is a task of a runtime, so both may block.
#[derive(Debug)]
pub(super) enum Waiting {
    /// On the calling thread: files and memory.
    Here,
    /// By a runtime of its own, which HTTP clients need.
    #[cfg(feature = "cloud")]
    Runtime(tokio::runtime::Runtime),
}

impl Waiting {
    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        match self {
            Self::Here => futures::executor::block_on(future),
            #[cfg(feature = "cloud")]
            Self::Runtime(runtime) => runtime.block_on(future),
        }
    }
}

impl ObjectSnapshots {
    /// In a local directory, which is made where it is missing.
    ///
    /// # Errors
    /// When it can't be made or used.
    pub fn in_directory(directory: impl AsRef<std::path::Path>) -> Result<Self, OpenError> {
        let unusable = |error: &dyn std::fmt::Display| OpenError::Unusable {
            place: directory.as_ref().display().to_string(),
            why: error.to_string(),
        };
        std::fs::create_dir_all(&directory).map_err(|error| unusable(&error))?;
        let files = LocalFileSystem::new_with_prefix(&directory).map_err(|error| unusable(&error))?;
        Ok(Self::new(
            Arc::new(files.with_fsync(true)),
            Path::default(),
            Waiting::Here,
        ))
    }

    /// In memory, for tests.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()), Path::default(), Waiting::Here)
    }

    pub(super) fn new(store: Arc<dyn ObjectStore>, root: Path, waiting: Waiting) -> Self {
        Self { store, root, waiting }
    }

    /// All snapshots of the shelf's partition, newest first, those of other builds as well.
    fn list(&self, shelf: &Shelf) -> object_store::Result<Vec<Listed>> {
        let prefix = self
            .root
            .clone()
            .join(shelf.service())
            .join(shelf.partition().to_string());
        let listing = self.store.list(Some(&prefix)).try_collect::<Vec<_>>();
        let mut listed: Vec<Listed> = self
            .waiting
            .wait(listing)?
            .into_iter()
            .filter_map(Listed::read)
            .collect();
        listed.sort_by_key(|listed| std::cmp::Reverse(listed.next_event));
        Ok(listed)
    }

    fn get(&self, path: &Path) -> object_store::Result<Vec<u8>> {
        let bytes = async { self.store.get(path).await?.bytes().await };
        Ok(self.waiting.wait(bytes)?.into())
    }

    /// Deletes what newer snapshots stand for. One that can't be deleted is in nobody's way.
    fn delete_old(&self, shelf: &Shelf, name: &str) -> object_store::Result<()> {
        let listed = self.list(shelf)?;
        let newest = listed.iter().map(|listed| listed.meta.last_modified).max();
        let of_this_build = listed.iter().filter(|listed| listed.key == name).skip(KEPT);
        let of_others = listed.iter().filter(|listed| {
            listed.key != name
                && newest.is_some_and(|newest| newest - listed.meta.last_modified > OTHERS_KEPT)
        });
        for old in of_this_build.chain(of_others) {
            match self.waiting.wait(self.store.delete(&old.meta.location)) {
                // Another instance keeps the same shelf in order.
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// An object whose name says that it is a snapshot.
struct Listed {
    next_event: i64,
    key: String,
    meta: ObjectMeta,
}

impl Listed {
    fn read(meta: ObjectMeta) -> Option<Self> {
        let name = meta.location.filename()?.strip_suffix(".snapshot")?;
        let (next_event, key) = name.split_once('-')?;
        Some(Self {
            next_event: next_event.parse().ok()?,
            key: key.to_owned(),
            meta,
        })
    }
}

impl SnapshotStore for ObjectSnapshots {
    fn load(&self, shelf: &Shelf) -> Option<Vec<u8>> {
        let (service, partition) = (shelf.service(), shelf.partition());
        let not_used = |at: &str, why: &dyn std::fmt::Display| {
            tracing::warn!(service, partition, at, %why, "a snapshot is not used");
        };
        let name = shelf.name().ok()?;
        let listed = match self.list(shelf) {
            Ok(listed) => listed,
            Err(error) => {
                not_used("all", &error);
                return None;
            }
        };
        for listed in listed.into_iter().filter(|listed| listed.key == name) {
            let location = &listed.meta.location;
            match self.get(location) {
                Ok(bytes) => match shelf.check(&bytes) {
                    Ok(()) => return Some(bytes),
                    Err(why) => not_used(location.as_ref(), &why),
                },
                Err(error) => not_used(location.as_ref(), &error),
            }
        }
        None
    }

    fn save(&self, shelf: &Shelf, next_event: i64, bytes: Vec<u8>) -> io::Result<()> {
        let name = shelf.name().map_err(io::Error::other)?;
        let path = self
            .root
            .clone()
            .join(shelf.service())
            .join(shelf.partition().to_string())
            .join(format!("{next_event:020}-{name}.snapshot"));
        self.waiting
            .wait(self.store.put(&path, PutPayload::from(bytes)))
            .map_err(io::Error::other)?;
        if let Err(error) = self.delete_old(shelf, &name) {
            let (service, partition) = (shelf.service(), shelf.partition());
            tracing::warn!(service, partition, %error, "old snapshots could not be deleted");
        }
        Ok(())
    }
}
