//! What can go wrong, each with a stable code.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the stack could not be fetched, started or stopped. Every message is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    #[error(
        "Java 17 or newer runs Kafka and was not found: install it (Debian: apt-get install openjdk-17-jre-headless, \
         macOS: brew install openjdk) or set JAVA_HOME"
    )]
    JavaMissing,
    #[error(
        "Kafka needs Java 17 or newer, but {java} is version {found}: install a newer one or set JAVA_HOME"
    )]
    JavaTooOld { java: String, found: String },
    #[error(
        "Maven fetches Kafka and PostgreSQL once and was not found: install it (Debian: apt-get install maven, \
         macOS: brew install maven)"
    )]
    MavenMissing,
    #[error("Maven could not fetch {what} (is Maven Central reachable?); its last words:\n{tail}")]
    FetchFailed { what: &'static str, tail: String },
    #[error(
        "{file} is not the file that is pinned: expected SHA-256 {expected}, found {found}; it was not used"
    )]
    ChecksumMismatch {
        file: String,
        expected: String,
        found: String,
    },
    #[error("PostgreSQL is not published for {os} on {arch}: set DATABASE_URL to a server of your own")]
    PlatformUnsupported { os: &'static str, arch: &'static str },
    #[error(
        "the data directory {} is in use by process {pid}: stop that one first, or choose another directory",
        path.display()
    )]
    DataDirInUse { path: PathBuf, pid: String },
    #[error("{what} could not have port {port}, because another process listens there: choose another")]
    PortTaken { what: &'static str, port: u16 },
    #[error("no free port between {first} and {last}")]
    NoFreePort { first: u16, last: u16 },
    #[error("{what} ended while it was starting ({status}); the end of {}:\n{tail}", log.display())]
    Exited {
        what: &'static str,
        status: String,
        log: PathBuf,
        tail: String,
    },
    #[error(
        "{what} made no progress for {} s while it was starting; the end of {}:\n{tail}",
        stalled.as_secs(),
        log.display()
    )]
    Stalled {
        what: &'static str,
        stalled: Duration,
        log: PathBuf,
        tail: String,
    },
    #[error(
        "the Kafka in {} was written by an older version of this program, as one process where there are two now: start \
         it with --fresh, which deletes what is there, or choose another directory",
        path.display()
    )]
    DataOutdated { path: PathBuf },
    #[error(
        "Kafka's controller would not forget the broker that ended ({why}); logs/controller.log may say more"
    )]
    ControllerRefused { why: String },
    #[error("{} belongs to user {owner}, not to this one: remove it or choose another data directory", path.display())]
    ForeignDirectory { path: PathBuf, owner: u32 },
    #[error("no user named {name} to run PostgreSQL as, which refuses to run as root")]
    NoUnprivilegedUser { name: &'static str },
    #[error("{what} {}: {source}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl StackError {
    /// The error's stable code.
    pub fn code(&self) -> &'static str {
        match self {
            StackError::JavaMissing => "JAVA_MISSING",
            StackError::JavaTooOld { .. } => "JAVA_TOO_OLD",
            StackError::MavenMissing => "MAVEN_MISSING",
            StackError::FetchFailed { .. } => "FETCH_FAILED",
            StackError::ChecksumMismatch { .. } => "CHECKSUM_MISMATCH",
            StackError::PlatformUnsupported { .. } => "PLATFORM_UNSUPPORTED",
            StackError::DataDirInUse { .. } => "DATA_DIR_IN_USE",
            StackError::PortTaken { .. } => "PORT_TAKEN",
            StackError::NoFreePort { .. } => "NO_FREE_PORT",
            StackError::Exited { .. } => "SERVER_EXITED",
            StackError::Stalled { .. } => "SERVER_STALLED",
            StackError::DataOutdated { .. } => "DATA_OUTDATED",
            StackError::ControllerRefused { .. } => "CONTROLLER_REFUSED",
            StackError::ForeignDirectory { .. } => "FOREIGN_DIRECTORY",
            StackError::NoUnprivilegedUser { .. } => "NO_UNPRIVILEGED_USER",
            StackError::Io { .. } => "STACK_IO",
        }
    }
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, StackError>;

/// Adds to an I/O error what was being done, and to which file.
pub(crate) trait At<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| StackError::Io {
            what,
            path: path.to_owned(),
            source,
        })
    }
}

/// The last `lines` lines of a log, for an error message; empty when it can't be read.
pub(crate) fn tail_of(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    last_lines(&String::from_utf8_lossy(&text), lines)
}

/// The last `lines` lines of a text.
pub(crate) fn last_lines(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
