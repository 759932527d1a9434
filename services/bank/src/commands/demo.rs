//! `bank demo`: the whole bank on this machine, with a history to look at.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use bank::LocalBank;
use clap::Args;
use tributary_history::{Config, History, generate};
use tributary_replay::{Moment, Through};

use super::flow::Flow;
use super::live::Live;
use super::reconcile::{Target, open, replay_and_reconcile, tell};
use super::screening::Screening;
use crate::interrupt::Interrupt;

/// Starts the whole bank, replays a history, reconciles it, and stays up until Ctrl-C.
///
/// Without a PATH the history is generated: accounts with salaries, rents, cash, cards, internal transfers, standing orders,
/// interest and fees, the same for the same seed. Orders that are in force at its end go on from today. A second run finds its rows posted and changes nothing.
/// Then accounts of their own pay each other, and others are defrauded: how much of it the rules stop is told.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// A history to replay instead of a generated one
    path: Option<PathBuf>,
    /// End after the reconciliation; the exit status says whether everything reconciles
    #[arg(long)]
    exit: bool,
    /// Seed of the generated history
    #[arg(long, default_value_t = 1, conflicts_with = "path")]
    seed: u64,
    /// Accounts of the generated history
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(2..), conflicts_with = "path")]
    accounts: u32,
    /// Rows of the generated history, about
    #[arg(long, default_value_t = 10_000, conflicts_with = "path")]
    rows: u32,
    /// Leave out the fraud: no rules are activated, and nobody tries to steal
    #[arg(long)]
    no_fraud: bool,
    /// Times the recorded speed, by the rows' days; else as fast as the ledger takes it
    #[arg(long, value_name = "N", value_parser = super::replay::speed)]
    speed: Option<f64>,
    #[command(flatten)]
    place: super::place::PlaceArguments,
    /// Write the reconciliation as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let since = Moment::now();
        let interrupt = Interrupt::listen()?;
        let history = self.history()?;
        let mut bank = LocalBank::start_without_laundering(&self.place.options())?;
        let target = Target {
            brokers: bank.brokers(),
            database_url: bank.database_url(),
            alone: true,
            speed: self.speed,
            since,
            through: Through::Ledger,
            orders: Some(format!("http://{}", bank.api())),
        };
        let outcome = replay_and_reconcile(&history, &target, &interrupt);
        let mut sound = match &outcome {
            Ok(outcome) => outcome.is_sound(),
            Err(_) => false,
        };
        if let Ok(outcome) = &outcome {
            tell(outcome, self.json.as_ref())?;
            if !self.exit && !interrupt.asked() {
                sound &= stay_up(&mut bank, &interrupt, since, !self.no_fraud)?;
            }
        }
        if let Some(ended) = bank.ended() {
            bank.stop()?;
            bail!("{ended} ended by itself");
        }
        bank.stop()?;
        match outcome {
            Err(error) => Err(error),
            Ok(_) if sound => Ok(ExitCode::SUCCESS),
            Ok(_) => Ok(ExitCode::FAILURE),
        }
    }

    fn history(&self) -> anyhow::Result<History> {
        match &self.path {
            Some(path) => open(path),
            None => {
                let config = Config {
                    accounts: self.accounts,
                    rows: self.rows,
                    ..Config::default()
                };
                Ok(generate(self.seed, &config))
            }
        }
    }
}

/// Until Ctrl-C or the end of a service. Returns whether the invariants held.
fn stay_up(
    bank: &mut LocalBank,
    interrupt: &Interrupt,
    since: Moment,
    with_fraud: bool,
) -> anyhow::Result<bool> {
    super::up::describe(bank.stack());
    println!("  services   accounts, payments, fraud (both hops), laundering, read models and the checker,");
    println!("             all in this process");
    let api = bank.api();
    println!("  API        http://{api}, on this machine only (docs/api.md); try");
    println!("             curl http://{api}/ready");
    let flow = Flow::start(bank.brokers(), bank.database_url())?;
    let mut first = true;
    let mut screening = None;
    let mut laundering = Ok(());
    println!("Twenty accounts of their own pay each other. The bank is up until Ctrl-C.");
    let mut live = Live::start(&bank.brokers(), &bank.database_url())?;
    interrupt.wait_unless(|| {
        live.show(flow.completed());
        if first && flow.completed() > 0 {
            first = false;
            live.say(&format!(
                "First payment completed {:.1} s after the start.",
                since.elapsed().as_secs_f64()
            ));
            // It reads all that was replayed, and nobody waits for it.
            laundering = bank.start_laundering();
            if with_fraud {
                screening = Some(Screening::start(bank.brokers(), format!("http://{}", bank.api())));
            }
        }
        for line in screening.iter_mut().flat_map(Screening::told) {
            live.say(&line);
        }
        laundering.is_err() || live.has_failed() || flow.has_ended() || bank.ended().is_some()
    });
    live.clear();
    laundering?;
    match super::fraud_online::count_alerts(&bank.brokers()) {
        Ok(told) => println!("Money laundering, replayed months and the twenty accounts: {told}."),
        Err(error) => println!("Money laundering: the alerts can't be read: {error}"),
    }
    println!("Stopping.");
    if let Some(screening) = screening {
        screening.stop();
    }
    flow.stop()?;
    live.finish()
}
