//! `bank fraud`: the science behind the fraud service, offline, and what is asked of it while it runs. `docs/fraud.md`,
//! `docs/fraud-service.md`, `docs/backtest.md` and `docs/laundering.md` are the guides.

mod backtest;
mod launder;
mod stream;

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow};
use backtest::BacktestArguments;
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use launder::LaunderArguments;
use stream::StreamArguments;
use tributary_fraud_training::{
    Evaluation, Source, evaluate, evaluate_features, export, handbook::Transactions, protocol::Weeks,
};

use super::fraud_online::{
    Activate, Alerts, Approve, Label, Propose, Publish, Reject, Retire, Retract, Status,
};

/// Bad rows that are printed; all are counted.
const BAD_ROWS_PRINTED: usize = 20;

/// Trains and measures the fraud service's models, activates them and rules, labels payments
#[derive(Args, Debug)]
pub(crate) struct Fraud {
    #[command(subcommand)]
    command: FraudCommand,
}

#[derive(Subcommand, Debug)]
enum FraudCommand {
    Evaluate(EvaluateArguments),
    Publish(Publish),
    Propose(Propose),
    Approve(Approve),
    Reject(Reject),
    Activate(Activate),
    Retire(Retire),
    Status(Status),
    Label(Label),
    Backtest(BacktestArguments),
    Retract(Retract),
    Launder(LaunderArguments),
    Alerts(Alerts),
    Stream(StreamArguments),
}

/// Trains all models on one week and measures them on a later one, by the protocol of the Fraud Detection Handbook
///
/// Fails when the champion's average precision is below 0.70.
#[derive(Args, Debug)]
struct EvaluateArguments {
    /// Labelled transactions of the Handbook's form (.csv, .csv.zst), from 37 days before the training on
    file: PathBuf,
    /// First day of the week that is trained on
    #[arg(long, value_name = "DAY", default_value = "2018-07-25")]
    train_from: NaiveDate,
    /// First day of the week that is measured, 14 days after the training's or more [default: 14 days after]
    #[arg(long, value_name = "DAY")]
    test_from: Option<NaiveDate>,
    /// Write the figures as JSON too: to FILE, or in place of the table when no FILE is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
    /// Take the features from here instead of computing them: those of the running service, as `bank fraud stream` exports them
    #[arg(long, value_name = "FILE")]
    features: Option<PathBuf>,
    /// Write the champion's artefact
    #[arg(long, value_name = "FILE")]
    artefact: Option<PathBuf>,
}

impl Fraud {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.command {
            FraudCommand::Evaluate(arguments) => arguments.run(),
            FraudCommand::Publish(publish) => publish.run(),
            FraudCommand::Propose(propose) => propose.run(),
            FraudCommand::Approve(approve) => approve.run(),
            FraudCommand::Reject(reject) => reject.run(),
            FraudCommand::Activate(activate) => activate.run(),
            FraudCommand::Retire(retire) => retire.run(),
            FraudCommand::Status(status) => status.run(),
            FraudCommand::Label(label) => label.run(),
            FraudCommand::Backtest(arguments) => arguments.run(),
            FraudCommand::Retract(retract) => retract.run(),
            FraudCommand::Launder(arguments) => arguments.run(),
            FraudCommand::Alerts(alerts) => alerts.run(),
            FraudCommand::Stream(arguments) => arguments.run(),
        }
    }
}

impl EvaluateArguments {
    fn run(self) -> Result<ExitCode> {
        let weeks = match self.test_from {
            Some(test_from) => Weeks::try_new(self.train_from, test_from),
            None => Weeks::closest(self.train_from),
        }
        .map_err(|error| anyhow!("{}: {error}", error.code()))?;
        let loaded = Transactions::load(&self.file).map_err(|error| anyhow!("{}: {error}", error.code()))?;
        report_bad(&loaded.bad);
        let source = Source {
            name: self
                .file
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned(),
            commit: super::machine::commit().unwrap_or_default(),
        };
        let evaluation = match &self.features {
            None => evaluate(&loaded.rows, &weeks, &source),
            Some(file) => {
                let features =
                    export::read(file, &loaded.rows).map_err(|error| anyhow!("{}: {error}", error.code()))?;
                evaluate_features(&loaded.rows, &features, &weeks, &source)
            }
        }
        .map_err(|error| anyhow!("{}: {error}", error.code()))?;
        self.tell(&evaluation)?;
        Ok(match evaluation.champion.passed {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    fn tell(&self, evaluation: &Evaluation) -> Result<()> {
        match self.json.as_deref() {
            Some(path) if path == Path::new("-") => println!("{}", serde_json::to_string_pretty(evaluation)?),
            Some(path) => {
                println!("{evaluation}");
                write(path, &serde_json::to_vec_pretty(evaluation)?)?;
            }
            None => println!("{evaluation}"),
        }
        match &self.artefact {
            Some(path) => write(path, &evaluation.champion.artefact),
            None => Ok(()),
        }
    }
}

fn report_bad<R: Display>(bad: &[R]) {
    for row in bad.iter().take(BAD_ROWS_PRINTED) {
        eprintln!("{row}");
    }
    if !bad.is_empty() {
        eprintln!("{} bad rows were left out", bad.len());
    }
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    std::fs::write(path, content).with_context(|| format!("can't write {}", path.display()))
}
