//! A seed, or many.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    cast::Cast,
    judge::Found,
    plan::Plan,
    story::Story,
    world::{Counts, World},
};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub seed: u64,
    /// Steps of the plan that were carried out.
    pub steps: u64,
    /// Actions that processes took, those of the opening and of coming to rest included.
    pub actions: u64,
    /// What is wrong, and the number of the step at which it was found; none once the plan was over.
    pub found: Option<(Option<u32>, Found)>,
    /// Faults that struck, and what else was counted.
    pub counts: Counts,
    /// Committed events by type, where the run came to its end.
    pub events: BTreeMap<String, u64>,
    /// The story, where it was to be told.
    pub story: String,
}

impl Outcome {
    /// What is found by this.
    pub fn code(&self) -> Option<&'static str> {
        self.found.as_ref().map(|(_, found)| found.code)
    }
}

/// Carries out a plan. The same plan and cast give the same outcome.
pub fn run(plan: &Plan, cast: &Cast, tell: bool) -> Outcome {
    let story = match tell {
        true => Story::told(plan.begins_ms()),
        false => Story::default(),
    };
    let mut outcome = Outcome {
        seed: plan.seed,
        steps: 0,
        actions: 0,
        found: None,
        counts: Counts::new(),
        events: BTreeMap::new(),
        story: String::new(),
    };
    let mut world = match World::open(cast, plan, story) {
        Ok(world) => world,
        Err(found) => {
            outcome.found = Some((None, *found));
            return outcome;
        }
    };
    for (number, step) in &plan.steps {
        outcome.steps += 1;
        if let Err(found) = world.step(*number, step) {
            outcome.found = Some((Some(*number), *found));
            break;
        }
    }
    if outcome.found.is_none() {
        outcome.found = world.close().err().map(|found| (None, *found));
    }
    if outcome.found.is_none() {
        match world.events() {
            Ok(events) => outcome.events = events,
            Err(found) => outcome.found = Some((None, *found)),
        }
    }
    if let Some((_, found)) = &outcome.found {
        world.story.heading(|| format!("BROKEN {found}"));
    }
    outcome.actions = world.actions;
    outcome.counts = world.counts();
    outcome.story = world.story.into_text();
    outcome
}

/// What came of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub seeds: u64,
    pub steps: u64,
    pub actions: u64,
    pub counts: Counts,
    pub events: BTreeMap<String, u64>,
    /// Seeds in which something was wrong, in order.
    pub broken: Vec<(u64, Found)>,
}

impl Summary {
    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.steps += outcome.steps;
        self.actions += outcome.actions;
        for (what, times) in &outcome.counts {
            *self.counts.entry(what).or_default() += times;
        }
        for (event, times) in &outcome.events {
            *self.events.entry(event.clone()).or_default() += times;
        }
        if let Some((_, found)) = &outcome.found {
            self.broken.push((outcome.seed, found.clone()));
        }
    }
}

/// Carries out the plans of many seeds. `each` is told every outcome and says whether to go on.
pub fn run_many(
    seeds: Range<u64>,
    steps: u32,
    cast: &Cast,
    mut each: impl FnMut(&Outcome) -> bool,
) -> Summary {
    let mut summary = Summary::default();
    for seed in seeds {
        let outcome = run(&Plan::of(seed, steps), cast, false);
        summary.add(&outcome);
        if !each(&outcome) {
            break;
        }
    }
    summary
}

/// Seconds that this thread has had of a core, where the system tells: what a run costs, whatever else runs beside it.
pub fn core_seconds() -> Option<f64> {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = schedstat.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} seeds, {} steps, {} actions of processes",
            self.seeds, self.steps, self.actions
        )?;
        writeln!(f, "what struck, and what came of it:")?;
        for (what, times) in &self.counts {
            writeln!(f, "  {times:>10}  {what}")?;
        }
        writeln!(f, "events:")?;
        for (event, times) in &self.events {
            writeln!(f, "  {times:>10}  {event}")?;
        }
        for (seed, found) in &self.broken {
            writeln!(f, "seed {seed} BROKEN: {found}")?;
        }
        Ok(())
    }
}
