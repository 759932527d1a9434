//! The checker on the bank's Kafka: [`check_all`] for a whole log at once, [`watch`] while the bank runs.
//!
//! Every judgement is made at a causally closed cut: take down what must be explained and the committed offsets, look
//! up the high watermarks, read every topic past them, judge.

mod feed;
mod watch;

use std::time::{Duration, Instant};

use tracing::warn;
use tributary_stream::log::{Fault, FaultKind};

use crate::{
    bank::BankCut,
    read_model::{ReadModelCheck, compare_all},
    report::Report,
};
use feed::{Ends, Feed};

pub use watch::{Status, Watch, watch};

/// How long one wait for records may be.
const POLL_WAIT: Duration = Duration::from_millis(100);

/// How long a log may stand still before its end. An abandoned transaction holds it up for ten seconds, a broker that was
/// killed comes back in as many.
const PROGRESS_MAX: Duration = Duration::from_secs(60);

/// Why the log could not be checked. That is no verdict: neither clean nor broken.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("the log can't be read: {0}")]
    Log(#[from] Fault),
    #[error("the services' committed offsets can't be looked up: {0}")]
    Offsets(#[source] Fault),
    #[error(
        "{service}: the inbox has {inbox} partitions and the events {events}; partition answers partition"
    )]
    PartitionsDiffer {
        service: &'static str,
        inbox: usize,
        events: usize,
    },
    #[error(
        "{service}: the events of partition {partition} begin at {start}: without their past nothing can be checked"
    )]
    EventsGone {
        service: &'static str,
        partition: i32,
        start: i64,
    },
    #[error("a read model can't be compared: {0}")]
    ReadModel(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Read-committed readers stop before a transaction that is open; one that nobody ends holds them up for ever.
    #[error("the log stands still before its end, as before a transaction that nobody ends: {at}")]
    NoProgress { at: String },
    #[error("the checker's thread ended by itself")]
    ThreadGone,
}

impl CheckError {
    /// Whether trying again may help.
    fn is_transient(&self) -> bool {
        match self {
            Self::Log(fault) => fault.kind == FaultKind::Transient,
            Self::Offsets(_) => true,
            _ => false,
        }
    }
}

/// How the end of a run is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// The bank is at rest or comes to rest within this time: then every input must be answered, no payment in transit
    /// or waiting for a service, and the committed offsets equal to the fold. `None`: it is alive, and what is under way is not held against it.
    pub at_rest_within: Option<Duration>,
    /// A hold that was due before this moment (milliseconds since the epoch) must have lapsed, and a payment's deadline must have been told.
    pub expired_before: Option<i64>,
}

/// Reads the whole log to its end and judges it.
pub fn check_all(
    brokers: &str,
    end: End,
    read_models: &mut [Box<dyn ReadModelCheck>],
) -> Result<Report, CheckError> {
    let mut feed = Feed::open(brokers)?;
    let ends = feed.ends()?;
    read_past(&mut feed, &ends)?;
    conclude(&mut feed, end, read_models)
}

/// Reads on until everything up to there was read. A broker that is away for a while is waited for.
fn read_past(feed: &mut Feed, ends: &Ends) -> Result<(), CheckError> {
    let mut read = feed.read_so_far();
    let mut deadline = now() + PROGRESS_MAX;
    while !feed.has_passed(ends) {
        let stepped = feed.step(POLL_WAIT);
        let now_read = feed.read_so_far();
        if now_read != read {
            read = now_read;
            deadline = now() + PROGRESS_MAX;
        }
        let out_of_patience = now() >= deadline;
        match stepped {
            Ok(()) if out_of_patience => {
                return Err(CheckError::NoProgress {
                    at: feed.missing(ends),
                });
            }
            Ok(()) => {}
            Err(fault) if fault.kind == FaultKind::Transient && !out_of_patience => {
                warn!(%fault, "the checker waits for the log");
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(())
}

/// Judges the end of a run.
fn conclude(
    feed: &mut Feed,
    end: End,
    read_models: &mut [Box<dyn ReadModelCheck>],
) -> Result<Report, CheckError> {
    let mut cut = match end.at_rest_within {
        Some(patience) => wait_for_rest(feed, patience)?,
        None => {
            let (cut, ends) = feed.begin_cut()?;
            read_past(feed, &ends)?;
            cut
        }
    };
    cut.expired_before = end.expired_before;
    cut.quiescent = end.at_rest_within.is_some();
    feed.check.end_cut(&cut);
    feed.check.check_sums(cut.expired_before);
    compare_all(read_models, feed.check.ledger_mut()).map_err(CheckError::ReadModel)?;
    feed.metrics.tell(&feed.check);
    Ok(Report::of(&feed.check, cut.quiescent))
}

/// Reads on until nothing is under way and nothing came during a whole cut, or the patience is over: then what is
/// still under way is a violation.
fn wait_for_rest(feed: &mut Feed, patience: Duration) -> Result<BankCut, CheckError> {
    let deadline = now() + patience;
    loop {
        let (cut, ends) = match feed.begin_cut() {
            Err(error) if error.is_transient() && now() < deadline => {
                warn!(%error, "the checker waits for the log");
                read_on(feed)?;
                continue;
            }
            begun => begun?,
        };
        let before = feed.read_so_far();
        read_past(feed, &ends)?;
        if (feed.is_quiet() && feed.read_so_far() == before) || now() >= deadline {
            return Ok(cut);
        }
        read_on(feed)?;
    }
}

/// One step; a log that is away for the moment is as good as one where nothing happens.
fn read_on(feed: &mut Feed) -> Result<(), CheckError> {
    match feed.step(POLL_WAIT).map_err(CheckError::from) {
        Err(error) if error.is_transient() => {
            warn!(%error, "the checker waits for the log");
            Ok(())
        }
        stepped => stepped,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to wait and how often to look; the verdict is on the log alone"
)]
fn now() -> Instant {
    Instant::now()
}
