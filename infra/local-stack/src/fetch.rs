//! Fetching, once a user and version: Maven brings the files, their pinned checksums admit them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use crate::artifacts::{self, Bundle, Kept};
use crate::error::{At, Result, StackError, last_lines};
use crate::platform;
use crate::progress::Progress;
use crate::random::hex;
use crate::spawn;

/// Written last into a finished directory: how many files and bytes it holds.
const STAMP: &str = ".complete";

/// Where the fetched software is.
#[derive(Clone, Debug)]
pub struct Software {
    /// Directory of the jars that are Kafka's class path.
    pub kafka: PathBuf,
    /// Directory with PostgreSQL's `bin`, `lib` and `share`.
    pub postgres: PathBuf,
}

/// Fetches Kafka and PostgreSQL where they are not yet complete in the cache; offline and quick where they are.
///
/// # Errors
/// `JAVA_MISSING`, `JAVA_TOO_OLD`, `MAVEN_MISSING`, `FETCH_FAILED`, `CHECKSUM_MISMATCH`, `PLATFORM_UNSUPPORTED`,
/// `FOREIGN_DIRECTORY`, `STACK_IO`.
pub fn fetch(progress: &Progress) -> Result<Software> {
    Ok(Software {
        kafka: fetch_kafka(progress)?,
        postgres: fetch_postgres(progress)?,
    })
}

/// The directory of Kafka's jars; errors as for [`fetch`].
pub(crate) fn fetch_kafka(progress: &Progress) -> Result<PathBuf> {
    let cache = platform::cache_dir();
    let fetcher = Fetcher {
        maven: OsString::from("mvn"),
        parent: cache.clone(),
        cache,
    };
    fetcher.ensure(&artifacts::kafka(), progress)
}

/// PostgreSQL's directory; errors as for [`fetch`].
pub(crate) fn fetch_postgres(progress: &Progress) -> Result<PathBuf> {
    let cache = platform::cache_dir();
    let root = Uid::effective().is_root();
    let fetcher = Fetcher {
        maven: OsString::from("mvn"),
        parent: if root {
            platform::open_to_all()
        } else {
            cache.clone()
        },
        cache,
    };
    fetcher.ensure(&artifacts::postgres()?, progress)
}

struct Fetcher {
    /// The Maven to run.
    maven: OsString,
    /// Where the lock is.
    cache: PathBuf,
    /// Where the finished directory is made.
    parent: PathBuf,
}

impl Fetcher {
    /// The bundle's finished directory, made now unless it is there.
    fn ensure(&self, bundle: &Bundle, progress: &Progress) -> Result<PathBuf> {
        let directory = self.parent.join(directory_name(bundle));
        if is_complete(&directory)? {
            return Ok(directory);
        }
        crate::java::find()?;
        fs::create_dir_all(&self.cache).at("can't create the cache", &self.cache)?;
        let lock_file = self.cache.join("fetch.lock");
        let lock = File::create(&lock_file).at("can't open", &lock_file)?;
        lock.lock().at("can't lock", &lock_file)?;
        // Another process may have fetched while this one waited.
        if is_complete(&directory)? {
            return Ok(directory);
        }
        self.remove_leftovers(bundle, &directory)?;
        let title = format!("Fetching {} {}", bundle.title, bundle.version);
        // One file has no parts to count.
        let parts = (bundle.pins.len() > 1).then_some(bundle.pins.len() as u64);
        let step = progress.step(title, parts);
        let staging = tempfile::Builder::new()
            .prefix(&staging_prefix(bundle))
            .tempdir_in(&self.parent)
            .at("can't create a directory in", &self.parent)?;
        self.run_maven(bundle, staging.path(), |line| {
            if let Some(pin) = bundle.pins.iter().find(|pin| line.contains(&pin.file)) {
                step.note(&pin.file);
                if line.contains("Copying") {
                    step.advance();
                }
            }
        })?;
        step.note("checking");
        let files = staging.path().join("files");
        verify(bundle, &files)?;
        if bundle.kept == Kept::Unpacked {
            step.note("unpacking");
            unpack(bundle, &files)?;
        }
        let (count, bytes) = measure(&files)?;
        let stamp = files.join(STAMP);
        fs::write(&stamp, format!("{count} files {bytes} bytes\n")).at("can't write", &stamp)?;
        publish(&files, &directory)?;
        step.done(&format!("{count} files, {} MB", bytes / 1_000_000));
        Ok(directory)
    }

    /// Removes what killed fetches left behind. The lock is held, so nobody works in there.
    fn remove_leftovers(&self, bundle: &Bundle, directory: &Path) -> Result<()> {
        for entry in fs::read_dir(&self.parent)
            .at("can't read", &self.parent)?
            .flatten()
        {
            let name = entry.file_name();
            let own = entry
                .metadata()
                .is_ok_and(|data| data.uid() == Uid::effective().as_raw());
            if own && name.to_string_lossy().starts_with(&staging_prefix(bundle)) {
                fs::remove_dir_all(entry.path()).at("can't remove", &entry.path())?;
            }
        }
        if directory.exists() {
            fs::remove_dir_all(directory).at("can't remove the incomplete", directory)?;
        }
        Ok(())
    }

    /// Has Maven put the bundle's files into `staging/files`, and hands each line it prints to `on_line`.
    fn run_maven(&self, bundle: &Bundle, staging: &Path, mut on_line: impl FnMut(&str)) -> Result<()> {
        let pom = staging.join("pom.xml");
        fs::write(&pom, bundle.pom).at("can't write", &pom)?;
        let (output, writer) = io::pipe().at("can't open a pipe for", &pom)?;
        let mut command = Command::new(&self.maven);
        command.arg("--batch-mode").arg("--file").arg(&pom);
        command.arg(format!("-Ddestination={}", staging.join("files").display()));
        for (name, value) in &bundle.properties {
            command.arg(format!("-D{name}={value}"));
        }
        command.stdin(std::process::Stdio::null());
        command
            .stdout(writer.try_clone().at("can't copy a pipe for", &pom)?)
            .stderr(writer);
        let mut maven = spawn::spawn(command, Signal::SIGKILL).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StackError::MavenMissing,
            _ => StackError::Io {
                what: "can't run Maven for",
                path: pom.clone(),
                source: error,
            },
        })?;
        let mut said = String::new();
        for line in BufReader::new(output).lines() {
            let line = line.at("can't read what Maven says of", &pom)?;
            on_line(&line);
            said.push_str(&line);
            said.push('\n');
        }
        let status = maven.wait().at("can't wait for Maven with", &pom)?;
        if status.success() {
            return Ok(());
        }
        Err(StackError::FetchFailed {
            what: bundle.title,
            tail: last_lines(&said, 15),
        })
    }
}

/// Names the version and the pinned contents, so that another list of checksums is another directory.
fn directory_name(bundle: &Bundle) -> String {
    let mut digest = Sha256::new();
    for pin in &bundle.pins {
        digest.update(&pin.sha256);
        digest.update(&pin.file);
    }
    let digest = hex(&digest.finalize());
    format!("tributary-{}-{}-{}", bundle.name, bundle.version, &digest[..12])
}

fn staging_prefix(bundle: &Bundle) -> String {
    format!("tributary-{}-staging-", bundle.name)
}

/// Whether the directory holds as many files and bytes as when it was finished: cleaners of temporary directories
/// remove single files, and a power failure may cut them short.
fn is_complete(directory: &Path) -> Result<bool> {
    let Ok(found) = fs::symlink_metadata(directory) else {
        return Ok(false);
    };
    // In a directory that everybody may write to, anybody could have put it there.
    if !found.is_dir() || found.uid() != Uid::effective().as_raw() {
        return Err(StackError::ForeignDirectory {
            path: directory.to_owned(),
            owner: found.uid(),
        });
    }
    let Ok(stamp) = fs::read_to_string(directory.join(STAMP)) else {
        return Ok(false);
    };
    let (count, bytes) = measure(directory)?;
    Ok(stamp == format!("{count} files {bytes} bytes\n"))
}

/// Files and bytes below a directory, without the stamp.
fn measure(directory: &Path) -> Result<(u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).at("can't read", &directory)? {
            let entry = entry.at("can't read", &directory)?;
            let data = entry.metadata().at("can't look at", &entry.path())?;
            if data.is_dir() {
                pending.push(entry.path());
            } else if entry.file_name() != STAMP {
                count += 1;
                bytes += data.len();
            }
        }
    }
    Ok((count, bytes))
}

/// Admits exactly the pinned files: each there with its checksum, and nothing beside them.
fn verify(bundle: &Bundle, files: &Path) -> Result<()> {
    for pin in &bundle.pins {
        let path = files.join(&pin.file);
        let found = if path.is_file() {
            sha256_of(&path)?
        } else {
            "no such file".to_owned()
        };
        if found != pin.sha256 {
            return Err(mismatch(&pin.file, &pin.sha256, found));
        }
    }
    for entry in fs::read_dir(files).at("can't read", files)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && !bundle.pins.iter().any(|pin| pin.file == name) {
            return Err(mismatch(&name, "no such file", sha256_of(&entry.path())?));
        }
    }
    Ok(())
}

fn mismatch(file: &str, expected: &str, found: String) -> StackError {
    StackError::ChecksumMismatch {
        file: file.to_owned(),
        expected: expected.to_owned(),
        found,
    }
}

fn sha256_of(path: &Path) -> Result<String> {
    let mut file = File::open(path).at("can't open", path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer).at("can't read", path)?;
        if read == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&buffer[..read]);
    }
}

/// Puts the archive's contents in its place.
fn unpack(bundle: &Bundle, files: &Path) -> Result<()> {
    for pin in &bundle.pins {
        let path = files.join(&pin.file);
        let packed = BufReader::new(File::open(&path).at("can't open", &path)?);
        tar::Archive::new(lzma_rust2::XzReader::new(packed, true))
            .unpack(files)
            .at("can't unpack", &path)?;
        fs::remove_file(&path).at("can't remove", &path)?;
    }
    Ok(())
}

/// Moves the finished files to where they are looked for, in one step: a killed fetch leaves nothing there.
fn publish(files: &Path, directory: &Path) -> Result<()> {
    open_to_readers(files)?;
    match fs::rename(files, directory) {
        // A process with another cache, hence another lock, was quicker.
        Err(_) if is_complete(directory)? => Ok(()),
        outcome => outcome.at("can't move the fetched files to", directory),
    }
}

/// Lets the user that PostgreSQL runs as enter the directories, whatever the umask.
fn open_to_readers(directory: &Path) -> Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).at("can't open up", directory)?;
    for entry in fs::read_dir(directory).at("can't read", directory)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_to_readers(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
