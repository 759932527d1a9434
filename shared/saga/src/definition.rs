/// A saga, as data.
#[derive(Debug)]
pub struct Saga {
    /// Stable, such as `internal-transfer`.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub title: &'static str,
    /// The forward steps in the order in which a reader expects them, and their compensations.
    pub steps: &'static [Step],
}

/// Something that another service, or a person, is asked to do.
#[derive(Debug)]
pub struct Step {
    /// Stable: it stands in events.
    pub name: &'static str,
    /// Who does it.
    pub by: &'static str,
    /// What is asked, for people.
    pub asks: &'static str,
    pub when: When,
    /// Once it is done, nothing is undone any more.
    pub pivot: bool,
    /// Milliseconds for which an answer is awaited.
    pub within_ms: i64,
    /// What happens when none comes.
    pub silence: Silence,
}

/// When a step is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When the saga begins.
    AtOnce,
    /// When all of these are done, or were never called for.
    After(&'static [&'static str]),
    /// When this step's answer calls for it, and then before anything that comes after both.
    CalledBy(&'static str),
    /// When the saga turns back and that step was done, or may have been: its compensation.
    Undoing(&'static str),
}

/// What a deadline without an answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The saga turns back, with this code.
    TurnBack(&'static str),
    /// A documented rule of the saga stands in for the answer; the event says so.
    FallBack,
    /// The same command is sent again, so many times in all, then the saga is quarantined.
    AskAgain(u32),
}

/// What is wrong with a saga's definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    #[error("two steps are called {0}")]
    NamedTwice(&'static str),
    #[error("{step} refers to {to}, which is no step")]
    UnknownStep { step: &'static str, to: &'static str },
    #[error("there are two pivots, {0} and {1}")]
    TwoPivots(&'static str, &'static str),
    #[error("{0} may still be refused when the pivot is asked: the pivot has to wait for it")]
    BesidesThePivot(&'static str),
    #[error("{0} must be asked again until it is done: it is a compensation, the pivot, or after it")]
    MayGiveUp(&'static str),
    #[error("{0} comes after the pivot, and so nothing may undo it")]
    UndoneAfterPivot(&'static str),
    #[error("no step is asked at once")]
    NeverBegins,
}

impl Saga {
    /// Index of the step of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == name)
    }

    pub(crate) fn pivot(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.pivot)
    }

    /// The compensation of a step, if it has one.
    pub(crate) fn compensation_of(&self, step: usize) -> Option<usize> {
        let name = self.steps[step].name;
        self.steps
            .iter()
            .position(|other| other.when == When::Undoing(name))
    }

    /// Everything that is wrong with the definition; a test of each saga wants none.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            if self.find(step.name) != Some(index) {
                flaws.push(Flaw::NamedTwice(step.name));
            }
            let refers_to: &[&'static str] = match &step.when {
                When::After(names) => names,
                When::Undoing(name) | When::CalledBy(name) => std::slice::from_ref(name),
                When::AtOnce => &[],
            };
            for to in refers_to {
                if self.find(to).is_none() {
                    flaws.push(Flaw::UnknownStep { step: step.name, to });
                }
            }
        }
        if !self.steps.iter().any(|step| step.when == When::AtOnce) {
            flaws.push(Flaw::NeverBegins);
        }
        if flaws.is_empty() {
            self.check_pivot(&mut flaws);
        }
        flaws
    }

    fn check_pivot(&self, flaws: &mut Vec<Flaw>) {
        let pivots: Vec<&Step> = self.steps.iter().filter(|step| step.pivot).collect();
        if let [first, second, ..] = pivots[..] {
            flaws.push(Flaw::TwoPivots(first.name, second.name));
        }
        let pivot = self.pivot();
        for (index, step) in self.steps.iter().enumerate() {
            let undoes = matches!(step.when, When::Undoing(_));
            let before = pivot.is_some_and(|pivot| self.waits_for(pivot, index));
            let from_pivot_on = pivot.is_some_and(|pivot| pivot == index || self.waits_for(index, pivot));
            if (undoes || from_pivot_on) && !matches!(step.silence, Silence::AskAgain(1..)) {
                flaws.push(Flaw::MayGiveUp(step.name));
            }
            if from_pivot_on && self.compensation_of(index).is_some() {
                flaws.push(Flaw::UndoneAfterPivot(step.name));
            }
            if pivot.is_some() && !undoes && !before && !from_pivot_on {
                flaws.push(Flaw::BesidesThePivot(step.name));
            }
        }
    }

    /// Whether `later` is asked only after `earlier` has ended.
    fn waits_for(&self, later: usize, earlier: usize) -> bool {
        let When::After(names) = self.steps[later].when else {
            return false;
        };
        let mut before = names.iter().filter_map(|name| self.find(name));
        before.any(|step| step == earlier || self.waits_for(step, earlier))
    }
}
