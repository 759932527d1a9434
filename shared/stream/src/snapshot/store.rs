//! Where snapshots are kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Keeps the newest snapshot of each partition. Losing it costs time, never state.
pub trait SnapshotStore: Send + Sync {
    fn load(&self, service: &str, partition: i32) -> Option<Vec<u8>>;

    fn save(&self, service: &str, partition: i32, bytes: &[u8]) -> io::Result<()>;
}

/// No snapshots: every restore reads the whole log.
pub struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    fn load(&self, _: &str, _: i32) -> Option<Vec<u8>> {
        None
    }

    fn save(&self, _: &str, _: i32, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// One file per partition in a local directory.
pub struct SnapshotDirectory(PathBuf);

impl SnapshotDirectory {
    /// The directory is made with the first snapshot.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    fn file(&self, service: &str, partition: i32) -> PathBuf {
        self.0.join(format!("{service}-{partition}.snapshot"))
    }
}

impl SnapshotStore for SnapshotDirectory {
    fn load(&self, service: &str, partition: i32) -> Option<Vec<u8>> {
        let file = self.file(service, partition);
        match fs::read(&file) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "a snapshot can't be read: the log is read instead");
                None
            }
        }
    }

    /// A reader sees the old snapshot or the new one, never a part: the file is written aside and renamed.
    fn save(&self, service: &str, partition: i32, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let file = self.file(service, partition);
        let aside = file.with_extension("new");
        write_through(&aside, bytes)?;
        fs::rename(&aside, &file)
    }
}

fn write_through(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut open = fs::File::create(file)?;
    io::Write::write_all(&mut open, bytes)?;
    open.sync_all()
}
