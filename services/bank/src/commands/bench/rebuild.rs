//! `bank bench rebuild`: the ledger's read models, folded anew from offset 0.

use std::sync::Arc;

use anyhow::ensure;
use bank::LEDGER_SCHEMA;
use clap::Args;
use sqlx::postgres::PgConnectOptions;
use tributary_accounts::projection::{LedgerModel, verify};
use tributary_contracts::topics::ACCOUNTS_EVENTS;
use tributary_projection::{KafkaTopic, SchemaName, Settings, rebuild};
use tributary_stream::worker::WorkerConfig;

use super::Common;
use super::inputs::Shape;
use super::ledger::Ledger;
use super::table::{grouped, heading, median_and_range};
use crate::commands::machine::{Meter, Usage};

/// Rebuilds the read models of a log of so many postings, and compares them with the log, row by row.
#[derive(Args, Clone, Debug)]
pub(super) struct Rebuild {
    #[command(flatten)]
    common: Common,
    /// Postings in the log, beside those of the warm-up
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    postings: u64,
    /// Events that one transaction applies at most, in place of the projection's own limit
    #[arg(long, value_name = "N")]
    events_max: Option<usize>,
}

impl Default for Rebuild {
    fn default() -> Self {
        Self {
            common: Common::default(),
            postings: 200_000,
            events_max: None,
        }
    }
}

impl Rebuild {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let partitions = super::local_partitions();
        let mut ledger = Ledger::start(partitions, self.common.accounts, self.common.warm_up())?;
        ledger.post(Shape::Uniform, self.postings, &WorkerConfig::local(partitions))?;
        let events = ledger.check()?;
        let database: PgConnectOptions = ledger.database_url().parse()?;
        let schema: SchemaName = LEDGER_SCHEMA.parse()?;
        let topic = KafkaTopic::new(ledger.brokers(), ACCOUNTS_EVENTS.name);
        let mut settings = Settings::new(database.clone(), schema.clone());
        settings.rebuild_events_max = self.events_max.unwrap_or(settings.rebuild_events_max);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut runs: Vec<Usage> = Vec::new();
        for _ in 0..self.common.runs {
            let meter = Meter::start(ledger.servers());
            runtime.block_on(rebuild(&settings, topic.clone(), LedgerModel))?;
            runs.push(meter.stop());
        }
        self.print(events, &runs);
        let differences = runtime.block_on(verify(&database, &schema, Arc::new(topic)))?;
        ensure!(
            differences.is_empty(),
            "the read models differ from the log: {differences:?}"
        );
        println!("checked: every row of the read models is what the log says");
        ledger.stop()
    }

    fn print(&self, events: u64, runs: &[Usage]) {
        let figures = |figure: &dyn Fn(&Usage) -> f64| median_and_range(runs.iter().map(figure).collect());
        let (median, lowest, highest) = figures(&|run| events as f64 / run.took.as_secs_f64());
        let (cpu_micros, ..) = figures(&|run| run.cpu_seconds * 1e6 / events as f64);
        heading(&[
            "events",
            "runs",
            "events/s",
            "lowest to highest",
            "CPU µs an event",
            "steal | load",
        ]);
        println!(
            "| {} | {} | {} | {} to {} | {cpu_micros:.0} | {} |",
            grouped(events as f64),
            runs.len(),
            grouped(median),
            grouped(lowest),
            grouped(highest),
            runs.last().map(Usage::to_string).unwrap_or_default(),
        );
    }
}
