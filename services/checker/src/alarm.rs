//! Alarms of a running bank: what should have happened by now and has not, and what waits for a person. An alarm stands until its
//! cause is gone. It is no violation: the bank may be slow, or a service away.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tracing::{error, info};
use tributary_contracts::payments::Subject;

/// How long after its time something may still happen without an alarm: longer than another instance needs to take over and a
/// broker to give up an open transaction.
pub const GRACE: Duration = Duration::from_secs(60);

/// Most alarms that one look logs one by one.
const LOGGED_MAX: usize = 20;

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// A step's deadline is over, and the payment neither went on nor ended.
    DeadlineMissed,
    /// A scheduled payment's or standing order's time is over, and no payment began.
    NotBegun,
    /// A payment is quarantined: a person must look into it.
    Quarantined,
}

impl AlarmKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DeadlineMissed, Self::NotBegun, Self::Quarantined];

    /// Stable; `docs/invariants.md` lists all.
    pub fn code(self) -> &'static str {
        match self {
            Self::DeadlineMissed => "DEADLINE_MISSED",
            Self::NotBegun => "NOT_BEGUN",
            Self::Quarantined => "QUARANTINED",
        }
    }
}

/// Something that a person must hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub kind: AlarmKind,
    /// The payment or standing order.
    pub subject: Subject,
    /// When it should have happened, in milliseconds since the epoch; none of what is quarantined.
    pub due: Option<i64>,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.subject {
            Subject::Payment(_) => "payment",
            Subject::Order(_) => "standing order",
        };
        write!(f, "{}: {what} {}", self.kind.code(), self.subject)?;
        match self.due {
            Some(due) => write!(f, ", due {due}"),
            None => Ok(()),
        }
    }
}

/// The alarms that stand.
#[derive(Debug, Default)]
pub struct Alarms {
    standing: BTreeMap<(AlarmKind, Subject), Alarm>,
}

impl Alarms {
    /// Takes what is the case now: logs what is new and what is over.
    pub fn set(&mut self, now: Vec<Alarm>) {
        let now: BTreeMap<_, _> = now
            .into_iter()
            .map(|alarm| ((alarm.kind, alarm.subject), alarm))
            .collect();
        let raised: Vec<_> = now
            .iter()
            .filter(|(key, _)| !self.standing.contains_key(*key))
            .collect();
        for (_, alarm) in raised.iter().take(LOGGED_MAX) {
            error!(code = alarm.kind.code(), %alarm, "an alarm is raised");
        }
        if raised.len() > LOGGED_MAX {
            error!(more = raised.len() - LOGGED_MAX, "further alarms are raised");
        }
        let over = self.standing.iter().filter(|(key, _)| !now.contains_key(*key));
        for (_, alarm) in over.take(LOGGED_MAX) {
            info!(code = alarm.kind.code(), %alarm, "an alarm is over");
        }
        self.standing = now;
    }

    /// Those that stand, in the order of their kinds.
    pub fn standing(&self) -> impl Iterator<Item = &Alarm> {
        self.standing.values()
    }

    /// How many of a kind stand.
    pub fn count(&self, kind: AlarmKind) -> u64 {
        self.standing().filter(|alarm| alarm.kind == kind).count() as u64
    }
}

/// The log's own time: that of its newest record, and what has passed since that was read. So a log of last year is judged by
/// last year's time, and one in which nothing is written any more still ages.
#[derive(Debug, Default)]
pub struct LogClock {
    /// The newest record's time in milliseconds since the epoch, and the time on the reader's clock when it was read.
    newest: Option<(i64, Duration)>,
    /// When the log went on after it had stood still for longer than the grace, or was first read.
    resumed: i64,
}

impl LogClock {
    /// Records up to this time (milliseconds since the epoch) were read. `at`: on a clock of the reader's that never goes back.
    pub fn read_to(&mut self, record_ms: i64, at: Duration) {
        let now = self.now(at);
        if now.is_none_or(|now| record_ms.saturating_sub(now) > grace_ms()) {
            self.resumed = record_ms;
        }
        if now.is_none_or(|now| record_ms > now) {
            self.newest = Some((record_ms, at));
        }
    }

    /// The log's time, in milliseconds since the epoch. None: nothing was read.
    pub fn now(&self, at: Duration) -> Option<i64> {
        let (newest, read_at) = self.newest?;
        let since = i64::try_from(at.saturating_sub(read_at).as_millis()).unwrap_or(i64::MAX);
        Some(newest.saturating_add(since))
    }

    /// What was due before this (milliseconds since the epoch) has had its chance. A bank that was down is given the grace anew
    /// from when its log goes on: what fell due meanwhile is about to be done.
    pub fn due_before(&self, at: Duration) -> Option<i64> {
        let now = self.now(at)?;
        let before = now.saturating_sub(grace_ms());
        Some(if before > self.resumed { before } else { i64::MIN })
    }
}

fn grace_ms() -> i64 {
    i64::try_from(GRACE.as_millis()).unwrap_or(i64::MAX)
}
