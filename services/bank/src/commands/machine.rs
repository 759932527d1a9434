//! What a figure depends on besides the code: the machine, the commit, and what else went on meanwhile.

use std::fmt;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Clock ticks of `/proc` a second: Linux shows user space this number whatever its own timer does.
const TICKS_PER_SECOND: u64 = 100;

/// The lines above every table.
pub(super) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let profile = if cfg!(debug_assertions) {
        "dev profile: its figures say nothing, use --release"
    } else {
        "release profile"
    };
    format!(
        "machine: {}, {cores} cores, for client, broker and database together\ncommit: {}, {profile}\n",
        cpu_model().unwrap_or_else(|| "unknown processor".to_owned()),
        commit().unwrap_or_else(|| "unknown".to_owned()),
    )
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The checkout's commit, and whether there is more than it.
pub(crate) fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() {
        commit
    } else {
        format!("{commit} with changes")
    })
}

/// Seconds that this process and some servers, with their children, have computed so far.
fn cpu_seconds(servers: &[u32]) -> f64 {
    let processes: Vec<Process> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| Process::read(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect();
    let own = std::process::id();
    let ticks: u64 = processes
        .iter()
        .filter(|process| {
            process.id == own || servers.contains(&process.id) || servers.contains(&process.parent)
        })
        .map(|process| process.ticks)
        .sum();
    ticks as f64 / TICKS_PER_SECOND as f64
}

/// Seconds that one process has computed so far, without its children.
pub(super) fn cpu_seconds_of(id: u32) -> Option<f64> {
    Some(Process::read(id)?.ticks as f64 / TICKS_PER_SECOND as f64)
}

struct Process {
    id: u32,
    parent: u32,
    /// User and system, its own and those of children that have ended.
    ticks: u64,
}

impl Process {
    /// None when it has ended, or where there is no `/proc`.
    fn read(id: u32) -> Option<Self> {
        Self::parse(id, &fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// Of a line of `/proc/<pid>/stat` (proc_pid_stat(5)): fields count from behind the name, which may hold anything.
    fn parse(id: u32, stat: &str) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let times = fields.get(11..15)?;
        Some(Self {
            id,
            parent: fields.get(1)?.parse().ok()?,
            ticks: times.iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum(),
        })
    }
}

/// Ticks of all processors: taken by other guests of the host, and in all.
fn stolen() -> (u64, u64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = text.lines().next().unwrap_or_default();
    // user nice system idle iowait irq softirq steal; what follows is counted in user already (proc_stat(5)).
    let ticks: Vec<u64> = all
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    (ticks.get(7).copied().unwrap_or(0), ticks.iter().sum())
}

/// Load of the last minute: what else ran is in it as well.
fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(0.0)
}

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) took: Duration,
    /// Of this process and the servers.
    pub(super) cpu_seconds: f64,
    /// Share of the machine's time that other guests of the host took.
    pub(super) steal: f64,
    pub(super) load: f64,
}

/// Measures a run from its creation on.
pub(super) struct Meter {
    servers: Vec<u32>,
    cpu_seconds: f64,
    stolen: (u64, u64),
    started: Instant,
}

impl Meter {
    /// `servers`: processes whose time counts, with that of their children.
    pub(super) fn start(servers: Vec<u32>) -> Self {
        Self {
            cpu_seconds: cpu_seconds(&servers),
            stolen: stolen(),
            servers,
            started: now(),
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn stop(self) -> Usage {
        let took = self.elapsed();
        let (stolen, all) = stolen();
        let passed = all.saturating_sub(self.stolen.1).max(1);
        Usage {
            took,
            cpu_seconds: cpu_seconds(&self.servers) - self.cpu_seconds,
            steal: stolen.saturating_sub(self.stolen.0) as f64 / passed as f64,
            load: load(),
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} % | {:.1}", self.steal * 100.0, self.load)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures how long things take; no decision depends on it"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_behind_a_name_with_brackets_and_spaces() {
        let stat = "7 (a) b) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 1 0 5";
        let process = Process::parse(7, stat).unwrap();
        assert_eq!((process.id, process.parent, process.ticks), (7, 3, 4330));
    }

    #[test]
    fn a_line_that_is_cut_off_is_no_process() {
        assert!(Process::parse(7, "7 (a) S 3 7").is_none());
    }
}
