//! What can go wrong between a client and the broker, and when: planned from outside, so that it can be repeated.

use std::collections::VecDeque;

/// A moment in a log's work at which a fault may strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultPoint {
    Initialise,
    Locate {
        partition: i32,
    },
    ReadEvents {
        partition: i32,
    },
    Consume {
        partition: i32,
    },
    Poll,
    /// A transaction is about to begin; the broker knows nothing of it.
    Begin,
    /// The n-th record of the transaction, from 0, was written.
    Produced {
        n: usize,
    },
    /// All records were written; the offsets are about to be sent.
    Offsets,
    /// Records and offsets were sent; the commit is about to be asked for.
    Commit,
    /// The commit is decided; its answer is on the way.
    Prepared,
}

/// A fault. Where one makes no sense at a point, it doesn't strike and isn't counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectedFault {
    /// The process dies. What it left open stays open; the log answers nothing but fatal faults from now on.
    Crash,
    /// The process stands still, heartbeats included, while the broker's time moves on by so many milliseconds.
    Stall { ms: i64 },
    /// The group throws the member out, as if its session had timed out.
    Expelled,
    /// The group has seen a join of this member whose answer was lost, and knows it by another id from now on: it is
    /// fenced by itself. Seen when a broker was away for longer than a session.
    JoinAnswerLost,
    /// The broker answers with an error after which the client can go on; an open transaction is aborted cleanly.
    /// Not once a commit is decided.
    Refused,
    /// The connection is lost. A request that changes something arrived at [`FaultPoint::Initialise`] and
    /// [`FaultPoint::Prepared`] and its answer is lost; elsewhere in a transaction the next request never arrives.
    Disconnected,
    /// Trying again won't help. Not within a transaction.
    Broken,
    /// As [`Self::Disconnected`], but the request to commit arrives after all, so many milliseconds late
    /// (librdkafka#5423). Only at [`FaultPoint::Commit`].
    CommitDelayed { ms: i64 },
    /// The commit is decided and answered, but only `at_once` of its markers are written by then, and the others so
    /// many milliseconds later: readers don't see all of it yet. Only at [`FaultPoint::Commit`].
    MarkersDelayed { ms: i64, at_once: usize },
    /// As [`Self::MarkersDelayed`], and the offsets' marker is the first: what the group has consumed is known before
    /// anybody can read what came of it (KAFKA-10167). Only at [`FaultPoint::Commit`].
    OffsetsFirst { ms: i64 },
}

impl InjectedFault {
    /// Name of its kind, under which strikes are counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Stall { .. } => "stall",
            Self::Expelled => "expelled",
            Self::JoinAnswerLost => "join-answer-lost",
            Self::Refused => "refused",
            Self::Disconnected => "disconnected",
            Self::Broken => "broken",
            Self::CommitDelayed { .. } => "commit-delayed",
            Self::MarkersDelayed { .. } => "markers-delayed",
            Self::OffsetsFirst { .. } => "offsets-first",
        }
    }

    /// Whether it can strike there.
    pub(super) fn suits(&self, at: FaultPoint) -> bool {
        match self {
            Self::Crash | Self::Stall { .. } | Self::Expelled | Self::JoinAnswerLost | Self::Disconnected => {
                true
            }
            Self::Refused => at != FaultPoint::Prepared,
            Self::Broken => matches!(
                at,
                FaultPoint::Initialise
                    | FaultPoint::Locate { .. }
                    | FaultPoint::ReadEvents { .. }
                    | FaultPoint::Consume { .. }
                    | FaultPoint::Poll
            ),
            Self::CommitDelayed { .. } | Self::MarkersDelayed { .. } | Self::OffsetsFirst { .. } => {
                at == FaultPoint::Commit
            }
        }
    }
}

/// Decides which fault strikes when. Called at every point that a log passes; it may act on the broker meanwhile, as
/// other clients do, since nothing is locked then.
pub trait FaultPlan: Send {
    fn strike(&mut self, at: FaultPoint) -> Option<InjectedFault>;
}

/// Any function of the point, as a seeded one.
impl<F: FnMut(FaultPoint) -> Option<InjectedFault> + Send> FaultPlan for F {
    fn strike(&mut self, at: FaultPoint) -> Option<InjectedFault> {
        self(at)
    }
}

/// Nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl FaultPlan for NoFaults {
    fn strike(&mut self, _at: FaultPoint) -> Option<InjectedFault> {
        None
    }
}

/// Faults in a given order, each at the next time that its point is passed.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<(FaultPoint, InjectedFault)>,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = (FaultPoint, InjectedFault)>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
        }
    }
}

impl FaultPlan for Script {
    fn strike(&mut self, at: FaultPoint) -> Option<InjectedFault> {
        self.steps
            .pop_front_if(|(point, _)| *point == at)
            .map(|(_, fault)| fault)
    }
}
