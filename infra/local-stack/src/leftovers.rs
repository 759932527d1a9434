//! Processes that a killed run left behind in a data directory.
//!
//! A pid file could name a stranger by now, since pids are used again. A server's working directory can't: every
//! process of a server works in the server's own directory, so that is what they are found by.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::{At, Result, StackError};
use crate::stopwatch::Stopwatch;

/// A killed process is gone in milliseconds, unless its disk hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Kills every process that works in `home`, and returns when they are gone.
pub(crate) fn end(home: &Path) -> Result<()> {
    let Ok(home) = home.canonicalize() else {
        return Ok(());
    };
    let watch = Stopwatch::start();
    loop {
        let left = working_in(&home).at("can't list the processes in", &home)?;
        if left.is_empty() {
            return Ok(());
        }
        for pid in left {
            let _gone_is_wanted = kill(pid, Signal::SIGKILL);
        }
        if watch.elapsed() > PATIENCE {
            return Err(StackError::Io {
                what: "processes don't die that a former run left in",
                path: home,
                source: std::io::ErrorKind::TimedOut.into(),
            });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
fn working_in(home: &Path) -> std::io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Of other users' processes the directory can't be read; a zombie has none.
        if std::fs::read_link(entry.path().join("cwd")).is_ok_and(|directory| directory == home) {
            found.push(Pid::from_raw(pid));
        }
    }
    Ok(found)
}

/// Without `/proc`: by the command line, in which the servers name their directory.
#[cfg(not(target_os = "linux"))]
fn working_in(home: &Path) -> std::io::Result<Vec<Pid>> {
    let answer = std::process::Command::new("pgrep")
        .arg("-f")
        .arg("--")
        .arg(home)
        .output()?;
    let own = nix::unistd::getpid();
    Ok(String::from_utf8_lossy(&answer.stdout)
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .map(Pid::from_raw)
        .filter(|pid| *pid != own)
        .collect())
}
