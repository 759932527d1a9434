//! A stack's data directory: locked while the stack lives, removed after it when temporary.
//!
//! ```text
//! <data dir>/lock                 held by the process that runs the stack
//!           /running.json         where the servers are, while they run
//!           /logs/                kafka.log, kafka.out, controller.log, controller.out, postgres.log
//!           /kafka/broker/        configuration, log segments
//!           /kafka/controller/    configuration, the log of the cluster's metadata
//!           /postgres/            cluster; as root, under /var/tmp/tributary-<hash> instead
//!           /postgres.password
//!           /pii.master.key       of the bank that runs on it: wraps the keys of personal data
//! ```

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use crate::error::{At, Result, StackError};
use crate::random::hex;
use crate::{kafka, leftovers, platform};

const LOCK: &str = "lock";

/// Where a stack keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `.tributary/<name>` in the checkout that this was built from, so that two checkouts don't meet.
    Checkout(String),
    /// A directory of one's own.
    Directory(PathBuf),
    /// A new directory under the system's temporary one, removed at the end.
    Temporary,
}

impl Place {
    /// The directory, unless it is temporary and thus not known before it is made.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Place::Checkout(name) => Some(checkout().join(".tributary").join(name)),
            Place::Directory(path) => Some(path.clone()),
            Place::Temporary => None,
        }
    }
}

/// The checkout that this was built from, or the working directory where it is no more.
fn checkout() -> PathBuf {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match built_from.canonicalize() {
        Ok(path) if path.join("Cargo.toml").is_file() => path,
        _ => PathBuf::from("."),
    }
}

/// A data directory that this process holds the lock of.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    temporary: bool,
    /// Held until dropped; the kernel lets go of it however the process ends.
    _lock: File,
}

impl DataDir {
    /// Creates or reuses the directory and takes its lock; `fresh` empties it first.
    ///
    /// # Errors
    /// `DATA_DIR_IN_USE` when another process holds it, `STACK_IO`.
    pub(crate) fn open(place: &Place, fresh: bool) -> Result<Self> {
        let Some(path) = place.path() else {
            return Self::open_temporary();
        };
        create_private(&path)?;
        let opened = Self::lock(&path, false)?;
        if fresh {
            opened.empty()?;
        }
        Ok(opened)
    }

    fn lock(path: &Path, temporary: bool) -> Result<Self> {
        let path = path.canonicalize().at("can't find", path)?;
        let file = path.join(LOCK);
        let mut lock = open_private(&file).at("can't open", &file)?;
        if lock.try_lock().is_err() {
            let mut pid = String::new();
            // Only for the message; the holder writes it right after it has the lock.
            drop(lock.read_to_string(&mut pid));
            return Err(StackError::DataDirInUse {
                path,
                pid: pid.trim().to_owned(),
            });
        }
        lock.set_len(0).at("can't empty", &file)?;
        writeln!(lock, "{}", std::process::id()).at("can't write", &file)?;
        Ok(Self {
            path,
            temporary,
            _lock: lock,
        })
    }

    /// A new temporary directory. Those of runs that were killed, and so could not remove them, are removed first.
    fn open_temporary() -> Result<Self> {
        let parent = std::env::temp_dir();
        let prefix = format!("tributary-temporary-{}-", Uid::effective());
        // A directory is made and locked under one lock, so that nobody takes a new one for one left behind.
        let sweep_lock = parent.join(format!("{prefix}lock"));
        let sweeping = open_private(&sweep_lock).at("can't open", &sweep_lock)?;
        sweeping.lock().at("can't lock", &sweep_lock)?;
        for entry in fs::read_dir(&parent).at("can't read", &parent)?.flatten() {
            let named = entry.file_name().to_string_lossy().starts_with(&prefix);
            let own = entry
                .metadata()
                .is_ok_and(|data| data.is_dir() && data.uid() == Uid::effective().as_raw());
            if named
                && own
                && let Ok(left) = Self::lock(&entry.path(), true)
            {
                left.remove()?;
            }
        }
        let made = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&parent)
            .at("can't create a directory in", &parent)?;
        Self::lock(&made.keep(), true)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// Removes everything but the lock.
    fn empty(&self) -> Result<()> {
        self.end_leftovers()?;
        for entry in fs::read_dir(&self.path).at("can't read", &self.path)?.flatten() {
            if entry.file_name() != LOCK {
                remove(&entry.path())?;
            }
        }
        remove(&postgres_home(&self.path))
    }

    /// Removes the directory and what belongs to it elsewhere.
    pub(crate) fn remove(&self) -> Result<()> {
        self.end_leftovers()?;
        remove(&postgres_home(&self.path))?;
        remove(&self.path)
    }

    fn end_leftovers(&self) -> Result<()> {
        for home in kafka::process_homes(&kafka_home(&self.path)) {
            leftovers::end(&home)?;
        }
        leftovers::end(&postgres_home(&self.path).join("data"))
    }
}

/// Kafka's directory within a data directory.
pub(crate) fn kafka_home(data_dir: &Path) -> PathBuf {
    data_dir.join("kafka")
}

/// PostgreSQL's directory for a data directory. As root it is elsewhere, since the user that PostgreSQL then runs as
/// can't enter root's home or another private directory.
pub(crate) fn postgres_home(data_dir: &Path) -> PathBuf {
    if Uid::effective().is_root() {
        let digest = hex(&Sha256::digest(data_dir.as_os_str().as_encoded_bytes()));
        platform::open_to_all().join(format!("tributary-{}", &digest[..16]))
    } else {
        data_dir.join("postgres")
    }
}

/// Opens a file for reading and writing that only this user may read, made if it is missing.
pub(crate) fn open_private(path: &Path) -> std::io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Creates a directory, and those above it, that only this user may enter.
pub(crate) fn create_private(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .at("can't create", path)
}

/// Removes a file or a directory with all it holds; one that is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome.at("can't remove", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_use_is_refused_and_names_the_process() {
        let home = tempfile::tempdir().unwrap();
        let place = Place::Directory(home.path().join("stack"));
        let first = DataDir::open(&place, false).unwrap();
        let error = DataDir::open(&place, false).unwrap_err();
        assert_eq!(error.code(), "DATA_DIR_IN_USE");
        assert!(
            error.to_string().contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        DataDir::open(&place, false).unwrap();
    }

    #[test]
    fn a_fresh_start_finds_nothing_of_the_former_one() {
        let home = tempfile::tempdir().unwrap();
        let place = Place::Directory(home.path().join("stack"));
        let first = DataDir::open(&place, false).unwrap();
        fs::create_dir(first.path().join("kafka")).unwrap();
        fs::write(first.path().join("kafka/old"), "old").unwrap();
        drop(first);
        let kept = DataDir::open(&place, false).unwrap();
        assert!(kept.path().join("kafka/old").exists());
        drop(kept);
        let emptied = DataDir::open(&place, true).unwrap();
        assert!(!emptied.path().join("kafka").exists());
    }

    #[test]
    fn a_temporary_directory_that_a_killed_run_left_is_removed_and_one_in_use_is_not() {
        let left = DataDir::open(&Place::Temporary, false).unwrap();
        let left_path = left.path().to_owned();
        // As when the process is killed: the lock goes, the directory stays.
        drop(left);
        let used = DataDir::open(&Place::Temporary, false).unwrap();
        assert!(!left_path.exists());
        let other = DataDir::open(&Place::Temporary, false).unwrap();
        assert!(used.path().exists());
        used.remove().unwrap();
        other.remove().unwrap();
        assert!(!used.path().exists());
    }
}
