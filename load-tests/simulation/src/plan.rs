//! What is going to happen: a list of steps that a seed fixes, whatever comes of them. So a step can be left out of a
//! plan and the others stay the same.

use std::{collections::BTreeSet, fmt, str::FromStr};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_stream::memory::InjectedFault;

use crate::wish::Wish;

/// A Friday, eight in the morning by UTC: 15 January 2027.
const FIRST_DAY_MS: i64 = 1_800_000_000_000;

/// Days from there on which a run may begin, so that every kind of holiday and both changes of the clock lie in some: before
/// Easter, before Czech holidays that are none of the euro's in July and October, and before Christmas.
const DAYS: [i64; 5] = [0, 68, 168, 284, 341];

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// One thing that happens. Numbers that choose among what there is by then (`process`, `which`) count modulo how many
/// there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A client wants something: its command arrives at once or late, once or twice, and the acknowledgement comes back
    /// or not.
    Send {
        wish: Wish,
        delay_ms: i64,
        twice: bool,
        acknowledged: bool,
    },
    /// A client sends again what was sent before, under the same id.
    SendAgain { which: u32 },
    /// A process does what is next; trouble may strike meanwhile.
    Act { process: u32, trouble: Option<Trouble> },
    /// A process dies between two actions, and is started again.
    Crash { process: u32 },
    /// A process stands still, heartbeats included.
    Pause { process: u32, ms: i64 },
    /// All processes of a service stand still.
    Away { service: u32, ms: i64 },
    /// A process is taken for dead, and another is started under its names. It goes on.
    Replace { process: u32 },
    /// The group throws a member out.
    Expel { process: u32 },
    /// Time passes for everybody.
    Wait { ms: i64 },
    /// A read model's projection takes what is there, or dies before its transaction ends.
    Project { model: Model, dies: bool },
    /// A service's follower writes snapshots.
    Snapshot { service: u32 },
    /// Time leaps to a cut-off, when what waits for its day is due.
    Leap(Leap),
    /// All processes of a service stand still for minutes that pass at once, longer than any payment asks it again. Then
    /// an operator resumes what was quarantined, or doesn't.
    Outage { service: u32, ms: i64, resumed: bool },
}

/// Which read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    Ledger,
    Payments,
}

/// A leap of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leap {
    /// By the calendar of the euro, else of the koruna.
    pub(crate) euro: bool,
    /// To so manieth a cut-off from now on.
    pub(crate) cut_offs: usize,
    /// So long past it, or before it where negative.
    pub(crate) past_ms: i64,
    /// Nobody runs meanwhile, else all that is due before the cut-off is done, without trouble.
    pub(crate) asleep: bool,
}

/// What strikes an action, and at which of the points that it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) at: u32,
    /// Waits for the process's next transaction, where most can go wrong; else it strikes this action or none.
    pub(crate) waits_for_commit: bool,
    pub(crate) fault: InjectedFault,
}

/// A seed's steps, or some of them.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Steps of the whole plan.
    pub length: u32,
    /// Processes of each service.
    pub(crate) instances: u32,
    /// Day on which the run begins, counted from [`FIRST_DAY_MS`].
    pub(crate) day: i64,
    /// Number and step, in order.
    pub(crate) steps: Vec<(u32, Step)>,
}

/// Steps of a plan that are kept, and those of them whose trouble is left out: what a smaller run is repeated by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// None: all.
    pub kept: Option<Numbers>,
    pub calm: Numbers,
}

/// Numbers of steps, written as `1-4,7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(pub BTreeSet<u32>);

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64, length: u32) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let instances = random.random_range(1..=2);
        let day = DAYS[random.random_range(0..DAYS.len())];
        let steps = (0..length).map(|number| (number, step(&mut random))).collect();
        Self {
            seed,
            length,
            instances,
            day,
            steps,
        }
    }

    /// When it begins, milliseconds since the epoch.
    pub(crate) fn begins_ms(&self) -> i64 {
        FIRST_DAY_MS + self.day * DAY_MS
    }

    /// Only these steps.
    pub fn select(mut self, selection: &Selection) -> Self {
        if let Some(kept) = &selection.kept {
            self.steps.retain(|(number, _)| kept.0.contains(number));
        }
        for (number, step) in &mut self.steps {
            if selection.calm.0.contains(number) {
                step.calm();
            }
        }
        self
    }

    /// What this plan is of its seed's whole plan.
    pub fn selection(&self) -> Selection {
        let whole = Self::of(self.seed, self.length);
        let kept: BTreeSet<u32> = self.steps.iter().map(|(number, _)| *number).collect();
        let calm = self
            .steps
            .iter()
            .filter(|(number, step)| whole.steps.get(*number as usize).map(|(_, step)| step) != Some(step))
            .map(|(number, _)| *number)
            .collect();
        Selection {
            kept: (kept.len() < whole.steps.len()).then_some(Numbers(kept)),
            calm: Numbers(calm),
        }
    }
}

impl Step {
    /// Takes the trouble out of the step. Whether there was any.
    pub(crate) fn calm(&mut self) -> bool {
        match self {
            Self::Act { trouble, .. } => trouble.take().is_some(),
            Self::Send {
                delay_ms,
                twice,
                acknowledged,
                ..
            } => {
                let calm = (*delay_ms, *twice, *acknowledged) == (0, false, true);
                (*delay_ms, *twice, *acknowledged) = (0, false, true);
                !calm
            }
            _ => false,
        }
    }
}

fn step(random: &mut ChaCha8Rng) -> Step {
    match random.random_range(0..1_000) {
        0..100 => Step::Send {
            wish: Wish::draw(random),
            delay_ms: if random.random_bool(0.2) {
                random.random_range(1..20_000)
            } else {
                0
            },
            twice: random.random_bool(0.1),
            acknowledged: random.random_bool(0.9),
        },
        100..150 => Step::SendAgain {
            which: random.random(),
        },
        150..195 => Step::Wait {
            ms: random.random_range(1..200),
        },
        195..205 => Step::Wait {
            ms: random.random_range(1_000..40_000),
        },
        205..211 => Step::Crash {
            process: random.random(),
        },
        211..217 => Step::Pause {
            process: random.random(),
            ms: random.random_range(500..25_000),
        },
        217..221 => Step::Away {
            service: random.random(),
            ms: random.random_range(1_000..90_000),
        },
        221..224 => Step::Replace {
            process: random.random(),
        },
        224..227 => Step::Expel {
            process: random.random(),
        },
        227..257 => Step::Project {
            model: match random.random_bool(0.5) {
                true => Model::Ledger,
                false => Model::Payments,
            },
            dies: random.random_bool(0.1),
        },
        257..263 => Step::Snapshot {
            service: random.random(),
        },
        263..269 => Step::Leap(leap(random)),
        269..271 => Step::Outage {
            // Mostly of the ledger, since it is the one that payments ask again and again.
            service: match random.random_bool(0.7) {
                true => 0,
                false => random.random(),
            },
            ms: random.random_range(310_000..420_000),
            resumed: random.random_bool(0.8),
        },
        _ => Step::Act {
            process: random.random(),
            trouble: random.random_bool(1.0 / 40.0).then(|| trouble(random)),
        },
    }
}

fn leap(random: &mut ChaCha8Rng) -> Leap {
    Leap {
        euro: random.random_bool(0.4),
        cut_offs: match random.random_range(0..10) {
            0..7 => 1,
            7..9 => 2,
            _ => 5,
        },
        past_ms: match random.random_range(0..10) {
            0..4 => random.random_range(-2_000..0),
            4..9 => random.random_range(0..1_000),
            _ => random.random_range(-600_000..600_000),
        },
        asleep: random.random_bool(0.2),
    }
}

fn trouble(random: &mut ChaCha8Rng) -> Trouble {
    let fault = match random.random_range(0..11) {
        0 | 1 => InjectedFault::Crash,
        2 => InjectedFault::Stall {
            ms: random.random_range(100..14_000),
        },
        3 => InjectedFault::Expelled,
        4 => InjectedFault::JoinAnswerLost,
        5 => InjectedFault::Refused,
        6 => InjectedFault::Disconnected,
        7 => InjectedFault::Broken,
        8 => InjectedFault::CommitDelayed {
            ms: random.random_range(1..12_000),
        },
        9 => InjectedFault::MarkersDelayed {
            ms: random.random_range(1..5_000),
            at_once: random.random_range(0..3),
        },
        _ => InjectedFault::OffsetsFirst {
            ms: random.random_range(1..5_000),
        },
    };
    Trouble {
        at: random.random_range(0..8),
        waits_for_commit: random.random_bool(0.7),
        fault,
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.0.iter().copied().peekable();
        let mut first = true;
        while let Some(from) = numbers.next() {
            let mut to = from;
            while numbers.peek() == Some(&(to + 1)) {
                to += 1;
                numbers.next();
            }
            if !std::mem::take(&mut first) {
                f.write_str(",")?;
            }
            match from == to {
                true => write!(f, "{from}")?,
                false => write!(f, "{from}-{to}")?,
            }
        }
        Ok(())
    }
}

/// The text is no list of numbers such as `1-4,7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumbersError(String);

impl fmt::Display for NumbersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no list of step numbers such as 1-4,7", self.0)
    }
}

impl std::error::Error for NumbersError {}

impl FromStr for Numbers {
    type Err = NumbersError;

    fn from_str(text: &str) -> Result<Self, NumbersError> {
        let error = || NumbersError(text.to_owned());
        let mut numbers = BTreeSet::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let from: u32 = from.parse().map_err(|_| error())?;
            let to: u32 = to.parse().map_err(|_| error())?;
            // A plan has no more steps than that.
            if to < from || to > 10_000_000 {
                return Err(error());
            }
            numbers.extend(from..=to);
        }
        Ok(Self(numbers))
    }
}

impl fmt::Display for Selection {
    /// As arguments of the command.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kept) = &self.kept {
            write!(f, " --only {kept}")?;
        }
        match self.calm.0.is_empty() {
            true => Ok(()),
            false => write!(f, " --calm {}", self.calm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_read_as_ranges() {
        let numbers = Numbers([1, 2, 3, 7, 9, 10].into_iter().collect());
        assert_eq!(numbers.to_string(), "1-3,7,9-10");
        assert_eq!(numbers.to_string().parse(), Ok(numbers));
        assert_eq!("".parse(), Ok(Numbers::default()));
        assert!("4-2".parse::<Numbers>().is_err() && "x".parse::<Numbers>().is_err());
    }

    #[test]
    fn a_plan_is_its_seeds_and_a_part_of_it_is_told_by_numbers() {
        let plan = Plan::of(3, 400);
        assert_eq!(plan.steps, Plan::of(3, 400).steps);
        assert_eq!(
            plan.steps[..100],
            Plan::of(3, 100).steps,
            "a longer one goes on from a shorter"
        );
        let selection = Selection {
            kept: Some("0-99,200-399".parse().unwrap()),
            calm: "250-399".parse().unwrap(),
        };
        let part = plan.select(&selection);
        assert_eq!(part.steps.len(), 300);
        let again = Plan::of(3, 400).select(&part.selection());
        assert_eq!(again.steps, part.steps);
    }
}
