use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use smol_str::SmolStr;
use tributary_contracts::saga::{Progress, Verdict, Way};

use crate::Saga;

/// Where a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StepState {
    #[default]
    Idle,
    /// Its command was sent, this many times.
    Asked(u32),
    Ended(Verdict),
}

/// Which way a saga goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Course {
    #[default]
    Forward,
    /// What was done is being undone, for this reason.
    Back {
        code: SmolStr,
    },
    /// It waits for a person. `code` as in [`Course::Back`], where it was going back.
    Quarantined {
        code: Option<SmolStr>,
    },
    Ended,
}

/// Where a saga is: a fold over the [`Progress`] of its events.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    pub(crate) steps: SmallVec<[StepState; 6]>,
    /// Of each step that is asked: how many of its attempts were answered in vain. Each attempt is answered once.
    in_vain: SmallVec<[u32; 6]>,
    pub(crate) course: Course,
}

/// An event that can't follow on the state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    #[error("the saga has no step {0}")]
    UnknownStep(SmolStr),
    #[error("step {0} ended, though nobody waited for it")]
    NotAsked(SmolStr),
    #[error("step {0} was asked out of turn")]
    AskedOutOfTurn(SmolStr),
    #[error("the saga had ended before")]
    HadEnded,
}

impl State {
    /// Before its first event.
    pub fn new(saga: &Saga) -> Self {
        Self {
            steps: smallvec![StepState::Idle; saga.steps.len()],
            in_vain: smallvec![0; saga.steps.len()],
            course: Course::Forward,
        }
    }

    pub fn course(&self) -> &Course {
        &self.course
    }

    pub fn step(&self, index: usize) -> StepState {
        self.steps.get(index).copied().unwrap_or_default()
    }

    /// Whether answers to other attempts of the step are still to come after this one.
    pub(crate) fn awaits_more_than_this(&self, index: usize) -> bool {
        let in_vain = self.in_vain.get(index).copied().unwrap_or_default();
        matches!(self.step(index), StepState::Asked(attempts) if in_vain + 1 < attempts)
    }

    pub fn is_over(&self) -> bool {
        self.course == Course::Ended
    }

    pub fn is_quarantined(&self) -> bool {
        matches!(self.course, Course::Quarantined { .. })
    }

    /// Steps that were asked and have not ended.
    pub fn awaited(&self) -> impl Iterator<Item = usize> + '_ {
        let asked = |state: &StepState| matches!(state, StepState::Asked(_));
        (0..self.steps.len()).filter(move |index| asked(&self.steps[*index]))
    }

    /// Folds what an event says. The event is taken at its word: what it says was decided once, maybe by another build.
    ///
    /// # Errors
    /// What can't follow on this state whoever decided it.
    pub fn apply(&mut self, saga: &Saga, progress: &Progress) -> Result<(), Corrupt> {
        if self.is_over() {
            return Err(Corrupt::HadEnded);
        }
        let find = |name: &SmolStr| saga.find(name).ok_or_else(|| Corrupt::UnknownStep(name.clone()));
        if let Some(step) = &progress.in_vain {
            let index = find(step)?;
            let StepState::Asked(attempts) = self.steps[index] else {
                return Err(Corrupt::NotAsked(step.clone()));
            };
            self.in_vain[index] = attempts.min(self.in_vain[index] + 1);
        }
        if let Some(ended) = &progress.ended {
            let state = &mut self.steps[find(&ended.step)?];
            if !matches!(state, StepState::Asked(_)) {
                return Err(Corrupt::NotAsked(ended.step.clone()));
            }
            *state = StepState::Ended(ended.verdict);
        }
        if let Some(turned) = &progress.turned {
            self.turn(turned.way, turned.code.as_ref());
        }
        for ask in &progress.asked {
            let state = &mut self.steps[find(&ask.step)?];
            let before = match state {
                StepState::Idle => 0,
                StepState::Asked(attempt) => *attempt,
                StepState::Ended(_) => return Err(Corrupt::AskedOutOfTurn(ask.step.clone())),
            };
            if ask.attempt != before + 1 {
                return Err(Corrupt::AskedOutOfTurn(ask.step.clone()));
            }
            *state = StepState::Asked(ask.attempt);
        }
        Ok(())
    }

    fn turn(&mut self, way: Way, code: Option<&SmolStr>) {
        let course = std::mem::take(&mut self.course);
        self.course = match (way, course) {
            (Way::Back, _) => Course::Back {
                code: code.cloned().unwrap_or_default(),
            },
            (Way::Quarantined, Course::Back { code }) => Course::Quarantined { code: Some(code) },
            (Way::Quarantined, Course::Quarantined { code }) => Course::Quarantined { code },
            (Way::Quarantined, Course::Forward | Course::Ended) => Course::Quarantined { code: None },
            (Way::Resumed, Course::Quarantined { code: Some(code) }) => Course::Back { code },
            (Way::Resumed, _) => Course::Forward,
            (Way::Ended, _) => Course::Ended,
        };
    }
}
