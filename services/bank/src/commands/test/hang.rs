//! Tests that have stopped saying anything: when to call that a hang, and what to tell of it before it is ended.
//!
//! A hang that lasts until somebody's patience is over names no test. So the run ends it while it can still be looked at.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How the test harness begins and ends what it says of a test that takes long.
const LONG: (&str, &str) = ("test ", " has been running for over 60 seconds");

/// How long a debugger may look at one process.
const DEBUGGER_SECONDS: &str = "60";

/// When the tests said something last, and which of them are known to take long.
#[derive(Debug, Default)]
pub(super) struct SignsOfLife(Mutex<Signs>);

#[derive(Debug, Default)]
struct Signs {
    /// None until the first line: before that the tests are built, which takes as long as it takes.
    last: Option<Instant>,
    long: BTreeSet<String>,
}

impl SignsOfLife {
    /// A line of the tests' output.
    pub(super) fn heard(&self, line: &str) {
        let mut signs = self.lock();
        signs.last = Some(now());
        if let Some(test) = line
            .strip_prefix(LONG.0)
            .and_then(|rest| rest.strip_suffix(LONG.1))
        {
            signs.long.insert(test.to_owned());
        } else if let Some((test, _)) = line
            .strip_prefix(LONG.0)
            .and_then(|rest| rest.split_once(" ... "))
        {
            signs.long.remove(test);
        }
    }

    pub(super) fn silent_for(&self) -> Duration {
        let last = self.lock().last;
        last.map_or(Duration::ZERO, |last| now().saturating_duration_since(last))
    }

    /// Tests that have run for over a minute and haven't ended.
    pub(super) fn unended(&self) -> BTreeSet<String> {
        self.lock().long.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long tests have been silent; nothing is decided for the bank"
)]
fn now() -> Instant {
    Instant::now()
}

/// What every process of a group is doing: its threads' stacks where a debugger is installed, else their names, which
/// for a test's thread begin with the test's.
pub(super) fn describe(group: u32) -> String {
    let mut told = String::new();
    for process in processes_of(group) {
        let name = text(&format!("/proc/{process}/comm"));
        let _infallible = writeln!(told, "process {process}, {name}:");
        told.push_str(&stacks(process).unwrap_or_else(|| thread_names(process)));
    }
    told
}

fn processes_of(group: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| group_of(*id) == Some(group)).collect()
}

/// The third field behind the name, which may hold anything, of `/proc/<pid>/stat` (proc_pid_stat(5)).
fn group_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(2)?.parse().ok()
}

fn stacks(process: u32) -> Option<String> {
    let output = Command::new("timeout")
        .args([
            DEBUGGER_SECONDS,
            "gdb",
            "-batch",
            "-ex",
            "thread apply all backtrace 25",
            "-p",
        ])
        .arg(process.to_string())
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    told.contains("\nThread ").then_some(told)
}

fn thread_names(process: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    threads
        .map(|thread| {
            let at = thread.path();
            format!(
                "  {}, waiting in {}\n",
                text(&at.join("comm").to_string_lossy()),
                text(&at.join("wchan").to_string_lossy())
            )
        })
        .collect()
}

fn text(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "?".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_test_that_takes_long_is_known_until_it_ends() {
        let signs = SignsOfLife::default();
        signs.heard("test a::slow has been running for over 60 seconds");
        signs.heard("test a::stuck has been running for over 60 seconds");
        signs.heard("test b::other ... ok");
        signs.heard("test a::slow ... FAILED");
        assert_eq!(signs.unended(), BTreeSet::from(["a::stuck".to_owned()]));
        assert!(signs.silent_for() < Duration::from_secs(60));
    }

    #[test]
    fn the_processes_of_a_group_are_described_and_no_others() {
        let mut child = Command::new("sleep")
            .arg("600")
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        assert_eq!(processes_of(child.id()), [child.id()]);
        let told = thread_names(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(told.starts_with("  sleep, waiting in "), "{told}");
    }
}
