//! `bank bench accounts`: postings a second through the service.

use anyhow::ensure;
use clap::Args;
use tributary_stream::worker::WorkerConfig;

use super::Common;
use super::inputs::Shape;
use super::ledger::{Ledger, Run};
use super::raw::RawLog;
use super::table::{grouped, heading, median_and_range};

/// Records of one transaction of the raw log, which the ledger's postings are held against.
const RAW_BATCH: usize = 1_000;

/// The ledger's inputs are all in the inbox before it starts; the clock runs from the end of its first transaction to
/// the end of its last.
#[derive(Args, Clone, Debug)]
pub(super) struct Postings {
    #[command(flatten)]
    common: Common,
    /// Postings of a run; a hundredth of it at a batch of 1, a tenth at batches below 1,000
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1_000..), value_name = "N")]
    postings: u64,
    /// Which accounts the postings are on
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Shape::Uniform, Shape::Hot])]
    shapes: Vec<Shape>,
    /// Most inputs of a transaction, or max: as they come, within the service's own limits
    #[arg(long, value_delimiter = ',', default_values_t = [Batch::Most(1), Batch::Most(100), Batch::Max])]
    batch: Vec<Batch>,
    /// Partitions of each topic; each number has a stack of its own
    #[arg(long, value_delimiter = ',', default_values_t = [super::local_partitions()], value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Vec<i32>,
    /// Most bytes of input of a transaction, in place of the service's own limit
    #[arg(long, value_name = "BYTES")]
    batch_bytes: Option<usize>,
}

/// How many inputs a transaction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batch {
    Most(usize),
    /// What [`WorkerConfig::local`] says.
    Max,
}

impl std::str::FromStr for Batch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse() {
            Ok(0) | Err(_) => Err(format!("{text:?} is neither max nor a number above 0")),
            Ok(records) => Ok(Self::Most(records)),
        }
    }
}

impl std::fmt::Display for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Most(records) => write!(f, "{records}"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl Default for Postings {
    fn default() -> Self {
        Self {
            common: Common::default(),
            postings: 300_000,
            shapes: vec![Shape::Uniform, Shape::Hot],
            batch: vec![Batch::Most(1), Batch::Most(100), Batch::Max],
            partitions: vec![super::local_partitions()],
            batch_bytes: None,
        }
    }
}

impl Postings {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        for &partitions in &self.partitions {
            self.on_a_stack(partitions)?;
        }
        Ok(())
    }

    fn on_a_stack(&self, partitions: i32) -> anyhow::Result<()> {
        let mut ledger = Ledger::start(partitions, self.common.accounts, self.common.warm_up())?;
        heading(&[
            "postings",
            "batch",
            "runs",
            "postings/s",
            "lowest to highest",
            "in a transaction",
            "CPU µs a posting",
            "steal | load",
        ]);
        let mut highest = 0.0_f64;
        for &batch in &self.batch {
            for &shape in &self.shapes {
                highest = highest.max(self.case(&mut ledger, partitions, shape, batch)?);
            }
        }
        let mut raw = RawLog::connect(&ledger, partitions)?;
        let ceiling = raw.records_per_second(&ledger, RAW_BATCH, self.common.runs)?;
        println!(
            "the fastest case is {:.0} % of what the raw log takes",
            100.0 * highest / ceiling
        );
        drop(raw);
        ledger.check()?;
        ledger.stop()
    }

    /// Returns the median of postings a second.
    fn case(&self, ledger: &mut Ledger, partitions: i32, shape: Shape, batch: Batch) -> anyhow::Result<f64> {
        let mut config = WorkerConfig::local(partitions);
        if let Batch::Most(records) = batch {
            config.batch_records_max = records;
        }
        if let Some(bytes) = self.batch_bytes {
            config.batch_bytes_max = bytes;
        }
        let postings = match batch {
            Batch::Most(1) => self.postings / 100,
            Batch::Most(records) if records < 1_000 => self.postings / 10,
            _ => self.postings,
        };
        let runs = (0..self.common.runs)
            .map(|_| ledger.post(shape, postings, &config))
            .collect::<anyhow::Result<Vec<Run>>>()?;
        let figures = |figure: fn(&Run) -> f64| median_and_range(runs.iter().map(figure).collect());
        let (median, lowest, highest) = figures(Run::postings_per_second);
        ensure!(
            median.is_finite(),
            "{postings} postings went by in a single transaction: take more"
        );
        let last = runs.last().map(|run| run.usage.to_string()).unwrap_or_default();
        println!(
            "| {} | {batch} | {} of {} | {} | {} to {} | {:.0} | {:.0} | {last} |",
            shape.title(),
            runs.len(),
            grouped(postings as f64),
            grouped(median),
            grouped(lowest),
            grouped(highest),
            figures(Run::postings_per_transaction).0,
            figures(Run::cpu_micros_per_posting).0,
        );
        Ok(median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_number_above_zero_or_max() {
        assert_eq!("max".parse(), Ok(Batch::Max));
        assert_eq!("100".parse(), Ok(Batch::Most(100)));
        for wrong in ["0", "-1", "most", ""] {
            assert!(wrong.parse::<Batch>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_batch_is_written_as_it_is_read() {
        for batch in [Batch::Max, Batch::Most(7)] {
            assert_eq!(batch.to_string().parse(), Ok(batch));
        }
    }
}
