//! What follows from what happened: pure functions of a saga's definition, its state and the time.

use smol_str::SmolStr;
use tributary_contracts::saga::{Ask, Progress, StepEnd, Turn, Verdict, Way};

use crate::{Course, Saga, Silence, State, Step, StepState, When};

/// What an answer means for its step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Done,
    /// It is done, and calls for another step.
    DoneCallingFor(&'static str),
    /// It had no effect, for this reason.
    Refused(SmolStr),
    /// It can't be: a bug, or somebody meddled. A person has to look at it.
    Impossible(SmolStr),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// For the event, and for [`State::apply`]. The commands of its `asked` steps go out in the same transaction.
    pub progress: Progress,
    pub end: Option<End>,
}

/// How a saga comes to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Every step is done.
    Completed,
    /// It had no effect: what was done has been undone.
    Rejected { code: SmolStr },
    /// Not an end: it waits for a person.
    Quarantined { step: &'static str, code: SmolStr },
}

impl Advance {
    fn of(progress: Progress) -> Self {
        Self { progress, end: None }
    }
}

/// No answer came to a command that was sent as often as the definition says.
pub const UNANSWERED: &str = "UNANSWERED";

impl Saga {
    /// The beginning: what is asked first. `now_ms`: record time, milliseconds since the epoch.
    pub fn begin(&self, now_ms: i64) -> Progress {
        let first = self.steps.iter().filter(|step| step.when == When::AtOnce);
        Progress {
            asked: first
                .map(|step| ask(step.name, step.within_ms, now_ms, 1))
                .collect(),
            ..Progress::default()
        }
    }

    /// What follows from an answer. `None`: nobody waits for it.
    ///
    /// An answer to a step that is still awaited counts also in quarantine, which it ends.
    pub fn answered(&self, state: &State, step: usize, reply: Reply, now_ms: i64) -> Option<Advance> {
        if !self.awaits(state, step) {
            return None;
        }
        let (verdict, code, calls_for) = match reply {
            Reply::Done => (Verdict::Done, None, None),
            Reply::DoneCallingFor(called) => (Verdict::Done, None, Some(called)),
            // A later attempt may find other circumstances, and have its effect.
            Reply::Refused(_) if state.awaits_more_than_this(step) => {
                return Some(Advance::of(Progress {
                    in_vain: Some(SmolStr::new_static(self.steps[step].name)),
                    ..Progress::default()
                }));
            }
            Reply::Refused(code) => (Verdict::Refused, Some(code), None),
            Reply::Impossible(code) => return Some(self.answered_in_vain(step, code)),
        };
        Some(self.ended(state, step, verdict, code, calls_for, now_ms))
    }

    /// What follows when the deadline of a step passes. `fall_back` gives what stands in for the answer. `None`: the
    /// step has ended meanwhile.
    pub fn timed_out(
        &self,
        state: &State,
        step: usize,
        now_ms: i64,
        fall_back: impl FnOnce() -> Reply,
    ) -> Option<Advance> {
        let StepState::Asked(attempt) = state.step(step) else {
            return None;
        };
        if !self.awaits(state, step) || state.is_quarantined() {
            return None;
        }
        let definition = &self.steps[step];
        Some(match definition.silence {
            Silence::AskAgain(attempts) if attempt < attempts => Advance::of(Progress {
                asked: [ask(definition.name, definition.within_ms, now_ms, attempt + 1)]
                    .into_iter()
                    .collect(),
                ..Progress::default()
            }),
            Silence::AskAgain(_) => self.quarantine(step, SmolStr::new_static(UNANSWERED)),
            Silence::TurnBack(code) => {
                let code = Some(SmolStr::new_static(code));
                self.ended(state, step, Verdict::TimedOut, code, None, now_ms)
            }
            Silence::FallBack => match fall_back() {
                Reply::Done => self.ended(state, step, Verdict::FellBack, None, None, now_ms),
                Reply::DoneCallingFor(called) => {
                    self.ended(state, step, Verdict::FellBack, None, Some(called), now_ms)
                }
                Reply::Refused(code) => self.ended(state, step, Verdict::Refused, Some(code), None, now_ms),
                Reply::Impossible(code) => self.quarantine(step, code),
            },
        })
    }

    /// A person lets a quarantined saga go on: what is awaited is asked once more, with deadlines from now. `None`: it
    /// is not quarantined.
    pub fn resumed(&self, state: &State, now_ms: i64) -> Option<Advance> {
        if !state.is_quarantined() {
            return None;
        }
        let again = |index: usize| match state.step(index) {
            StepState::Asked(attempt) if self.awaits(state, index) => {
                let step = &self.steps[index];
                Some(ask(step.name, step.within_ms, now_ms, attempt + 1))
            }
            _ => None,
        };
        Some(Advance::of(Progress {
            turned: Some(turn(Way::Resumed, None)),
            asked: (0..self.steps.len()).filter_map(again).collect(),
            ..Progress::default()
        }))
    }

    /// Whether an answer to the step still counts: on the way back only those of compensations do.
    fn awaits(&self, state: &State, step: usize) -> bool {
        let Some(definition) = self.steps.get(step) else {
            return false;
        };
        let undoes = matches!(definition.when, When::Undoing(_));
        let is_going_back = match &state.course {
            Course::Forward | Course::Quarantined { code: None } => false,
            Course::Back { .. } | Course::Quarantined { code: Some(_) } => true,
            Course::Ended => return false,
        };
        matches!(state.step(step), StepState::Asked(_)) && undoes == is_going_back
    }

    /// Steps whose deadlines no longer matter once the saga has turned like this: their timers can go.
    pub fn no_longer_awaited<'s>(
        &'s self,
        progress: &'s Progress,
    ) -> impl Iterator<Item = &'static str> + 's {
        let way = progress.turned.as_ref().map(|turned| turned.way);
        let gone = move |step: &&Step| match way {
            Some(Way::Ended | Way::Quarantined) => true,
            Some(Way::Back) => !matches!(step.when, When::Undoing(_)),
            Some(Way::Resumed) | None => progress
                .ended
                .as_ref()
                .is_some_and(|ended| ended.step == step.name),
        };
        self.steps.iter().filter(gone).map(|step| step.name)
    }

    /// The answer leaves a person to decide. It is counted, since the step may be asked again.
    fn answered_in_vain(&self, step: usize, code: SmolStr) -> Advance {
        let mut advance = self.quarantine(step, code);
        advance.progress.in_vain = Some(SmolStr::new_static(self.steps[step].name));
        advance
    }

    fn quarantine(&self, step: usize, code: SmolStr) -> Advance {
        let step = self.steps[step].name;
        Advance {
            progress: Progress {
                turned: Some(turn(Way::Quarantined, Some(code.clone()))),
                ..Progress::default()
            },
            end: Some(End::Quarantined { step, code }),
        }
    }

    fn ended(
        &self,
        state: &State,
        step: usize,
        verdict: Verdict,
        code: Option<SmolStr>,
        calls_for: Option<&'static str>,
        now_ms: i64,
    ) -> Advance {
        let name = SmolStr::new_static(self.steps[step].name);
        let mut progress = Progress {
            ended: Some(StepEnd {
                step: name,
                verdict,
                code: code.clone(),
            }),
            turned: state.is_quarantined().then(|| turn(Way::Resumed, None)),
            ..Progress::default()
        };
        let mut after = state.clone();
        after.steps[step] = StepState::Ended(verdict);
        let undoes = matches!(self.steps[step].when, When::Undoing(_));
        match verdict {
            // Nobody but a person can say what a compensation that is refused leaves, or what is to become of a step that
            // can't be undone any more.
            Verdict::Refused if undoes || self.is_past_pivot(&after) => {
                self.answered_in_vain(step, code.unwrap_or_default())
            }
            Verdict::TimedOut if undoes || self.is_past_pivot(&after) => {
                self.quarantine(step, code.unwrap_or_else(|| SmolStr::new_static(UNANSWERED)))
            }
            Verdict::Refused | Verdict::TimedOut => {
                self.turn_back(&after, progress, code.unwrap_or_default(), now_ms)
            }
            Verdict::Done | Verdict::FellBack if undoes => self.undone(&after, progress),
            Verdict::Done | Verdict::FellBack => {
                let by = When::CalledBy(self.steps[step].name);
                let is_called = |other: &&Step| other.when == by && Some(other.name) == calls_for;
                if let Some(called) = self.steps.iter().find(is_called) {
                    progress.asked.push(ask(called.name, called.within_ms, now_ms, 1));
                    return Advance::of(progress);
                }
                self.go_on(&after, progress, now_ms)
            }
        }
    }

    fn is_past_pivot(&self, state: &State) -> bool {
        let done = StepState::Ended(Verdict::Done);
        self.pivot().is_some_and(|pivot| state.step(pivot) == done)
    }

    /// Asks what has become ready; with nothing asked and nothing awaited the saga is complete.
    fn go_on(&self, after: &State, mut progress: Progress, now_ms: i64) -> Advance {
        let is_through = |name: &&str| {
            self.find(name).is_some_and(|index| match after.step(index) {
                StepState::Ended(verdict) => matches!(verdict, Verdict::Done | Verdict::FellBack),
                // Never called for: when its caller has ended without a call, there will be none.
                StepState::Idle => matches!(self.steps[index].when, When::CalledBy(_)),
                StepState::Asked(_) => false,
            })
        };
        for (index, step) in self.steps.iter().enumerate() {
            if let When::After(names) = step.when
                && after.step(index) == StepState::Idle
                && names.iter().all(is_through)
            {
                progress.asked.push(ask(step.name, step.within_ms, now_ms, 1));
            }
        }
        let awaits_nothing = after.awaited().next().is_none();
        if progress.asked.is_empty() && awaits_nothing {
            progress.turned = Some(turn(Way::Ended, None));
            return Advance {
                progress,
                end: Some(End::Completed),
            };
        }
        Advance::of(progress)
    }

    fn turn_back(&self, after: &State, mut progress: Progress, code: SmolStr, now_ms: i64) -> Advance {
        for index in 0..self.steps.len() {
            let maybe_done = match after.step(index) {
                StepState::Asked(_) => true,
                StepState::Ended(verdict) => verdict != Verdict::Refused,
                StepState::Idle => false,
            };
            if let Some(compensation) = self.compensation_of(index).filter(|_| maybe_done) {
                let step = &self.steps[compensation];
                progress.asked.push(ask(step.name, step.within_ms, now_ms, 1));
            }
        }
        if progress.asked.is_empty() {
            progress.turned = Some(turn(Way::Ended, Some(code.clone())));
            return Advance {
                progress,
                end: Some(End::Rejected { code }),
            };
        }
        progress.turned = Some(turn(Way::Back, Some(code)));
        Advance::of(progress)
    }

    /// A compensation is done; after the last one the saga is over.
    fn undone(&self, after: &State, mut progress: Progress) -> Advance {
        let mut others = after.awaited();
        if others.any(|index| matches!(self.steps[index].when, When::Undoing(_))) {
            return Advance::of(progress);
        }
        let code = match &after.course {
            Course::Back { code } | Course::Quarantined { code: Some(code) } => code.clone(),
            Course::Forward | Course::Quarantined { code: None } | Course::Ended => SmolStr::default(),
        };
        progress.turned = Some(turn(Way::Ended, Some(code.clone())));
        Advance {
            progress,
            end: Some(End::Rejected { code }),
        }
    }
}

fn ask(step: &'static str, within_ms: i64, now_ms: i64, attempt: u32) -> Ask {
    Ask {
        step: SmolStr::new_static(step),
        deadline: now_ms + within_ms,
        attempt,
    }
}

fn turn(way: Way, code: Option<SmolStr>) -> Turn {
    Turn { way, code }
}
