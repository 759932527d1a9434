//! The fraud services that the transactions go through, and what they take.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;
use tributary_contracts::{fraud::VersionKind, topics::ALL};
use tributary_fraud_stream::Now;
use tributary_load::proportional_bytes;
use tributary_local_stack::{Options, Progress, Stack};
use tributary_stream::kafka::topics;

use crate::commands::fraud_online::{Bank, Content, introduce};
use crate::commands::machine;
use crate::commands::process::ServiceProcess;
use crate::commands::service::TimesTold;

const HOPS: [&str; 2] = ["fraud", "fraud-payees"];

/// How often it is looked what processes hold.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// What was seen at one moment.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    /// Since the first record was sent.
    pub(super) seconds: f64,
    pub(super) ended: usize,
    /// Event time up to which all is decided, in seconds since the epoch.
    pub(super) watermark_s: Option<i64>,
    /// Proportional set size by process.
    pub(super) memory_bytes: BTreeMap<String, u64>,
}

/// Services of our own on a Kafka of our own, or somebody else's.
pub(super) struct Services {
    // In this order: services end before the servers that they stand on.
    processes: Vec<ServiceProcess>,
    stack: Option<Stack>,
    brokers: String,
    /// Names and ids of everybody whose memory and time is told.
    watched: Vec<(String, u32)>,
}

impl Services {
    /// Those that run somewhere: nothing is known of their processes.
    pub(super) fn elsewhere(brokers: &str) -> Self {
        Self {
            processes: Vec::new(),
            stack: None,
            brokers: brokers.to_owned(),
            watched: Vec::new(),
        }
    }

    pub(super) fn start(partitions: i32) -> anyhow::Result<Self> {
        let mut options = Options::temporary().own_servers();
        options.progress = Progress::on_stderr();
        let mut stack = Stack::start(&options)?;
        let brokers = stack.brokers();
        topics::apply(&brokers, ALL, partitions, 1)?;
        let mut processes = Vec::new();
        for name in HOPS {
            let file = times_file(&stack, name);
            let file = file.to_str().context("a temporary directory without a name")?;
            let arguments = ["--times", file];
            let environment = [("KAFKA_BROKERS", brokers.as_str())];
            processes.push(ServiceProcess::start(
                name,
                &arguments,
                &environment,
                Stdio::inherit(),
            )?);
        }
        let mut watched: Vec<(String, u32)> = processes
            .iter()
            .map(|process| (process.name.to_owned(), process.id()))
            .collect();
        let kafka = stack
            .servers()
            .find(|server| server.name().eq_ignore_ascii_case("kafka"));
        watched.extend(kafka.and_then(|server| Some(("kafka".to_owned(), server.pid()?))));
        watched.push(("stream".to_owned(), std::process::id()));
        Ok(Self {
            processes,
            stack: Some(stack),
            brokers,
            watched,
        })
    }

    pub(super) fn brokers(&self) -> String {
        self.brokers.clone()
    }

    /// Lets a model score, or rules decide.
    pub(super) fn introduce(&self, kind: VersionKind, file: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        let bank = Bank {
            brokers: self.brokers.clone(),
        };
        introduce(&bank, &Content::check(kind, text)?)
    }

    /// Looks what processes hold, when it is time to.
    pub(super) fn sample(&self, now: &Now, samples: &mut Vec<Sample>) {
        let seconds = now.elapsed.as_secs_f64();
        let due = samples
            .last()
            .is_none_or(|last| seconds >= last.seconds + SAMPLE_EVERY.as_secs_f64());
        if due && !self.watched.is_empty() {
            let held = |(name, id): &(String, u32)| Some((name.clone(), proportional_bytes(*id)?));
            samples.push(Sample {
                seconds,
                ended: now.ended,
                watermark_s: now.watermark_s,
                memory_bytes: self.watched.iter().filter_map(held).collect(),
            });
        }
    }

    /// Stops what was started here. Returns the processor time of each process, and how long records took in the services.
    pub(super) fn stop(mut self) -> anyhow::Result<(BTreeMap<String, f64>, BTreeMap<String, TimesTold>)> {
        let computed = |(name, id): &(String, u32)| Some((name.clone(), machine::cpu_seconds_of(*id)?));
        let cpu_seconds = self.watched.iter().filter_map(computed).collect();
        let mut times = BTreeMap::new();
        let Some(stack) = self.stack.take() else {
            return Ok((cpu_seconds, times));
        };
        for mut process in self.processes.drain(..) {
            let name = process.name;
            if let Some(status) = process.ended()? {
                bail!("the service {name} ended by itself: {status}");
            }
            process.stop()?;
            let told = std::fs::read(times_file(&stack, name))
                .with_context(|| format!("the service {name} has told no times"))?;
            times.insert(name.to_owned(), serde_json::from_slice(&told)?);
        }
        stack.stop()?;
        Ok((cpu_seconds, times))
    }
}

fn times_file(stack: &Stack, name: &str) -> std::path::PathBuf {
    stack.data_dir().join(format!("{name}-times.json"))
}
