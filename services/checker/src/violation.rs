//! What can be wrong, by the invariant that is broken.

use std::fmt;

use serde::Serialize;
use tributary_contracts::envelope::Position;

/// An invariant of the bank; `docs/invariants.md` has a section for each. The number is the one used there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// 1: every entry balances; per currency all postings sum to zero.
    Balanced,
    /// 2: per payment no more leaves transit than entered it, and nothing stays there in the end.
    Transit,
    /// 3: no discretionary debit left available below zero.
    Available,
    /// 4: a payment ends once, in time, and its end never changes.
    Ended,
    /// 5: one command id, one effect, and the one that was asked for.
    OneEffect,
    /// 6: a read model is the fold of the log up to its stored offsets.
    ReadModel,
    /// 7: reserved and adjusted = open + settled + released + expired.
    Holds,
    /// 8: sequences without gaps, balances that add up, one history of each account and of each partition.
    Sequence,
    /// 9: a refused command has no effect.
    Refused,
    /// 10: nothing settles without a decision that lets it.
    Decided,
    /// 11: totals of a report = totals of the ledger.
    ReportTotals,
    /// 12: records consumed = processed + dead-lettered.
    Consumed,
    /// 13: nothing books into a closed day.
    ClosedDays,
    /// 14: an alert names payments that were made, and is raised once.
    Alerts,
    /// 15: of each side of a transfer the laundering service is told once, as the ledger has it.
    TransfersTold,
}

impl Invariant {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Balanced,
        Self::Transit,
        Self::Available,
        Self::Ended,
        Self::OneEffect,
        Self::ReadModel,
        Self::Holds,
        Self::Sequence,
        Self::Refused,
        Self::Decided,
        Self::ReportTotals,
        Self::Consumed,
        Self::ClosedDays,
        Self::Alerts,
        Self::TransfersTold,
    ];

    pub fn number(self) -> u8 {
        match self {
            Self::Balanced => 1,
            Self::Transit => 2,
            Self::Available => 3,
            Self::Ended => 4,
            Self::OneEffect => 5,
            Self::ReadModel => 6,
            Self::Holds => 7,
            Self::Sequence => 8,
            Self::Refused => 9,
            Self::Decided => 10,
            Self::ReportTotals => 11,
            Self::Consumed => 12,
            Self::ClosedDays => 13,
            Self::Alerts => 14,
            Self::TransfersTold => 15,
        }
    }

    /// The invariant in a line.
    pub fn title(self) -> &'static str {
        match self {
            Self::Balanced => "every entry balances, per currency all is zero",
            Self::Transit => "in transit: credited <= settled, zero in the end",
            Self::Available => "no discretionary debit below zero",
            Self::Ended => "a payment ends once, in time",
            Self::OneEffect => "one command, one effect, as asked",
            Self::ReadModel => "read model = fold of the log",
            Self::Holds => "no orphan hold, holds add up",
            Self::Sequence => "no gap, balances add up",
            Self::Refused => "refused means no effect",
            Self::Decided => "nothing settles without a decision",
            Self::ReportTotals => "report totals = ledger totals",
            Self::Consumed => "consumed = processed + dead-lettered",
            Self::ClosedDays => "nothing books into a closed day",
            Self::Alerts => "an alert names made payments, once",
            Self::TransfersTold => "laundering is told of transfers once, as made",
        }
    }

    /// What is counted as checked.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Balanced => "entries",
            Self::Transit => "transfer steps",
            Self::Available => "debits and holds",
            Self::Ended => "payments",
            Self::OneEffect => "commands",
            Self::ReadModel => "rows",
            Self::Holds => "hold movements",
            Self::Sequence => "events",
            Self::Refused => "refusals",
            Self::Decided => "settlements",
            Self::ReportTotals => "totals",
            Self::Consumed => "input records",
            Self::ClosedDays => "bookings",
            Self::Alerts => "alerts",
            Self::TransfersTold => "sides of transfers",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl Serialize for Invariant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

/// An invariant is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub invariant: Invariant,
    /// Stable; `docs/invariants.md` lists all.
    pub code: &'static str,
    /// For people: ids and amounts, no personal data.
    pub what: String,
    /// The records that show it.
    pub at: Vec<Position>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.invariant, self.code, self.what)?;
        for position in &self.at {
            write!(
                f,
                " @ {}/{}:{}",
                position.topic, position.partition, position.offset
            )?;
        }
        Ok(())
    }
}

/// A record's place, without its topic's name: copied for every event, so it holds no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) topic: &'static str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl From<At> for Position {
    fn from(at: At) -> Self {
        Self {
            topic: at.topic.into(),
            partition: at.partition,
            offset: at.offset,
        }
    }
}

/// How many violations are kept in full; all are counted. One fault at the start of a log can make every later
/// record wrong, and the first ones tell the story.
pub const KEPT_MAX: usize = 1_000;

/// What was checked and what was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    checked: [u64; Invariant::ALL.len()],
    violated: [u64; Invariant::ALL.len()],
    kept: Vec<Violation>,
}

impl Findings {
    /// How often the invariant was checked, in its [`Invariant::unit`].
    pub fn checked(&self, invariant: Invariant) -> u64 {
        self.checked[invariant.index()]
    }

    /// How often it was broken.
    pub fn violated(&self, invariant: Invariant) -> u64 {
        self.violated[invariant.index()]
    }

    /// Violations of all invariants, those that are no longer kept included.
    pub fn violations_total(&self) -> u64 {
        self.violated.iter().sum()
    }

    /// The first [`KEPT_MAX`] violations.
    pub fn violations(&self) -> &[Violation] {
        &self.kept
    }

    /// Counts a check by something that the checker doesn't do itself.
    pub fn count_checked(&mut self, invariant: Invariant, times: u64) {
        self.checked[invariant.index()] += times;
    }

    /// Adds a violation that something else found.
    pub fn add(&mut self, violation: Violation) {
        self.violated[violation.invariant.index()] += 1;
        if self.kept.len() < KEPT_MAX {
            self.kept.push(violation);
        }
    }

    pub(crate) fn check(&mut self, invariant: Invariant) {
        self.checked[invariant.index()] += 1;
    }

    /// Texts are made only for what is kept.
    pub(crate) fn violate(
        &mut self,
        invariant: Invariant,
        code: &'static str,
        at: &[At],
        what: impl FnOnce() -> String,
    ) {
        self.violated[invariant.index()] += 1;
        if self.kept.len() < KEPT_MAX {
            self.kept.push(Violation {
                invariant,
                code,
                what: what(),
                at: at.iter().map(|at| (*at).into()).collect(),
            });
        }
    }
}
