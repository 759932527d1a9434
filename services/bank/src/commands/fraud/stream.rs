//! `bank fraud stream`: a file's transactions through the running fraud services.

mod progress;
mod report;
mod services;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use chrono::NaiveDate;
use clap::Args;
use tributary_contracts::fraud::VersionKind;
use tributary_fraud_domain::DAY_S;
use tributary_fraud_stream::{BOUND_S, Feed, stream};
use tributary_fraud_training::handbook::{Transaction, Transactions};
use tributary_fraud_training::{batch, export, parity};

use self::progress::Progress;
use self::report::Report;
use self::services::Services;
use super::{report_bad, write};
use crate::commands::machine;
use crate::interrupt::Interrupt;

const HOUR_S: i64 = 3_600;

/// Sends the labelled transactions of a file through the running fraud services, and compares their features with a batch's
///
/// Each transaction is an assess-payment command; the frauds among them are labelled once they are decided on. Fails when
/// one is lost, doubled or refused, or when any bit of any feature differs. Without --brokers it starts a Kafka and the two
/// services; run it in release.
#[derive(Args, Debug)]
pub(super) struct StreamArguments {
    /// Labelled transactions of the Handbook's form (.csv, .csv.zst)
    file: PathBuf,
    /// First day that is sent [default: the file's]
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Last day that is sent [default: the file's]
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// A model that scores, as `bank fraud evaluate --artefact` writes it; without one the rules decide alone. For services
    /// elsewhere two people propose and approve it
    #[arg(long, value_name = "ARTEFACT", conflicts_with = "brokers")]
    model: Option<PathBuf>,
    /// Rules that decide, with the thresholds of the score, in place of the limit that is built in
    #[arg(long, value_name = "RULES", conflicts_with = "brokers")]
    rules: Option<PathBuf>,
    /// Services that run already, by Kafka's bootstrap address
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Write the features that the services computed (.csv, .csv.zst)
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Write what was seen as JSON too: to FILE, or in place of the text when no FILE is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
    /// How far the event times of payments under way may lie apart, in hours. Above 48 features go wrong
    #[arg(long, value_name = "HOURS", default_value_t = BOUND_S / HOUR_S, value_parser = clap::value_parser!(i64).range(1..=8_760))]
    bound: i64,
    /// Partitions of the topics, where the services are started
    #[arg(long, value_name = "N", default_value_t = tributary_contracts::topics::LOCAL_PARTITIONS, value_parser = clap::value_parser!(i32).range(1..), conflicts_with = "brokers")]
    partitions: i32,
}

impl StreamArguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let interrupt = Interrupt::listen()?;
        let loaded = Transactions::load(&self.file).map_err(|error| anyhow!("{}: {error}", error.code()))?;
        report_bad(&loaded.bad);
        let transactions = self.chosen(&loaded.rows);
        ensure!(
            !transactions.is_empty(),
            "no transaction of the file is of these days"
        );
        let services = match &self.brokers {
            Some(brokers) => Services::elsewhere(brokers),
            None => Services::start(self.partitions)?,
        };
        for (kind, file) in [
            (VersionKind::Model, &self.model),
            (VersionKind::Rules, &self.rules),
        ] {
            if let Some(file) = file {
                services.introduce(kind, file)?;
            }
        }
        let meter = machine::Meter::start(Vec::new());
        let mut progress = Progress::begin(transactions.len());
        let feed = Feed {
            transactions,
            brokers: &services.brokers(),
            currency: "EUR".parse()?,
            bound_s: self.bound * HOUR_S,
        };
        let mut samples = Vec::new();
        let seen = stream(
            &feed,
            &mut |now| {
                services.sample(now, &mut samples);
                progress.show(now);
            },
            &|| interrupt.asked(),
        )?;
        progress.end();
        let usage = meter.stop();
        let (cpu_seconds, times) = services.stop()?;
        ensure!(!interrupt.asked(), "interrupted: nothing was sent to its end");
        if let Some(file) = &self.export {
            export::write(file, transactions, &seen.features)
                .map_err(|error| anyhow!("{}: {error}", error.code()))?;
        }
        let parity = parity::compare(transactions, &seen.features, &batch::features(transactions));
        let report = Report {
            machine: machine::describe(),
            steal: usage.steal,
            load: usage.load,
            from: day_of(transactions.first()),
            to: day_of(transactions.last()),
            bound_hours: self.bound,
            model: self.model.as_deref().and_then(name_of),
            rules: self.rules.as_deref().and_then(name_of),
            seen,
            times,
            cpu_seconds,
            parity,
            samples,
        };
        self.tell(&report)?;
        Ok(match report.is_good() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    /// The transactions of the days that were asked for; all are in order of time.
    fn chosen<'t>(&self, all: &'t [Transaction]) -> &'t [Transaction] {
        let begin = |day: NaiveDate| all.partition_point(|row| row.day() < number_of(day));
        let from = self.from.map_or(0, begin);
        let to = self.to.and_then(|day| day.succ_opt()).map_or(all.len(), begin);
        all.get(from..to).unwrap_or_default()
    }

    fn tell(&self, report: &Report) -> anyhow::Result<()> {
        match self.json.as_deref() {
            Some(path) if path == Path::new("-") => println!("{}", serde_json::to_string_pretty(report)?),
            Some(path) => {
                println!("{report}");
                write(path, &serde_json::to_vec_pretty(report)?)?;
            }
            None => println!("{report}"),
        }
        Ok(())
    }
}

fn name_of(file: &Path) -> Option<String> {
    Some(file.file_name()?.to_str()?.to_owned())
}

/// Days since the epoch.
fn number_of(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() / DAY_S
}

fn day_of(transaction: Option<&Transaction>) -> String {
    transaction
        .and_then(|row| chrono::DateTime::from_timestamp(row.at_s, 0))
        .map(|time| time.date_naive().to_string())
        .unwrap_or_default()
}
