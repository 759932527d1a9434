//! What a worker asks of a log, and what it is told.
//!
//! The worker is a state machine; it never waits and never calls. It hands out one [`Action`] at a time, a driver
//! lets a [`Log`] perform it, and gives the worker the [`Input`] that came of it. So a test can stop, crash or fault
//! a worker between any two actions, and what runs in production is what was tested.
//!
//! No transaction is ever open between two actions: [`Action::Commit`] begins, writes, sends offsets and commits as
//! one. A partition can therefore be taken away only while nothing of it is half done.

use std::time::Duration;

use tributary_contracts::record::{Outgoing, Record};

/// Something that a log does for one worker.
#[derive(Debug)]
pub enum Action {
    /// Take part in the group, and hand over input. Answered by [`Input::Polled`].
    Poll(Poll),
    /// Make the transactional producer usable: fence former ones of the same transactional id and end what they left
    /// open. A producer in an unclear state is thrown away first. Answered by [`Input::Initialised`].
    Initialise,
    /// Say where a partition stands. Answered by [`Input::Located`].
    Locate { partition: i32 },
    /// Fetch the newest snapshot of a partition. Answered by [`Input::SnapshotLoaded`].
    LoadSnapshot { partition: i32 },
    /// Read committed events of a partition, from an offset. Answered by [`Input::EventsRead`].
    ReadEvents {
        partition: i32,
        from: i64,
        records_max: usize,
    },
    /// Let polls deliver this partition's input from this offset, also if that is behind what was delivered before.
    /// Until then, polls deliver nothing of an assigned partition. Answered by [`Input::Consuming`].
    Consume { partition: i32, from: i64 },
    /// Write records and consumed offsets in one transaction. Answered by [`Input::Ended`].
    Commit(Transaction),
    /// Leave the group and end. Answered by nothing.
    Stop { reason: StopReason },
}

/// How long and how much to poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// How long to wait for the first record or membership change.
    pub max_wait: Duration,
    /// How long after the poll's begin further records are gathered, once there is one.
    pub linger: Duration,
    /// 0: only membership; delivers no records.
    pub records_max: usize,
    /// Stop gathering once keys, headers and values sum up to this.
    pub bytes_max: usize,
}

impl Poll {
    /// Serves the group and waits, and takes no records.
    pub(crate) fn membership(max_wait: Duration) -> Self {
        Self {
            max_wait,
            linger: Duration::ZERO,
            records_max: 0,
            bytes_max: 0,
        }
    }
}

/// One transaction: records and the next input offset of each partition that it covers, never empty of offsets.
#[derive(Debug, Default)]
pub struct Transaction {
    pub records: Vec<Outgoing>,
    /// Partition and the offset after the last consumed record.
    pub next_inputs: Vec<(i32, i64)>,
}

/// Why a worker ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It was asked to.
    Asked,
    /// The log failed for good.
    Failed(Fault),
}

/// What came of an action, or of the world.
#[derive(Debug)]
pub enum Input {
    /// The first input of a new worker.
    Started,
    /// Finish: hand back partitions and stop. May come instead of the answer to [`Action::Poll`].
    StopAsked,
    Polled(Polled),
    Initialised(Result<(), Fault>),
    Located {
        partition: i32,
        located: Result<Located, Fault>,
    },
    SnapshotLoaded {
        partition: i32,
        snapshot: Option<Vec<u8>>,
    },
    EventsRead {
        partition: i32,
        read: Result<EventsRead, Fault>,
    },
    Consuming {
        partition: i32,
        result: Result<(), Fault>,
    },
    Ended(Ended),
}

/// What a poll brought. Revocations come before assignments, these before records; records only of partitions that
/// are assigned and for which [`Action::Consume`] was performed since they were assigned, in offset order.
#[derive(Debug, Default)]
pub struct Polled {
    /// No longer this worker's. Whoever gets them may be at work already.
    pub revoked: Vec<i32>,
    /// This worker's from now on.
    pub assigned: Vec<i32>,
    pub records: Vec<Record>,
    /// The poll itself failed.
    pub fault: Option<Fault>,
}

/// Where a partition stands. The fields were looked up in this order, which matters (KAFKA-10167).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Offset after the last consumed input, once no transaction that changes it is pending. `None`: a new group.
    pub committed: Option<i64>,
    /// First offset that the inbox still holds.
    pub inbox_start: i64,
    /// First offset that the events still hold.
    pub events_start: i64,
    /// High watermark of the events as a `read_uncommitted` client sees it: above it stands nothing of the past,
    /// below it may stand transactions that are still undecided.
    pub events_end: i64,
}

/// Committed events, in offset order.
#[derive(Debug, Default)]
pub struct EventsRead {
    pub records: Vec<Record>,
    /// Where to go on: after the last record, aborted record or control marker that was passed. It can move without
    /// any records. It never passes the last stable offset.
    pub next: i64,
}

/// How a transaction ended.
#[derive(Debug)]
pub enum Ended {
    /// Everything is in the log. Offsets of the records, in the order of [`Transaction::records`].
    Committed { offsets: Vec<i64> },
    /// Nothing of it is in the log, nor ever will be, and the producer can go on.
    Aborted(Fault),
    /// Neither is certain: the commit, or something since the begin, met an error, a disconnect or a time-out. The
    /// producer must be initialised anew and the state restored.
    InDoubt(Fault),
    /// Another owns the partitions or the transactional id by now; nothing of the transaction is or will be in the
    /// log. The producer must be initialised anew; membership will be told by polls.
    Fenced(Fault),
}

/// Something went wrong outside the worker. The text is for people and holds no record data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    pub kind: FaultKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Trying again may help: the broker is away, a coordinator moves, a time-out.
    Transient,
    /// The log no longer holds what is needed (retention, truncation). Nobody may go on as if it did.
    DataGone,
    /// Trying again won't help: no access, no such topic, a client that is broken for good.
    Fatal,
}

impl Fault {
    pub fn transient(message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Transient,
            message: message.into(),
        }
    }
}

/// Performs a worker's actions. One instance serves one worker, on one thread, and may block; a `Log` knows its
/// topics, group and transactional id from its own configuration.
pub trait Log {
    /// Performs one action and says what came of it. Not called with [`Action::LoadSnapshot`], which the driver's
    /// snapshot store answers, nor with [`Action::Stop`].
    fn perform(&mut self, action: Action) -> Input;
}
