//! A stack with a ledger on it that is started for each run, and its log checked at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tributary_accounts::Accounts;
use tributary_checker::{End, check_all};
use tributary_contracts::codec::CE_TYPE;
use tributary_contracts::record::{Outgoing, Record};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, ALL};
use tributary_local_stack::{Options, Progress, Stack};
use tributary_stream::instance::{Instance, InstanceOptions};
use tributary_stream::kafka::{EventReader, topics};
use tributary_stream::log::StopReason;
use tributary_stream::worker::WorkerConfig;

use super::inputs::{Inputs, Shape};
use super::table::grouped;
use crate::commands::machine::{Meter, Usage, now};

/// How often a run's progress is looked up.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A ledger that commits nothing for so long has come to a stop.
const PROGRESS_MAX: Duration = Duration::from_secs(60);

/// Postings of one turn of the warm-up.
const WARM_UP_POSTINGS: u64 = 20_000;

/// What a posting leads to.
const ENTRY: &str = "accounts.entry-posted.v1";

/// What one run came to.
pub(super) struct Run {
    pub(super) usage: Usage,
    /// Postings from the end of the first transaction to the end of the last.
    pub(super) postings: u64,
    pub(super) transactions: u64,
}

impl Run {
    pub(super) fn postings_per_second(&self) -> f64 {
        self.postings as f64 / self.usage.took.as_secs_f64()
    }

    /// Microseconds of all processors, client and broker.
    pub(super) fn cpu_micros_per_posting(&self) -> f64 {
        self.usage.cpu_seconds * 1e6 / self.postings as f64
    }

    pub(super) fn postings_per_transaction(&self) -> f64 {
        self.postings as f64 / self.transactions.max(1) as f64
    }
}

/// A ledger's Kafka, database and inbox; the ledger itself runs only while something is measured.
pub(super) struct Ledger {
    inputs: Inputs,
    partitions: i32,
    postings: u64,
    stack: Stack,
}

impl Ledger {
    /// Starts the servers, opens the accounts, and lets the ledger work for that long.
    pub(super) fn start(partitions: i32, accounts: u32, warm_up: Duration) -> anyhow::Result<Self> {
        let mut options = Options::temporary().own_servers();
        options.progress = Progress::on_stderr();
        let stack = Stack::start(&options)?;
        topics::apply(&stack.brokers(), ALL, partitions, 1)?;
        let mut ledger = Self {
            inputs: Inputs::connect(&stack.brokers(), partitions, accounts)?,
            partitions,
            postings: 0,
            stack,
        };
        let opened = ledger.inputs.open_accounts()?;
        let config = WorkerConfig::local(partitions);
        ledger.work_off(opened, &config)?;
        let meter = Meter::start(Vec::new());
        let mut postings = 0;
        while postings == 0 || meter.elapsed() < warm_up {
            ledger.post(Shape::Uniform, WARM_UP_POSTINGS, &config)?;
            postings += WARM_UP_POSTINGS;
        }
        println!(
            "warmed up for {:.0} s with {} postings; {partitions} partitions, {accounts} accounts",
            meter.elapsed().as_secs_f64(),
            grouped(postings as f64)
        );
        Ok(ledger)
    }

    pub(super) fn brokers(&self) -> String {
        self.stack.brokers()
    }

    pub(super) fn database_url(&self) -> String {
        self.stack.database_url()
    }

    /// The servers' processes.
    pub(super) fn servers(&mut self) -> Vec<u32> {
        self.stack.servers().filter_map(|server| server.pid()).collect()
    }

    /// Writes the postings while no ledger runs, then starts one and measures how it works them off.
    pub(super) fn post(&mut self, shape: Shape, postings: u64, config: &WorkerConfig) -> anyhow::Result<Run> {
        self.inputs.post(shape, postings)?;
        self.postings += postings;
        self.work_off(postings, config)
    }

    /// Every command leads to one event, so events that are committed count commands that are answered.
    fn work_off(&mut self, commands: u64, config: &WorkerConfig) -> anyhow::Result<Run> {
        let servers = self.servers();
        let instance = Instance::start::<Accounts>(&InstanceOptions {
            brokers: self.brokers(),
            instance: "bench".to_owned(),
            workers: 1,
            snapshots: None,
            worker: config.clone(),
        })?;
        let before = await_events(&instance, 1)?;
        let meter = Meter::start(servers);
        let after = await_events(&instance, commands);
        let usage = meter.stop();
        for reason in instance.stop() {
            if let StopReason::Failed(fault) = reason {
                bail!("the ledger stopped: {fault}");
            }
        }
        let after = after?;
        ensure!(
            after.events == commands,
            "{commands} commands led to {} events",
            after.events
        );
        Ok(Run {
            usage,
            postings: after.events - before.events,
            transactions: after.transactions - before.transactions,
        })
    }

    /// Entries of the log as records to be written elsewhere, for what the log does with the same bytes.
    pub(super) fn sample(&self, topic: &'static str, count: usize) -> anyhow::Result<Vec<Outgoing>> {
        let start: BTreeMap<i32, i64> = (0..self.partitions).map(|partition| (partition, 0)).collect();
        let mut reader = EventReader::open(&self.brokers(), ACCOUNTS_EVENTS.name, &start)?;
        let mut records: Vec<Record> = Vec::new();
        while records.len() < count && !reader.at_end() {
            let read = reader.poll(Duration::from_millis(500), 10_000)?.records;
            // Those that open accounts are smaller than an entry.
            let is_entry = |record: &Record| record.headers.text(CE_TYPE) == Some(ENTRY);
            records.extend(read.into_iter().filter(is_entry));
        }
        ensure!(
            !records.is_empty(),
            "the log holds no entries to take as a sample"
        );
        let outgoing = |record: Record| Outgoing {
            topic,
            partition: record.partition,
            key: record.key,
            headers: record.headers,
            value: record.value,
        };
        Ok(records.into_iter().cycle().take(count).map(outgoing).collect())
    }

    /// Checks every invariant of the ledger over the whole log: among them that each command was answered exactly once.
    /// Returns the number of events.
    pub(super) fn check(&self) -> anyhow::Result<u64> {
        let end = End {
            at_rest_within: Some(PROGRESS_MAX),
            expired_before: None,
        };
        let report = check_all(&self.brokers(), end, &mut []).context("the log can't be checked")?;
        ensure!(report.is_clean(), "{report}");
        let entries = report.totals.entries;
        ensure!(
            entries == self.postings && report.totals.dead_letters == 0,
            "{} postings led to {entries} entries and {} dead letters",
            self.postings,
            report.totals.dead_letters
        );
        println!(
            "checked: {} postings, each answered once by one entry; every invariant holds",
            grouped(entries as f64)
        );
        Ok(report.totals.events)
    }

    pub(super) fn stop(self) -> anyhow::Result<()> {
        let Self { inputs, stack, .. } = self;
        // Clients end before the broker, or they complain of its end.
        drop(inputs);
        stack.stop()?;
        Ok(())
    }
}

/// What a ledger has committed since it started.
struct Committed {
    events: u64,
    transactions: u64,
}

/// Waits until that many events were committed since the start.
fn await_events(instance: &Instance, wanted: u64) -> anyhow::Result<Committed> {
    let mut seen = 0;
    let mut progressed = now();
    loop {
        let statuses: Vec<_> = instance.statuses().iter().map(|status| status.get()).collect();
        let events = statuses.iter().map(|status| status.records).sum();
        if events >= wanted {
            let transactions = statuses.iter().map(|status| status.transactions).sum();
            return Ok(Committed { events, transactions });
        }
        ensure!(!instance.has_failed(), "the ledger stopped at {events} events");
        if events != seen {
            seen = events;
            progressed = now();
        }
        if progressed.elapsed() > PROGRESS_MAX {
            bail!("the ledger stands still at {events} of {wanted} events: {statuses:?}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
