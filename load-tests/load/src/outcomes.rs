//! What becomes of the payments: read from the log, and from the read model.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection, PgConnection};
use tributary_contracts::{codec, record::Record, topics::PAYMENTS_EVENTS};
use tributary_ids::{CommandId, PaymentId};
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

/// A payment that was sent, and its command, under whose id the timelines hold what followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) payment: PaymentId,
    pub(crate) command: CommandId,
    /// Since the start.
    pub(crate) intended: Duration,
}

/// A completed payment that is looked at more closely, hop by hop. Moments since the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followed {
    pub(crate) command: CommandId,
    pub(crate) intended: Duration,
    pub(crate) ended: Duration,
    /// When the read model showed its end.
    pub(crate) visible: Option<Duration>,
}

/// How, where and when a payment ended.
#[derive(Clone, Copy, Debug)]
struct End {
    how: &'static str,
    partition: i32,
    offset: i64,
    at: Duration,
}

/// An ended payment that the read model may not show yet.
struct Unseen {
    intended: Duration,
    /// Its place among those that are followed.
    followed: Option<usize>,
}

struct Shared {
    /// Payments that were sent and did not end.
    pending: HashMap<PaymentId, Sent>,
    /// Requests to the gateway whose answer is awaited: which payment they are is not known before.
    unanswered: usize,
    turned_away: u64,
    /// Ends of payments that nobody is known to have sent: the gateway's answer may come later. Kept only while requests
    /// are made.
    early: Option<HashMap<PaymentId, End>>,
    recorder: Recorder,
    /// Payments by how they ended.
    counts: BTreeMap<&'static str, u64>,
    /// By partition and offset of the end.
    unseen: BTreeMap<i32, BTreeMap<i64, Unseen>>,
    /// One in so many completed payments is followed.
    follow_every: u64,
    completed: u64,
    followed: Vec<Followed>,
    warm_up: Duration,
}

/// What was seen of a load.
pub(crate) struct Seen {
    pub(crate) recorder: Recorder,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) unfinished: u64,
    /// Requests that didn't lead to a payment.
    pub(crate) turned_away: u64,
    pub(crate) followed: Vec<Followed>,
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
    /// `asks`: payments are requests, whose answers name them.
    pub(crate) fn new(start: Start, warm_up: Duration, follow_every: u64, asks: bool) -> Self {
        Self {
            start,
            shared: Mutex::new(Shared {
                pending: HashMap::new(),
                unanswered: 0,
                turned_away: 0,
                early: asks.then(HashMap::new),
                recorder: Recorder::new(warm_up),
                counts: BTreeMap::new(),
                unseen: BTreeMap::new(),
                follow_every: follow_every.max(1),
                completed: 0,
                followed: Vec::new(),
                warm_up,
            }),
            stop: AtomicBool::new(false),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the payment is sent: its end may be seen before the sender is told that it was delivered.
    pub(crate) fn sent(&self, sent: Sent) {
        let mut shared = self.shared();
        shared.pending.insert(sent.payment, sent);
        shared.recorder.intended(sent.intended);
    }

    /// Before the gateway is asked.
    pub(crate) fn asked(&self, at: Duration) {
        let mut shared = self.shared();
        shared.unanswered += 1;
        shared.recorder.intended(at);
    }

    /// The gateway has the payment in the log.
    pub(crate) fn accepted(&self, sent: Sent) {
        let now = self.start.elapsed();
        let mut shared = self.shared();
        shared.unanswered = shared.unanswered.saturating_sub(1);
        shared.recorder.acknowledged(sent.intended, now);
        let early = shared
            .early
            .as_mut()
            .and_then(|early| early.remove(&sent.payment));
        match early {
            Some(end) => shared.ended(sent, end),
            None => {
                shared.pending.insert(sent.payment, sent);
            }
        }
    }

    /// The gateway did not take the payment.
    pub(crate) fn turned_away(&self, how: &'static str) {
        let mut shared = self.shared();
        shared.unanswered = shared.unanswered.saturating_sub(1);
        shared.turned_away += 1;
        *shared.counts.entry(how).or_default() += 1;
    }

    pub(crate) fn pending(&self) -> usize {
        let shared = self.shared();
        shared.pending.len() + shared.unanswered
    }

    /// Whether the read model shows every payment that has ended.
    pub(crate) fn all_visible(&self) -> bool {
        self.shared().unseen.values().all(BTreeMap::is_empty)
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
                shared.read(record, now);
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

    pub(crate) fn into_seen(self) -> Seen {
        let shared = self.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        Seen {
            recorder: shared.recorder,
            counts: shared.counts,
            unfinished: (shared.pending.len() + shared.unanswered) as u64,
            turned_away: shared.turned_away,
            followed: shared.followed,
        }
    }
}

impl Shared {
    fn read(&mut self, record: &Record, now: Duration) {
        let Some(how) = end_of(record) else { return };
        let payment = str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok());
        let Some(payment) = payment else { return };
        let end = End {
            how,
            partition: record.partition,
            offset: record.offset,
            at: now,
        };
        match (self.pending.remove(&payment), &mut self.early) {
            (Some(sent), _) => self.ended(sent, end),
            (None, Some(early)) => {
                early.insert(payment, end);
            }
            // What somebody else pays meanwhile, and a repetition's refusal, are not ours to measure.
            (None, None) => {}
        }
    }

    fn ended(&mut self, sent: Sent, end: End) {
        *self.counts.entry(end.how).or_default() += 1;
        self.recorder.ended(sent.intended, end.at);
        let followed = self.follow(&sent, &end);
        let unseen = self.unseen.entry(end.partition).or_default();
        let intended = sent.intended;
        unseen.insert(end.offset, Unseen { intended, followed });
    }

    fn follow(&mut self, sent: &Sent, end: &End) -> Option<usize> {
        if sent.intended < self.warm_up || end.how != "completed" {
            return None;
        }
        self.completed += 1;
        if !self.completed.is_multiple_of(self.follow_every) {
            return None;
        }
        self.followed.push(Followed {
            command: sent.command,
            intended: sent.intended,
            ended: end.at,
            visible: None,
        });
        Some(self.followed.len() - 1)
    }

    fn seen(&mut self, stored: &BTreeMap<i32, i64>, now: Duration) {
        for (partition, unseen) in &mut self.unseen {
            let next = stored.get(partition).copied().unwrap_or(0);
            let still_unseen = unseen.split_off(&next);
            for seen in std::mem::replace(unseen, still_unseen).into_values() {
                self.recorder.visible(seen.intended, now);
                if let Some(followed) = seen.followed.and_then(|place| self.followed.get_mut(place)) {
                    followed.visible = Some(now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tributary_contracts::record::Headers;

    use super::*;

    fn end(payment: PaymentId, offset: i64) -> Record {
        let mut headers = Headers::default();
        headers.push(codec::CE_TYPE, b"payments.payment-completed.v1");
        Record {
            partition: 0,
            offset,
            timestamp_ms: 0,
            key: payment.to_string().into_bytes(),
            headers,
            value: Vec::new(),
        }
    }

    fn sent(name: &str) -> Sent {
        Sent {
            payment: PaymentId::named(name),
            command: CommandId::named(name),
            intended: Duration::ZERO,
        }
    }

    #[test]
    fn an_end_that_is_read_before_the_gateways_answer_counts_all_the_same() {
        let outcomes = Outcomes::new(Start::now(), Duration::ZERO, 1, true);
        let (early, late) = (sent("early"), sent("late"));
        outcomes.asked(Duration::ZERO);
        outcomes.asked(Duration::ZERO);
        outcomes.accepted(late);
        let at = Duration::from_millis(20);
        outcomes.shared().read(&end(early.payment, 5), at);
        outcomes.shared().read(&end(late.payment, 9), at);
        assert_eq!(outcomes.pending(), 1);
        outcomes.accepted(early);
        assert_eq!(outcomes.pending(), 0);
        // The read model comes to the first of them.
        outcomes.shared().seen(&BTreeMap::from([(0, 6)]), at * 2);
        assert!(!outcomes.all_visible());
        outcomes.shared().seen(&BTreeMap::from([(0, 10)]), at * 3);
        assert!(outcomes.all_visible());
        let seen = outcomes.into_seen();
        assert_eq!(seen.counts["completed"], 2);
        let visible: Vec<_> = seen.followed.iter().map(|followed| followed.visible).collect();
        assert_eq!(visible, [Some(at * 3), Some(at * 2)]);
    }

    #[test]
    fn what_somebody_else_pays_and_what_was_turned_away_is_no_payment_of_the_load() {
        let outcomes = Outcomes::new(Start::now(), Duration::ZERO, 1, false);
        outcomes
            .shared()
            .read(&end(PaymentId::named("foreign"), 1), Duration::ZERO);
        outcomes.asked(Duration::ZERO);
        outcomes.turned_away("turned away (429)");
        let seen = outcomes.into_seen();
        assert_eq!((seen.unfinished, seen.turned_away), (0, 1));
        assert_eq!(seen.counts.get("completed"), None);
    }
}
