//! What the machine and the services do meanwhile: processor time and memory of each process, and how far each service is
//! behind its inbox.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tributary_contracts::topics::{ACCOUNTS_INBOX, FRAUD_INBOX, FRAUD_PAYEES_INBOX, PAYMENTS_INBOX};
use tributary_stream::kafka::{CommittedOffsets, Watermarks};

use crate::{LoadError, outcomes::Outcomes};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

const SERVICES: [(&str, &str); 4] = [
    ("payments", PAYMENTS_INBOX.name),
    ("accounts", ACCOUNTS_INBOX.name),
    ("fraud", FRAUD_INBOX.name),
    ("fraud-payees", FRAUD_PAYEES_INBOX.name),
];

/// What was seen at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Since the start.
    pub seconds: f64,
    /// Records of its inbox that a service has not handled yet.
    pub lag: BTreeMap<&'static str, i64>,
    pub processes: BTreeMap<String, Usage>,
}

/// What one process has used so far.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub memory_bytes: u64,
}

pub(crate) struct Machine {
    system: System,
    processes: Vec<(String, Pid)>,
    /// Processor time in milliseconds by name and process, those that ended since included: PostgreSQL's come and go.
    computed_ms: BTreeMap<String, BTreeMap<Pid, u64>>,
    watermarks: Watermarks,
    groups: Vec<(&'static str, &'static str, CommittedOffsets)>,
}

impl Machine {
    /// `processes`: names and ids; children's time counts as their parent's.
    pub(crate) fn new(
        brokers: &str,
        partitions: i32,
        processes: &[(String, u32)],
    ) -> Result<Self, LoadError> {
        let group = |(service, inbox)| {
            let committed = CommittedOffsets::of(brokers, service, inbox, partitions);
            (service, inbox, committed)
        };
        Ok(Self {
            system: System::new().map_err(|error| LoadError::Machine(error.to_string()))?,
            processes: processes
                .iter()
                .map(|(name, id)| (name.clone(), Pid::from_u32(*id)))
                .collect(),
            computed_ms: BTreeMap::new(),
            watermarks: Watermarks::connect(brokers)?,
            groups: SERVICES.into_iter().map(group).collect(),
        })
    }

    /// Looks every second until the load is over.
    pub(crate) fn watch(
        mut self,
        outcomes: &Outcomes,
        elapsed: impl Fn() -> Duration,
    ) -> Result<Vec<Sample>, LoadError> {
        let mut samples = vec![self.sample(elapsed())?];
        let mut next = EVERY;
        while !outcomes.is_stopped() {
            let wait = next.saturating_sub(elapsed());
            if wait.is_zero() {
                samples.push(self.sample(elapsed())?);
                next += EVERY;
            } else {
                std::thread::sleep(wait.min(Duration::from_millis(50)));
            }
        }
        samples.push(self.sample(elapsed())?);
        Ok(samples)
    }

    fn sample(&mut self, at: Duration) -> Result<Sample, LoadError> {
        Ok(Sample {
            seconds: at.as_secs_f64(),
            lag: self.lag()?,
            processes: self.usage(),
        })
    }

    fn usage(&mut self) -> BTreeMap<String, Usage> {
        let kinds = ProcessRefreshKind::nothing().with_cpu().with_memory();
        self.system
            .refresh_processes_specifics(ProcessesToUpdate::All, true, kinds);
        let named = |id: &Pid| self.processes.iter().any(|(_, named)| named == id);
        let mut usages = BTreeMap::new();
        for (name, id) in &self.processes {
            let mut memory_bytes = 0;
            let of_name = self.computed_ms.entry(name.clone()).or_default();
            for (process_id, process) in self.system.processes() {
                // Threads are counted with their process; servers that the load itself has started have names of their own.
                let is_child = process.parent() == Some(*id) && process.thread_kind().is_none();
                if process_id == id || (is_child && !named(process_id)) {
                    of_name.insert(*process_id, process.accumulated_cpu_time());
                    memory_bytes +=
                        proportional_bytes(process_id.as_u32()).unwrap_or_else(|| process.memory());
                }
            }
            let cpu_seconds = of_name.values().sum::<u64>() as f64 / 1_000.0;
            usages.insert(
                name.clone(),
                Usage {
                    cpu_seconds,
                    memory_bytes,
                },
            );
        }
        usages
    }

    fn lag(&mut self) -> Result<BTreeMap<&'static str, i64>, LoadError> {
        let mut lags = BTreeMap::new();
        for (service, inbox, committed) in &mut self.groups {
            let mut lag = 0;
            for (partition, offset) in committed.fetch()? {
                let (_, end) = self.watermarks.of(inbox, partition)?;
                lag += (end - offset).max(0);
            }
            lags.insert(*service, lag);
        }
        Ok(lags)
    }
}

/// What a process holds in memory, with its share of what it shares with others: PostgreSQL's processes share their buffers,
/// which would else count once for each. Linux alone tells.
pub fn proportional_bytes(process: u32) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_process_holds_something_and_no_more_than_is_resident() {
        let this = Pid::from_u32(std::process::id());
        let mut system = System::new().unwrap();
        system.refresh_processes(ProcessesToUpdate::Some(&[this]), false);
        let resident = system.process(this).unwrap().memory();
        let held = proportional_bytes(this.as_u32()).unwrap();
        assert!(
            (100_000..=resident + 1_000_000).contains(&held),
            "{held} of {resident}"
        );
    }
}
