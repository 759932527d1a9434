//! What becomes of the payments: read from the log, and from the read model.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection, PgConnection};
use tributary_contracts::{codec, record::Record, topics::PAYMENTS_EVENTS};
use tributary_ids::PaymentId;
use tributary_stream::kafka::EventReader;

use crate::{LoadError, clock::Start, recorder::Recorder};

/// How often the read model is asked how far it is: latencies until it shows a payment are this much too long at most.
const READ_MODEL_EVERY: Duration = Duration::from_millis(10);

/// Longest wait of one poll of the log, after which the watcher looks whether it is told to stop.
const POLL_WAIT: Duration = Duration::from_millis(100);

/// How far the payments' read model is.
const STORED: &str = "SELECT partition, next_offset FROM payments.projection_offsets WHERE topic = $1";

/// What is known so far; shared by whoever sends and whoever watches.
pub(crate) struct Outcomes {
    start: Start,
    shared: Mutex<Shared>,
    stop: AtomicBool,
}

struct Shared {
    /// Intended starts of payments that were sent and did not end.
    pending: HashMap<PaymentId, Duration>,
    recorder: Recorder,
    /// Payments by how they ended.
    counts: BTreeMap<&'static str, u64>,
    /// Ended payments that the read model may not show yet, by partition: offset of the end, and intended start.
    unseen: BTreeMap<i32, VecDeque<(i64, Duration)>>,
}

/// How a record of `payments.events` ends a payment, if it does.
fn end_of(record: &Record) -> Option<&'static str> {
    match record.headers.text(codec::CE_TYPE)? {
        "payments.payment-completed.v1" => Some("completed"),
        "payments.payment-rejected.v1" => Some("rejected"),
        "payments.payment-returned.v1" => Some("returned"),
        "payments.payment-quarantined.v1" => Some("quarantined"),
        "tributary.command-refused.v1" => Some("refused"),
        "tributary.dead-lettered.v1" => Some("dead-lettered"),
        _ => None,
    }
}

impl Outcomes {
    pub(crate) fn new(start: Start, warm_up: Duration) -> Self {
        Self {
            start,
            shared: Mutex::new(Shared {
                pending: HashMap::new(),
                recorder: Recorder::new(warm_up),
                counts: BTreeMap::new(),
                unseen: BTreeMap::new(),
            }),
            stop: AtomicBool::new(false),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the payment is sent: its end may be seen before the sender is told that it was delivered.
    pub(crate) fn intended(&self, payment: PaymentId, at: Duration) {
        let mut shared = self.shared();
        shared.pending.insert(payment, at);
        shared.recorder.intended(at);
    }

    pub(crate) fn pending(&self) -> usize {
        self.shared().pending.len()
    }

    /// Whether the read model shows every payment that has ended.
    pub(crate) fn all_visible(&self) -> bool {
        self.shared().unseen.values().all(VecDeque::is_empty)
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Reads the log until told to stop.
    pub(crate) fn watch_log(&self, mut reader: EventReader) -> Result<(), LoadError> {
        while !self.is_stopped() {
            let batch = reader.poll(POLL_WAIT, 10_000)?;
            let now = self.start.elapsed();
            let mut shared = self.shared();
            for record in &batch.records {
                shared.ended(record, now);
            }
        }
        Ok(())
    }

    /// Asks the read model until told to stop.
    pub(crate) fn watch_read_model(&self, database_url: &str) -> Result<(), LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut database = PgConnection::connect(database_url).await?;
            while !self.is_stopped() {
                let stored: Vec<(i32, i64)> = sqlx::query_as(STORED)
                    .bind(PAYMENTS_EVENTS.name)
                    .fetch_all(&mut database)
                    .await?;
                let stored = stored.into_iter().collect();
                let now = self.start.elapsed();
                self.shared().seen(&stored, now);
                tokio::time::sleep(READ_MODEL_EVERY).await;
            }
            Ok(())
        })
    }

    /// What was recorded; how many of each end; how many never ended.
    pub(crate) fn into_parts(self) -> (Recorder, BTreeMap<&'static str, u64>, u64) {
        let shared = self.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        (shared.recorder, shared.counts, shared.pending.len() as u64)
    }
}

impl Shared {
    fn ended(&mut self, record: &Record, now: Duration) {
        let Some(end) = end_of(record) else { return };
        let payment = str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok());
        // What somebody else pays meanwhile, and a repetition's refusal, are not ours to measure.
        let Some(intended) = payment.and_then(|payment: PaymentId| self.pending.remove(&payment)) else {
            return;
        };
        *self.counts.entry(end).or_default() += 1;
        self.recorder.ended(intended, now);
        let unseen = self.unseen.entry(record.partition).or_default();
        unseen.push_back((record.offset, intended));
    }

    fn seen(&mut self, stored: &BTreeMap<i32, i64>, now: Duration) {
        for (partition, unseen) in &mut self.unseen {
            let next = stored.get(partition).copied().unwrap_or(0);
            while let Some((_, intended)) = unseen.pop_front_if(|(offset, _)| *offset < next) {
                self.recorder.visible(intended, now);
            }
        }
    }
}
