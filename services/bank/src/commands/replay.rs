//! `bank replay`: a recorded history into the ledger, held against its source row by row.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bank::LocalBank;
use clap::Args;
use tributary_local_stack::{self as local_stack, Endpoints, Place};
use tributary_replay::{Moment, Through};

use super::reconcile::{Target, open, replay_and_reconcile, tell};
use crate::interrupt::Interrupt;

/// Replays a history through the ledger and reconciles every row.
///
/// The history is a directory of the Berka bank's published files, or a file (.jsonl, .jsonl.zst) of `bank export`. It goes
/// to the bank that --brokers or a running `bank demo` names; where there is none, a bank is started for it in this
/// process. Replaying the same history again changes nothing. The exit status is 0 only if everything reconciles and no
/// row was left out.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    path: PathBuf,
    /// Times the recorded speed, by the rows' days; else as fast as the ledger takes it
    #[arg(long, value_name = "N", value_parser = speed)]
    speed: Option<f64>,
    /// What makes the transfers between the history's accounts
    #[arg(long, value_enum, default_value_t = Maker::Ledger)]
    through: Maker,
    /// Address of the HTTP API, for --through payments on a bank that runs
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// Kafka's bootstrap address, of a bank that runs
    #[arg(
        long,
        env = "KAFKA_BROKERS",
        value_name = "HOST:PORT",
        requires = "database_url"
    )]
    brokers: Option<String>,
    /// Address of the PostgreSQL with that bank's read models
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    #[command(flatten)]
    place: super::place::PlaceArguments,
    /// Write the reconciliation as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What makes transfers.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    /// Commands to the ledger: they have happened. Standing orders are left out
    Ledger,
    /// Payments through the HTTP API, each with its saga; standing orders that are in force at the end go on
    Payments,
}

/// A speed that time goes on with.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("expected a number above zero".to_owned()),
    }
}

impl Replay {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let since = Moment::now();
        let interrupt = Interrupt::listen()?;
        let history = open(&self.path)?;
        let target = |brokers, database_url, through, alone| Target {
            brokers,
            database_url,
            alone,
            speed: self.speed,
            since,
            orders: match &through {
                Through::Ledger => None,
                Through::Payments { api } => Some(api.clone()),
            },
            through,
        };
        let outcome = match self.running(&self.place.place())? {
            Some((brokers, database_url)) => {
                let through = self.through(self.api.clone())?;
                replay_and_reconcile(
                    &history,
                    &target(brokers, database_url, through, false),
                    &interrupt,
                )?
            }
            None => {
                let bank = LocalBank::start(&self.place.options())?;
                let through = self.through(Some(format!("http://{}", bank.api())))?;
                let target = target(bank.brokers(), bank.database_url(), through, true);
                let outcome = replay_and_reconcile(&history, &target, &interrupt);
                bank.stop()?;
                outcome?
            }
        };
        tell(&outcome, self.json.as_ref())?;
        Ok(match outcome.is_sound() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    fn through(&self, api: Option<String>) -> anyhow::Result<Through> {
        Ok(match self.through {
            Maker::Ledger => Through::Ledger,
            Maker::Payments => Through::Payments {
                api: api.context("--through payments needs --api: the demo prints its address")?,
            },
        })
    }

    /// The bank that runs already, if one does.
    fn running(&self, place: &Place) -> anyhow::Result<Option<(String, String)>> {
        if let (Some(brokers), Some(database_url)) = (&self.brokers, &self.database_url) {
            return Ok(Some((brokers.clone(), database_url.clone())));
        }
        let found = Endpoints::of_running(place).map_err(|error: local_stack::StackError| error)?;
        if found.is_some() && self.place.fresh() {
            bail!("--fresh would delete the data of a bank that runs; stop that one first");
        }
        Ok(found.map(|found| (found.brokers, found.database_url)))
    }
}
