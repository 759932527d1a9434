//! `bank simulate`: the whole bank in one thread, by seed, with everything that can go wrong. `docs/simulation.md` is the
//! guide.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tributary_simulation::{Cast, Outcome, Plan, Selection, Summary, plan::Numbers, run, run_many, shrink};

/// Runs the bank's own code on an in-memory broker with a virtual clock; a seed fixes every fault.
///
/// With one seed it prints the story of the run, with many a summary. The exit status is not zero where an invariant
/// breaks; the smallest run that shows it is printed, with the command that repeats it.
#[derive(Args, Debug)]
pub(crate) struct Simulate {
    /// The seed, or the first of many
    #[arg(long, default_value_t = 0, value_name = "S")]
    seed: u64,
    /// Steps of each run
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000_000), value_name = "N")]
    steps: u32,
    /// How many seeds, each a run of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), value_name = "COUNT")]
    seeds: u64,
    /// Only these steps of the seed's plan, such as 1-4,7: what a smaller run is repeated by
    #[arg(long, value_name = "STEPS")]
    only: Option<Numbers>,
    /// Steps that are carried out without their trouble
    #[arg(long, value_name = "STEPS")]
    calm: Option<Numbers>,
    /// Leave out the story, and the search for a smaller run
    #[arg(long)]
    quiet: bool,
}

impl Simulate {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let end = self
            .seed
            .checked_add(self.seeds)
            .context("the last seed is too large")?;
        ensure!(
            self.seeds == 1 || (self.only.is_none() && self.calm.is_none()),
            "--only and --calm belong to one seed"
        );
        let began = now();
        let cast = Cast::production();
        if self.seeds == 1 {
            return Ok(self.one(&cast, began));
        }
        let summary = run_many(self.seed..end, self.steps, &cast, |outcome| {
            if let Some((_, found)) = &outcome.found {
                println!("seed {} BROKEN: {found}", outcome.seed);
            }
            true
        });
        self.sum_up(&summary, began.elapsed());
        let Some((seed, _)) = summary.broken.first() else {
            return Ok(ExitCode::SUCCESS);
        };
        if !self.quiet {
            self.tell_smallest(&Plan::of(*seed, self.steps), &cast);
        }
        Ok(ExitCode::FAILURE)
    }

    fn one(&self, cast: &Cast, began: Instant) -> ExitCode {
        let selection = Selection {
            kept: self.only.clone(),
            calm: self.calm.clone().unwrap_or_default(),
        };
        let plan = Plan::of(self.seed, self.steps).select(&selection);
        let outcome = run(&plan, cast, !self.quiet);
        print!("{}", outcome.story);
        let mut summary = Summary::default();
        summary.add(&outcome);
        self.sum_up(&summary, began.elapsed());
        if outcome.found.is_none() {
            return ExitCode::SUCCESS;
        }
        let whole = self.only.is_none() && self.calm.is_none();
        if whole && !self.quiet {
            self.tell_smallest(&plan, cast);
        }
        ExitCode::FAILURE
    }

    fn sum_up(&self, summary: &Summary, took: Duration) {
        println!("{summary}");
        let seconds = took.as_secs_f64().max(0.001);
        println!(
            "{seconds:.2} s: {:.0} steps a second, {:.0} actions of processes a second",
            summary.steps as f64 / seconds,
            summary.actions as f64 / seconds
        );
        for (seed, _) in &summary.broken {
            println!(
                "repeat it: cargo bank simulate --seed {seed} --steps {}",
                self.steps
            );
        }
    }

    fn tell_smallest(&self, plan: &Plan, cast: &Cast) {
        println!(
            "\nlooking for the smallest run of seed {} that breaks ...",
            plan.seed
        );
        let Some(shrunk) = shrink(plan, cast) else {
            return;
        };
        let Outcome { story, .. } = &shrunk.outcome;
        println!(
            "{} steps are left after {} runs:\n{story}",
            shrunk.outcome.steps, shrunk.runs
        );
        println!(
            "repeat it: cargo bank simulate --seed {} --steps {}{}",
            plan.seed,
            self.steps,
            shrunk.plan.selection()
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how fast it was; nothing of the run depends on it"
)]
fn now() -> Instant {
    Instant::now()
}
