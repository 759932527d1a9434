use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tributary_contracts::{
    codec::read_event,
    fraud::{Decision, FraudEvent, PayeesEvent, PaymentDecided},
    record::{Outgoing, Record},
    runtime::RuntimeEvent,
    topics::{FRAUD_EVENTS, FRAUD_INBOX, FRAUD_PAYEES_EVENTS},
};
use tributary_fraud_training::handbook::Transaction;
use tributary_money::Currency;
use tributary_stream::{
    StreamEvent,
    driver::wall_clock_ms,
    kafka::{CommandProducer, EventReader, Watermarks},
    log::Fault,
};

use crate::{
    Seen, Window,
    records::{Of, Records, payment_id},
    seen::Pace,
};

/// Rows that are taken from the window at once.
const SEND_AT_ONCE: usize = 500;

/// Records on their way to the broker. More than the window holds in most files.
const IN_FLIGHT_MAX: usize = 50_000;

/// How long a record waits for company on its way to the broker.
const LINGER: Duration = Duration::from_millis(2);

/// Records that a reader takes at once, and how long it waits for the first.
const READ: (Duration, usize) = (Duration::from_millis(100), 5_000);

/// How often the caller is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// What ends nothing for so long has lost what is under way.
const STALLED_AFTER: Duration = Duration::from_secs(60);

/// Transactions on their way through running services.
#[derive(Clone, Debug)]
pub struct Feed<'t> {
    /// In order of time, those of a second by id.
    pub transactions: &'t [Transaction],
    pub brokers: &'t str,
    pub currency: Currency,
    /// How far the event times of payments under way may lie apart, in seconds.
    pub bound_s: i64,
}

/// Why a feed ended early.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("the log: {0}")]
    Log(#[from] Fault),
    #[error("a thread of the feed panicked")]
    Panicked,
}

/// How far a feed is.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub elapsed: Duration,
    /// Decided or refused.
    pub ended: usize,
    /// Sent, and neither decided nor refused.
    pub under_way: usize,
    /// Event time up to which all is decided, in seconds since the epoch.
    pub watermark_s: Option<i64>,
}

struct State<'t> {
    window: Window<'t>,
    seen: Seen,
    pace: Pace,
    ended_last: Instant,
}

struct Shared<'t> {
    feed: &'t Feed<'t>,
    run: u64,
    start: Instant,
    state: Mutex<State<'t>>,
    /// Told when rows have ended.
    room: Condvar,
    over: AtomicBool,
    undelivered: Arc<AtomicU64>,
}

/// Sends the transactions, and the labels of frauds once they are decided on; returns when all have ended, when nothing more
/// does, or when it is `interrupted`.
///
/// # Errors
/// When the log can't be written or read.
pub fn stream(
    feed: &Feed<'_>,
    tell: &mut dyn FnMut(&Now),
    interrupted: &dyn Fn() -> bool,
) -> Result<Seen, FeedError> {
    let watermarks = Watermarks::connect(feed.brokers)?;
    let partitions = i32::try_from(watermarks.partitions(FRAUD_INBOX.name)?.len()).unwrap_or(i32::MAX);
    let open = |topic: &'static str| -> Result<EventReader, Fault> {
        EventReader::open(feed.brokers, topic, &watermarks.ends(topic)?)
    };
    let (customers, payees) = (open(FRAUD_EVENTS.name)?, open(FRAUD_PAYEES_EVENTS.name)?);
    let run = wall_clock_ms().unsigned_abs();
    let undelivered = Arc::new(AtomicU64::new(0));
    let shared = Shared {
        feed,
        run,
        start: now(),
        state: Mutex::new(State {
            window: Window::new(feed.transactions, feed.bound_s),
            seen: Seen {
                transactions: feed.transactions.len() as u64,
                features: vec![None; feed.transactions.len()],
                ..Seen::default()
            },
            pace: Pace::default(),
            ended_last: now(),
        }),
        room: Condvar::new(),
        over: AtomicBool::new(false),
        undelivered,
    };
    let records = || Records::new(run, partitions, feed.currency);
    thread::scope(|scope| {
        let threads = [
            scope.spawn(|| shared.until_over(|| shared.send(records()))),
            scope.spawn(|| shared.until_over(|| shared.read_customers(customers))),
            scope.spawn(|| shared.until_over(|| shared.read_payees(payees, &records()))),
        ];
        while !shared.is_over() {
            thread::sleep(TELL_EVERY);
            tell(&shared.look(interrupted()));
        }
        for thread in threads {
            thread.join().unwrap_or(Err(FeedError::Panicked))?;
        }
        Ok::<(), FeedError>(())
    })?;
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut seen = state.seen;
    seen.lost = (state.window.sent() - state.window.count()) as u64;
    seen.undelivered = shared.undelivered.load(Ordering::Relaxed);
    state.pace.tell(&mut seen);
    Ok(seen)
}

impl<'t> Shared<'t> {
    fn lock(&self) -> MutexGuard<'_, State<'t>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whoever ends by a fault ends the others too.
    fn until_over(&self, work: impl FnOnce() -> Result<(), FeedError>) -> Result<(), FeedError> {
        let ended = work();
        if ended.is_err() {
            self.over.store(true, Ordering::Relaxed);
        }
        ended
    }

    /// Says how far it is, and ends the feed when there is nothing left to wait for.
    fn look(&self, interrupted: bool) -> Now {
        let state = self.lock();
        let whole = state.window.count() == self.feed.transactions.len()
            && state.seen.labels.answered() == state.seen.labels.sent;
        if whole || interrupted || state.ended_last.elapsed() > STALLED_AFTER {
            self.over.store(true, Ordering::Relaxed);
        }
        Now {
            elapsed: self.start.elapsed(),
            ended: state.window.count(),
            under_way: state.window.sent() - state.window.count(),
            watermark_s: state.window.watermark_s(),
        }
    }

    fn send(&self, mut records: Records) -> Result<(), FeedError> {
        let count = Arc::clone(&self.undelivered);
        let producer =
            CommandProducer::connect(self.feed.brokers, LINGER, IN_FLIGHT_MAX, move |delivered| {
                if delivered.result.is_err() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })?;
        loop {
            let mut state = self.lock();
            let mut rows = state.window.take(SEND_AT_ONCE);
            while rows.is_empty() && rows.end < self.feed.transactions.len() && !self.is_over() {
                let waited = self.room.wait_timeout(state, TELL_EVERY);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                rows = state.window.take(SEND_AT_ONCE);
            }
            drop(state);
            if rows.is_empty() {
                return Ok(producer.flush()?);
            }
            for row in rows {
                producer.send(&records.assess(row, &self.feed.transactions[row]), row)?;
            }
        }
    }

    /// The first hop's events: only what it refuses ends there.
    fn read_customers(&self, mut reader: EventReader) -> Result<(), FeedError> {
        while !self.is_over() {
            let refused: Vec<(usize, String)> = reader
                .poll(READ.0, READ.1)?
                .records
                .iter()
                .filter(|record| record.ce_type().is_ok_and(|name| name.starts_with("tributary.")))
                .filter_map(|record| {
                    let event = read_event::<StreamEvent<FraudEvent>>(record).ok()?;
                    match (Records::cause(self.run, event.correlation_id)?, event.data) {
                        (Of::Payment(row), StreamEvent::Runtime(event)) => Some((row, code(event)?)),
                        _ => None,
                    }
                })
                .collect();
            let mut state = self.lock();
            for (row, code) in refused {
                state.refused(row, code);
            }
        }
        Ok(())
    }

    fn read_payees(&self, mut reader: EventReader, records: &Records) -> Result<(), FeedError> {
        let (written, labels_written) = mpsc::channel();
        let count = Arc::clone(&self.undelivered);
        let producer =
            CommandProducer::connect(self.feed.brokers, LINGER, IN_FLIGHT_MAX, move |delivered| {
                if delivered.result.is_err() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                // Nobody listens any more when the feed is over.
                let _over = written.send(delivered.token);
            })?;
        while !self.is_over() {
            let read = reader.poll(READ.0, READ.1)?.records;
            let events: Vec<_> = read.iter().filter_map(|record| self.read_payee(record)).collect();
            let mut labels: Vec<(usize, Outgoing)> = Vec::new();
            let mut state = self.lock();
            let before = state.window.count();
            for (of, event) in events {
                match (of, event) {
                    (Of::Payment(row), StreamEvent::Service(PayeesEvent::PaymentDecided(decided))) => {
                        if state.decided(row, &self.feed.transactions[row], &decided) {
                            labels.push((row, records.label(row, &decided)));
                        }
                    }
                    (Of::Payment(row), StreamEvent::Service(_)) => state.repeated(row),
                    (Of::Label(_), StreamEvent::Service(_)) => state.seen.labels.taken += 1,
                    (of, StreamEvent::Runtime(event)) => {
                        let Some(code) = code(event) else { continue };
                        match of {
                            Of::Payment(row) => state.refused(row, code),
                            Of::Label(_) => count_one(&mut state.seen.labels.refused, code),
                        }
                    }
                }
            }
            for row in labels_written.try_iter() {
                state.window.label_written(row);
            }
            let came = (state.window.count() - before) as u64;
            state.pace.came(self.start.elapsed(), came);
            drop(state);
            self.room.notify_one();
            for (row, label) in labels {
                producer.send(&label, row)?;
            }
        }
        Ok(())
    }

    /// An event of the second hop that follows from something of this run.
    fn read_payee(&self, record: &Record) -> Option<(Of, StreamEvent<PayeesEvent>)> {
        let event = read_event::<StreamEvent<PayeesEvent>>(record).ok()?;
        let of = Records::cause(self.run, event.correlation_id)?;
        let (Of::Payment(row) | Of::Label(row)) = of;
        (row < self.feed.transactions.len()).then_some((of, event.data))
    }
}

impl State<'_> {
    /// Returns whether its label has to be sent.
    fn decided(&mut self, row: usize, of: &Transaction, decided: &PaymentDecided) -> bool {
        if !self.end(row) {
            self.seen.doubled += 1;
            return false;
        }
        let told = match decided.decision.decision {
            Decision::Approve => "approve",
            Decision::Review => "review",
            Decision::Decline => "decline",
        };
        *self.seen.decisions.entry(told).or_default() += 1;
        let same = decided.payment_id == payment_id(of)
            && decided.initiated_at == of.at_s * 1_000
            && decided.amount == of.amount_minor;
        match tributary_fraud::features(decided) {
            Ok(features) if same => self.seen.features[row] = Some(features),
            _ => self.seen.strayed += 1,
        }
        if of.fraud {
            self.window.label_sent(row);
            self.seen.labels.sent += 1;
        }
        of.fraud
    }

    fn refused(&mut self, row: usize, code: String) {
        if self.end(row) {
            count_one(&mut self.seen.refused, code);
        }
    }

    fn repeated(&mut self, row: usize) {
        if self.end(row) {
            self.seen.repeated += 1;
        } else {
            self.seen.doubled += 1;
        }
    }

    fn end(&mut self, row: usize) -> bool {
        self.ended_last = now();
        self.window.end(row)
    }
}

fn count_one(counts: &mut BTreeMap<String, u64>, code: String) {
    *counts.entry(code).or_default() += 1;
}

/// Why a record had no effect.
fn code(event: RuntimeEvent) -> Option<String> {
    match event {
        RuntimeEvent::CommandRefused(refused) => Some(refused.code),
        RuntimeEvent::DeadLettered(dead) => Some(dead.code),
        RuntimeEvent::DuplicateIgnored(_) => Some("repeated".to_owned()),
        _ => None,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge that says how long a feed took, and when it waits in vain"
)]
fn now() -> Instant {
    Instant::now()
}
