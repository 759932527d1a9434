//! `bank bench`: figures of the ledger on a real Kafka, exactly once.
//!
//! Each benchmark starts a stack of its own, warms it up, measures several runs, and then checks what it wrote. The
//! figures that were measured stand in `docs/performance.md`.

mod chain;
mod inputs;
mod ledger;
mod postings;
mod raw;
mod rebuild;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use tributary_contracts::topics::LOCAL_PARTITIONS;

/// Measures the ledger on a Kafka and a PostgreSQL of its own; run it in release.
///
/// Without a benchmark's name, all of them run, each with its defaults. The core without a log around it is measured by
/// `cargo bench -p tributary-accounts-domain`, a transaction without a ledger by `cargo bench -p tributary-stream`.
#[derive(Args, Debug)]
pub(crate) struct Bench {
    #[command(subcommand)]
    benchmark: Option<Benchmark>,
}

#[derive(Subcommand, Debug)]
enum Benchmark {
    /// Postings a second through the service, exactly once, and what the raw log does on the same broker
    Accounts(postings::Postings),
    /// How fast the log alone takes the ledger's events in transactions: no reading, no logic
    Raw(raw::Raw),
    /// A bare chain of exactly-once hops without logic: the floor of a payment's latency
    Chain(chain::BareChain),
    /// Events a second of a rebuild of the ledger's read models
    Rebuild(rebuild::Rebuild),
}

/// What every benchmark is told.
#[derive(Args, Clone, Debug)]
struct Common {
    /// Runs of each case; the figure is their median
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    runs: u32,
    /// Seconds of load before anything is measured: a cold broker is two to four times slower
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    warm_up: u64,
    /// Accounts that the ledger holds
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    accounts: u32,
}

impl Common {
    fn warm_up(&self) -> Duration {
        Duration::from_secs(self.warm_up)
    }
}

impl Default for Common {
    fn default() -> Self {
        Self {
            runs: 3,
            warm_up: 20,
            accounts: 10_000,
        }
    }
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        println!("{}", super::machine::describe());
        match self.benchmark {
            Some(Benchmark::Accounts(postings)) => postings.run()?,
            Some(Benchmark::Raw(raw)) => raw.run()?,
            Some(Benchmark::Chain(chain)) => chain.run()?,
            Some(Benchmark::Rebuild(rebuild)) => rebuild.run()?,
            None => {
                postings::Postings::default().run()?;
                rebuild::Rebuild::default().run()?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Partitions that a benchmark uses unless told otherwise: as many as the local stack has.
fn local_partitions() -> i32 {
    LOCAL_PARTITIONS
}
