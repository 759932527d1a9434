//! The checker beside a running bank, on a thread of its own.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tracing::{error, warn};

use super::{
    CheckError, End, POLL_WAIT, conclude,
    feed::{Ends, Feed},
    now,
};
use crate::{
    alarm::{Alarms, LogClock},
    bank::BankCut,
    check::Totals,
    read_model::ReadModelCheck,
    report::Report,
    violation::Violation,
};

/// How often a running log is judged.
const CUT_INTERVAL: Duration = Duration::from_secs(1);

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub totals: Totals,
    /// Offsets of the events that were in the log and not yet checked, when last looked up.
    pub lag: u64,
    /// Cuts that were judged.
    pub cuts: u64,
    pub violations_total: u64,
    /// The first ones.
    pub violations: Vec<Violation>,
    /// Alarms that stand.
    pub alarms: u64,
}

/// A checker at work. Dropping it stops it.
pub struct Watch {
    stop: Arc<AtomicBool>,
    status: Arc<Mutex<Status>>,
    thread: Option<JoinHandle<Result<Feed, CheckError>>>,
}

/// Checks the log from its start and goes on with it, until [`Watch::finish`].
pub fn watch(brokers: &str) -> Result<Watch, CheckError> {
    let feed = Feed::open(brokers)?;
    let stop = Arc::new(AtomicBool::new(false));
    let status = Arc::new(Mutex::new(Status::default()));
    let watching = Watching {
        feed,
        status: Arc::clone(&status),
        cut: None,
        since: now(),
        clock: LogClock::default(),
        alarms: Alarms::default(),
        due: now(),
        cuts: 0,
        told: 0,
        lag: 0,
    };
    let stopped = Arc::clone(&stop);
    let thread = std::thread::Builder::new()
        .name("checker".to_owned())
        .spawn(move || watching.run(&stopped))
        .map_err(|_| CheckError::ThreadGone)?;
    Ok(Watch {
        stop,
        status,
        thread: Some(thread),
    })
}

impl Watch {
    /// How things stand now.
    pub fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it has given up: the log can't be read any more, and [`Watch::finish`] says why.
    pub fn has_failed(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Reads to the end and judges it.
    pub fn finish(
        mut self,
        end: End,
        read_models: &mut [Box<dyn ReadModelCheck>],
    ) -> Result<Report, CheckError> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or(CheckError::ThreadGone)?;
        let mut feed = thread.join().map_err(|_| CheckError::ThreadGone)??;
        conclude(&mut feed, end, read_models)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its verdict is not wanted any more.
            drop(thread.join());
        }
    }
}

/// A cut that was begun.
struct Begun {
    cut: BankCut,
    /// How far to read before it is judged.
    ends: Ends,
    /// By the log's time at its beginning: what was due before that has had its chance. All that was written by then is read when
    /// it is judged.
    due_before: Option<i64>,
}

/// The thread's state.
struct Watching {
    feed: Feed,
    status: Arc<Mutex<Status>>,
    cut: Option<Begun>,
    /// When it began to watch.
    since: Instant,
    clock: LogClock,
    alarms: Alarms,
    /// When to begin the next.
    due: Instant,
    cuts: u64,
    /// Violations that were logged.
    told: usize,
    lag: u64,
}

impl Watching {
    fn run(mut self, stop: &AtomicBool) -> Result<Feed, CheckError> {
        while !stop.load(Ordering::Relaxed) {
            match self.turn() {
                Ok(()) => {}
                // A broker that is away comes back, and the reader goes on where it was.
                Err(error) if error.is_transient() => warn!(%error, "the checker waits for the log"),
                Err(fatal) => {
                    error!(%fatal, "the checker gives up");
                    return Err(fatal);
                }
            }
            self.publish();
        }
        Ok(self.feed)
    }

    fn turn(&mut self) -> Result<(), CheckError> {
        self.feed.step(POLL_WAIT)?;
        if let Some(newest) = self.feed.check.newest() {
            self.clock.read_to(newest, self.since.elapsed());
        }
        match self.cut.take() {
            Some(begun) if self.feed.has_passed(&begun.ends) => {
                self.feed.check.end_cut(&begun.cut);
                if let Some(due_before) = begun.due_before {
                    self.alarms.set(self.feed.check.alarms(due_before));
                    self.feed.metrics.tell_alarms(&self.alarms);
                }
                self.lag = 0;
                self.cuts += 1;
                self.due = now() + CUT_INTERVAL;
            }
            Some(begun) => {
                self.lag = self.feed.lag(&begun.ends);
                self.cut = Some(begun);
            }
            None if now() >= self.due => {
                // Should the cut fail to begin, the next is not tried at once.
                self.due = now() + CUT_INTERVAL;
                let due_before = self.clock.due_before(self.since.elapsed());
                let (cut, ends) = self.feed.begin_cut()?;
                self.cut = Some(Begun {
                    cut,
                    ends,
                    due_before,
                });
            }
            None => {}
        }
        Ok(())
    }

    fn publish(&mut self) {
        let found = self.feed.check.findings();
        for violation in found.violations().iter().skip(self.told) {
            error!(%violation, "an invariant is broken");
        }
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.totals = self.feed.check.totals();
        status.lag = self.lag;
        status.cuts = self.cuts;
        status.alarms = self.alarms.standing().count() as u64;
        status.violations_total = found.violations_total();
        status
            .violations
            .extend_from_slice(&found.violations()[self.told..]);
        self.told = found.violations().len();
    }
}
