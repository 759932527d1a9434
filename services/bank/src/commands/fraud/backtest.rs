//! `bank fraud backtest`: what another model or other rules would have done.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use chrono::NaiveDate;
use clap::Args;
use tributary_contracts::topics::FRAUD_PAYEES_EVENTS;
use tributary_fraud::RuleSet;
use tributary_fraud_backtest::{
    BacktestError, Candidate, EventLines, Log, Period, compare, page, write_line,
};
use tributary_fraud_domain::Model;
use tributary_stream::kafka::{EventReader, Watermarks};

/// Records that are read at once.
const RECORDS_MAX: usize = 10_000;

/// Decides on the recorded payments again, by another model or other rules, and says what would have changed
///
/// From the features that were recorded with each decision (docs/backtest.md). What isn't named stays what it was for each
/// payment; without --model and --rules all are decided by their own versions, and nothing may differ. The exit status says
/// whether this build decides as was decided.
#[derive(Args, Debug)]
pub(crate) struct BacktestArguments {
    /// The model's artefact
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The set of rules
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// First day, by when payments were initiated
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Last day
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// Kafka's bootstrap address
    #[arg(
        long,
        env = "KAFKA_BROKERS",
        value_name = "HOST:PORT",
        required_unless_present = "export"
    )]
    brokers: Option<String>,
    /// Events that --save has written, instead of the log's
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Write the log's events to a file, for --export
    #[arg(long, value_name = "FILE", conflicts_with = "export")]
    save: Option<PathBuf>,
    /// Write the comparison as a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl BacktestArguments {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
        };
        let model = match &self.model {
            Some(path) => Some(
                Model::load(read(path)?.as_bytes())
                    .map_err(|error| anyhow!("{}: {}: {error}", path.display(), error.code()))?,
            ),
            None => None,
        };
        let rules = match &self.rules {
            Some(path) => Some(
                RuleSet::load(&read(path)?)
                    .map_err(|error| anyhow!("{}: {}: {error}", path.display(), error.code()))?,
            ),
            None => None,
        };
        let log = match (&self.export, &self.brokers) {
            (Some(path), _) => read_file(path).map_err(coded)?,
            (None, Some(brokers)) => self.read_log(brokers)?,
            (None, None) => Log::default(),
        };
        let candidate = Candidate {
            rules: rules.as_ref(),
            model: model.as_ref(),
        };
        let period = Period {
            from: self.from,
            to: self.to,
        };
        let compared = compare(&log, candidate, period).map_err(coded)?;
        println!("{compared}");
        if let Some(path) = &self.json {
            super::write(path, &serde_json::to_vec_pretty(&compared)?)?;
        }
        if let Some(path) = &self.html {
            super::write(path, page(&compared).map_err(coded)?.as_bytes())?;
            println!("The page is {}.", path.display());
        }
        Ok(match compared.self_check.differences {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }

    fn read_log(&self, brokers: &str) -> Result<Log> {
        let mut saved = match &self.save {
            Some(path) => Some((
                path,
                BufWriter::new(
                    File::create(path).with_context(|| format!("can't write {}", path.display()))?,
                ),
            )),
            None => None,
        };
        let mut log = Log::default();
        let starts = Watermarks::connect(brokers)?.starts(FRAUD_PAYEES_EVENTS.name)?;
        let mut reader = EventReader::open(brokers, FRAUD_PAYEES_EVENTS.name, &starts)?;
        while !reader.at_end() {
            for record in reader.poll(Duration::from_millis(200), RECORDS_MAX)?.records {
                let at = || {
                    format!(
                        "{}, partition {}, offset {}",
                        FRAUD_PAYEES_EVENTS.name, record.partition, record.offset
                    )
                };
                log.read(&record)
                    .map_err(|error| anyhow!("{}: {error}", error.code()))
                    .with_context(at)?;
                if let Some((path, out)) = &mut saved {
                    write_line(out, &record).with_context(|| format!("can't write {}", path.display()))?;
                }
            }
        }
        if let Some((path, mut out)) = saved {
            out.flush()
                .with_context(|| format!("can't write {}", path.display()))?;
        }
        Ok(log)
    }
}

fn read_file(path: &std::path::Path) -> Result<Log, BacktestError> {
    let mut log = Log::default();
    let mut lines = EventLines::open(path)?;
    while let Some(record) = lines.next() {
        log.read(&record?).map_err(|error| lines.bad(&error))?;
    }
    Ok(log)
}

fn coded(error: BacktestError) -> anyhow::Error {
    anyhow!("{}: {error}", error.code())
}
