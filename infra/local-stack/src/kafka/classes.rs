//! An archive of the classes that Kafka loads, as Java shares them between processes.
//!
//! A start is mostly the loading and checking of some 8,000 classes, in each of two processes. Java can write down what
//! a run has loaded and map it into the next one, which halves that. So once for each Java and each set of jars a node
//! that is broker and controller at once is started and stopped again, and what it loaded is kept beside the jars.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

use super::node::Node;
use super::settings::{Role, logging_properties, server_properties};
use super::{BIND_FAILED, has_started};
use crate::error::{At, Result};
use crate::java::Java;
use crate::progress::Progress;
use crate::random::{self, hex};
use crate::server::{Layout, Server};
use crate::{data_dir, platform, ports};

/// Begins the names of directories that are worked in; those of runs that were killed are removed.
const STAGING: &str = "tributary-kafka-classes-";

/// The archive for this Java and these jars, made now unless it is there. `None` where this Java makes none, or where
/// making it failed: then starts take longer, and what is wrong with Kafka the start itself will tell.
pub(super) fn archive(java: &Java, jars: &Path, progress: &Progress) -> Option<PathBuf> {
    let archive = path_of(java, jars)?;
    if !archive.exists() {
        let step = progress.step("Preparing Kafka's classes, once", None);
        match make(java, jars, &archive) {
            Ok(()) => step.done("done"),
            Err(error) => step.done(&format!("left out: {error}")),
        };
    }
    // An empty one says that this Java makes none.
    let made = fs::metadata(&archive).is_ok_and(|data| data.len() > 0);
    made.then_some(archive)
}

/// Names the jars and the Java, since an archive fits no others.
fn path_of(java: &Java, jars: &Path) -> Option<PathBuf> {
    let mut digest = Sha256::new();
    digest.update(java.program.as_encoded_bytes());
    digest.update(&java.words);
    let digest = hex(&digest.finalize());
    let name = format!("{}-{}.jsa", jars.file_name()?.to_str()?, &digest[..12]);
    Some(jars.with_file_name(name))
}

fn make(java: &Java, jars: &Path, archive: &Path) -> Result<()> {
    let cache = platform::cache_dir();
    let lock_file = cache.join("classes.lock");
    let lock = File::create(&lock_file).at("can't open", &lock_file)?;
    lock.lock().at("can't lock", &lock_file)?;
    // Another process may have made it while this one waited.
    if archive.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(&cache).at("can't read", &cache)?.flatten() {
        // The lock is held, so nobody works in there.
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            data_dir::remove(&entry.path())?;
        }
    }
    let staging = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(&cache)
        .at("can't create a directory in", &cache)?;
    // As the system itself names it: processes are found by the directory that they work in.
    let home = staging.path().canonicalize().at("can't find", staging.path())?;
    let written = home.join("classes.jsa");
    run_once(java, jars, &home, &written)?;
    if written.exists() {
        fs::rename(&written, archive).at("can't move the archive of classes to", archive)
    } else {
        fs::write(archive, "").at("can't write", archive)
    }
}

/// Starts a node that plays both roles and stops it; Java writes the archive as it ends.
fn run_once(java: &Java, jars: &Path, home: &Path, written: &Path) -> Result<()> {
    let seed = ports::seed_of(home);
    let port = ports::free(seed)?;
    let settings = server_properties(Role::Both, port, ports::free(seed.wrapping_add(1))?);
    let node = Node {
        java,
        jars,
        classes: None,
        home,
    };
    node.configure(&settings, &logging_properties(&home.join("kafka.log")))?;
    node.format(&random::cluster_id()?, &home.join("format.out"))?;
    let mut program = node.small(256);
    let mut option = OsString::from("-XX:ArchiveClassesAtExit=");
    option.push(written);
    program.arguments.insert(0, option);
    node.run(&mut program);
    let mut server = Server::launch(Layout {
        what: "Kafka",
        program,
        home: home.to_owned(),
        printed: home.join("kafka.out"),
        log: home.join("kafka.log"),
        stale: Vec::new(),
        farewell: None,
        serves: has_started,
        on_parent_death: Signal::SIGKILL,
        ask_to_stop: Signal::SIGTERM,
        port_taken: BIND_FAILED,
        port,
    })?;
    server.await_ready()?;
    server.stop().map(drop)
}
