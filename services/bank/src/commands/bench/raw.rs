//! `bank bench raw`: the log without a ledger. Transactions are written through the service's own client, with the bytes
//! of real events, but into topics of their own, so that the ledger's log stays what it was.
//!
//! What one transaction takes, and what makes it take longer: `cargo bench -p tributary-stream --bench commit_cost`.

use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Args;
use tributary_contracts::record::Outgoing;
use tributary_contracts::topics::{Kind, Topic};
use tributary_stream::kafka::{KafkaLog, KafkaSettings, topics};
use tributary_stream::log::{Action, Ended, Input, Log, Poll, Transaction};

use super::Common;
use super::ledger::Ledger;
use super::table::{grouped, median_and_range};
use crate::commands::machine::{Meter, now};

const INBOX: Topic = Topic {
    name: "bench.inbox",
    kind: Kind::Inbox,
    key: "none",
};

const EVENTS: Topic = Topic {
    name: "bench.events",
    kind: Kind::Events,
    key: "account id",
};

/// Records of one run of the raw log.
const RAW_RECORDS: usize = 200_000;

/// How long the group may take to give out its partitions.
const JOIN_MAX: Duration = Duration::from_secs(30);

/// Transactions between two signs of life to the group.
const TRANSACTIONS_PER_POLL: usize = 50;

/// How fast the log alone takes events in transactions of 1,000: one producer, no reading, no logic.
#[derive(Args, Clone, Debug)]
pub(super) struct Raw {
    #[command(flatten)]
    common: Common,
}

impl Raw {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let partitions = super::local_partitions();
        let ledger = Ledger::start(partitions, self.common.accounts, self.common.warm_up())?;
        let mut raw = RawLog::connect(&ledger, partitions)?;
        for batch in [100, 1_000] {
            raw.records_per_second(&ledger, batch, self.common.runs)?;
        }
        ledger.check()?;
        ledger.stop()
    }
}

/// A worker's client of the log, without a worker.
pub(super) struct RawLog {
    log: KafkaLog,
    partitions: i32,
    commits: usize,
}

impl RawLog {
    /// Makes topics beside the ledger's, joins their group, and makes the transactional producer usable.
    pub(super) fn connect(ledger: &Ledger, partitions: i32) -> anyhow::Result<Self> {
        topics::apply(&ledger.brokers(), &[INBOX, EVENTS], partitions, 1)?;
        let mut log = KafkaLog::connect(KafkaSettings {
            brokers: ledger.brokers(),
            service: "bench".to_owned(),
            inbox: INBOX.name.to_owned(),
            events: EVENTS.name.to_owned(),
            instance: "bench".to_owned(),
            worker: 0,
        })?;
        let started = now();
        let mut assigned = 0;
        while assigned < partitions as usize {
            ensure!(started.elapsed() < JOIN_MAX, "the group gives out no partitions");
            assigned += poll(&mut log, Duration::from_millis(100))?;
        }
        let Input::Initialised(initialised) = log.perform(Action::Initialise) else {
            bail!("the log did not answer what it was asked");
        };
        initialised?;
        Ok(Self {
            log,
            partitions,
            commits: 0,
        })
    }

    /// Returns how long the transaction took.
    fn commit(&mut self, records: Vec<Outgoing>) -> anyhow::Result<Duration> {
        self.commits += 1;
        if self.commits.is_multiple_of(TRANSACTIONS_PER_POLL) {
            poll(&mut self.log, Duration::ZERO)?;
        }
        let transaction = Transaction {
            records,
            next_inputs: (0..self.partitions).map(|partition| (partition, 0)).collect(),
        };
        let started = now();
        match self.log.perform(Action::Commit(transaction)) {
            Input::Ended(Ended::Committed { .. }) => Ok(started.elapsed()),
            other => bail!("a transaction did not commit: {other:?}"),
        }
    }

    /// Prints the runs, and returns their median. Only the transactions' own time counts.
    pub(super) fn records_per_second(
        &mut self,
        ledger: &Ledger,
        batch: usize,
        runs: u32,
    ) -> anyhow::Result<f64> {
        let sample = ledger.sample(EVENTS.name, batch)?;
        let bytes: usize = sample.iter().map(Outgoing::size).sum();
        let transactions = (RAW_RECORDS / batch).clamp(1, 1_000);
        let mut figures = Vec::new();
        let meter = Meter::start(Vec::new());
        for _ in 0..runs {
            let mut took = Duration::ZERO;
            for _ in 0..transactions {
                took += self.commit(sample.clone())?;
            }
            figures.push((transactions * batch) as f64 / took.as_secs_f64());
        }
        let usage = meter.stop();
        let (median, lowest, highest) = median_and_range(figures);
        println!(
            "raw log: {} records/s ({} to {} in {runs} runs of {transactions} transactions) of {} bytes, \
             {batch} a transaction; steal | load {usage}",
            grouped(median),
            grouped(lowest),
            grouped(highest),
            bytes / batch,
        );
        Ok(median)
    }
}

/// Tells the group that this member lives. Returns how many partitions it was given.
fn poll(log: &mut KafkaLog, max_wait: Duration) -> anyhow::Result<usize> {
    let asked = Action::Poll(Poll {
        max_wait,
        linger: Duration::ZERO,
        records_max: 0,
        bytes_max: 0,
    });
    let Input::Polled(polled) = log.perform(asked) else {
        bail!("the log did not answer what it was asked");
    };
    ensure!(polled.revoked.is_empty(), "the group took partitions away");
    match polled.fault {
        Some(fault) => Err(fault.into()),
        None => Ok(polled.assigned.len()),
    }
}
