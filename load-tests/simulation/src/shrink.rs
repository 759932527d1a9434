//! A failing run made smaller: fewer steps, less trouble, the same thing wrong.

use crate::{
    cast::Cast,
    plan::Plan,
    run::{Outcome, run},
};

/// Runs that one shrinking may take.
const RUNS_MAX: u32 = 1_500;

/// The smallest plan that was found.
#[derive(Clone, Debug)]
pub struct Shrunk {
    pub plan: Plan,
    /// What comes of it, with its story.
    pub outcome: Outcome,
    /// Runs that it took.
    pub runs: u32,
}

/// Makes a failing plan smaller. `None`: it doesn't fail.
pub fn shrink(plan: &Plan, cast: &Cast) -> Option<Shrunk> {
    let first = run(plan, cast, false);
    let (at, found) = first.found.as_ref()?;
    let mut shrinking = Shrinking {
        cast,
        code: found.code,
        plan: plan.clone(),
        runs: 1,
    };
    if let Some(at) = at {
        shrinking.plan.steps.retain(|(number, _)| number <= at);
    }
    shrinking.drop_steps();
    shrinking.calm_steps();
    // Without their trouble some steps may have become needless.
    shrinking.drop_steps();
    let outcome = run(&shrinking.plan, cast, true);
    Some(Shrunk {
        plan: shrinking.plan,
        outcome,
        runs: shrinking.runs,
    })
}

struct Shrinking<'c> {
    cast: &'c Cast,
    code: &'static str,
    plan: Plan,
    runs: u32,
}

impl Shrinking<'_> {
    /// Takes the candidate where the same thing is wrong with it.
    fn take(&mut self, candidate: Plan) -> bool {
        if self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        let fails = run(&candidate, self.cast, false).code() == Some(self.code);
        if fails {
            self.plan = candidate;
        }
        fails
    }

    /// Leaves out ever smaller parts.
    fn drop_steps(&mut self) {
        let mut size = self.plan.steps.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.plan.steps.len() {
                let mut candidate = self.plan.clone();
                let to = (from + size).min(candidate.steps.len());
                candidate.steps.drain(from..to);
                if !self.take(candidate) {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    fn calm_steps(&mut self) {
        for index in 0..self.plan.steps.len() {
            let mut candidate = self.plan.clone();
            if candidate.steps[index].1.calm() {
                self.take(candidate);
            }
        }
    }
}
