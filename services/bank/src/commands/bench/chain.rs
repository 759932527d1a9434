//! `bank bench chain`: a bare chain of exactly-once hops, the floor below which no payment of as many hops can come.

use std::time::Duration;

use clap::Args;
use tributary_load::{Chain, HOPS_MAX, floor};
use tributary_local_stack::{Options, Progress, Stack};

use super::table::heading;
use crate::commands::machine::Meter;

/// A record through a chain of hops: each reads, and writes an event and the next hop's record in one transaction.
#[derive(Args, Clone, Debug)]
pub(super) struct BareChain {
    /// Hops; a payment has six
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=HOPS_MAX as i64), value_name = "N")]
    hops: u8,
    /// Records a second, one case each
    #[arg(long, value_delimiter = ',', default_value = "100,1000", value_parser = clap::value_parser!(u32).range(1..), value_name = "N,...")]
    rate: Vec<u32>,
    /// Seconds of each case that are measured
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    seconds: u64,
    /// Seconds of 500 records/s before anything is measured: a cold broker is two to four times slower
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    warm_up: u64,
    /// Partitions of each topic
    #[arg(long, default_value_t = super::local_partitions(), value_parser = clap::value_parser!(i32).range(1..), value_name = "N")]
    partitions: i32,
}

impl BareChain {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let mut options = Options::temporary().own_servers();
        options.progress = Progress::on_stderr();
        let stack = Stack::start(&options)?;
        let chain = |rate, warm_up, measured| Chain {
            hops: usize::from(self.hops),
            rate,
            partitions: self.partitions,
            warm_up: Duration::from_secs(warm_up),
            measured: Duration::from_secs(measured),
            seed: 1,
        };
        let brokers = stack.brokers();
        floor(&chain(500.0, 0, self.warm_up), &brokers, &|| false)?;
        heading(&[
            "hops",
            "partitions",
            "records/s",
            "ended /s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "steal | load",
        ]);
        for rate in &self.rate {
            let meter = Meter::start(Vec::new());
            let seen = floor(&chain(f64::from(*rate), 3, self.seconds), &brokers, &|| false)?;
            anyhow::ensure!(
                seen.unfinished == 0,
                "{} records didn't come through",
                seen.unfinished
            );
            let latency = seen
                .latency
                .ok_or_else(|| anyhow::anyhow!("nothing came through"))?;
            println!(
                "| {} | {} | {rate} | {:.0} | {:.0} | {:.0} | {:.0} | {} |",
                seen.hops,
                self.partitions,
                seen.ended_per_second,
                latency.p50,
                latency.p99,
                latency.p999,
                meter.stop(),
            );
        }
        stack.stop()?;
        Ok(())
    }
}
