//! The end of an events topic, read by one thread for everybody: who waits for an answer, and who listens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tributary_contracts::codec::{DecodeError, RawEvent};
use tributary_contracts::record::Record;
use tributary_contracts::topics::Topic;
use tributary_ids::CommandId;
use tributary_stream::kafka::{EventReader, Watermarks};
use tributary_stream::log::Fault;
use uuid::Uuid;

use super::{Lag, Waiters};
use crate::position::Position;

/// How far before the end it begins: the last events tell how far the service has come.
const BEGIN_BEFORE_END: i64 = 200;

/// Longest wait for events before the thread looks whether it should stop.
const POLL: Duration = Duration::from_millis(200);

/// Most events of one poll.
const POLL_RECORDS_MAX: usize = 1_000;

/// How long it rests when the log is away.
const REST: Duration = Duration::from_millis(500);

/// Events that listeners may be behind before they have to read from the log themselves.
const LIVE_EVENTS: usize = 2_048;

/// An event that came by.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) position: Position,
    pub(crate) command_id: CommandId,
    /// The offset, in the same partition of the service's inbox, of the record that it answers.
    pub(crate) answers: i64,
    /// With it the record is done: no further event answers it.
    pub(crate) last: bool,
    /// What its record is keyed by, where that is an id.
    pub(crate) key: Option<Uuid>,
    /// As it stands in the log.
    pub(crate) record: Record,
}

impl Seen {
    pub(crate) fn read(topic: &'static str, record: Record) -> Result<Self, DecodeError> {
        let raw = RawEvent::read(&record)?;
        Ok(Self {
            position: Position::new(topic, record.partition, record.offset),
            command_id: raw.envelope.command_id,
            answers: raw.envelope.origin.offset,
            last: raw.envelope.index + 1 >= raw.envelope.of,
            key: Uuid::try_parse_ascii(&record.key).ok(),
            record,
        })
    }

    #[cfg(test)]
    pub(crate) fn for_tests(command_id: CommandId, key: Option<Uuid>) -> Self {
        Self {
            position: Position::new("payments.events", 0, 0),
            command_id,
            answers: 0,
            last: true,
            key,
            record: Record {
                partition: 0,
                offset: 0,
                timestamp_ms: 0,
                key: Vec::new(),
                headers: tributary_contracts::record::Headers::default(),
                value: Vec::new(),
            },
        }
    }
}

/// What one events topic tells those who ask.
pub(crate) struct Tail {
    pub(crate) topic: &'static str,
    /// The inbox that the events answer.
    pub(crate) inbox: &'static str,
    pub(crate) lag: Lag,
    pub(crate) waiters: Arc<Waiters>,
    live: broadcast::Sender<Arc<Seen>>,
    /// Where each partition goes on after the last event that was handed out.
    next: watch::Sender<BTreeMap<i32, i64>>,
    /// Whether the last poll went well.
    reads: AtomicBool,
}

impl Tail {
    /// Every event from now on; one that is not read in time is missing, and the receiver says so.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Seen>> {
        self.live.subscribe()
    }

    /// Where each partition goes on: what stands before it was handed out to those who listened then.
    pub(crate) fn next(&self) -> BTreeMap<i32, i64> {
        self.next.borrow().clone()
    }

    /// Changes whenever events came.
    pub(crate) fn watch(&self) -> watch::Receiver<BTreeMap<i32, i64>> {
        self.next.subscribe()
    }

    /// Whether events can be read.
    pub(crate) fn reads(&self) -> bool {
        self.reads.load(Ordering::Relaxed)
    }

    fn take(&self, record: Record) {
        let (partition, offset) = (record.partition, record.offset);
        let seen = match Seen::read(self.topic, record) {
            Ok(seen) => Arc::new(seen),
            Err(error) => {
                // Projections and the checker stop at it; a gateway that did would only add to the trouble.
                let code = error.code();
                tracing::error!(
                    topic = self.topic,
                    partition,
                    offset,
                    code,
                    "an event can't be read"
                );
                return;
            }
        };
        if seen.last {
            self.lag.answered(partition, seen.answers);
        }
        // Before it is handed out: whoever listens from now on, and is told a place before this event, gets it.
        self.next.send_modify(|next| {
            next.insert(partition, offset + 1);
        });
        self.waiters.tell(&seen);
        // Nobody may be listening.
        drop(self.live.send(seen));
    }
}

/// The thread that reads a tail.
pub(crate) struct TailThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TailThread {
    /// Reads from about the end of the topic as it is now.
    pub(crate) fn start(brokers: &str, topic: Topic, inbox: Topic) -> Result<(Arc<Tail>, Self), Fault> {
        let watermarks = Watermarks::connect(brokers)?;
        let starts = watermarks.starts(topic.name)?;
        let ends = watermarks.ends(topic.name)?;
        let begin = |(partition, end): (&i32, &i64)| {
            let start = starts.get(partition).copied().unwrap_or_default();
            (*partition, (end - BEGIN_BEFORE_END).max(start))
        };
        let from: BTreeMap<i32, i64> = ends.iter().map(begin).collect();
        let tail = Arc::new(Tail {
            topic: topic.name,
            inbox: inbox.name,
            lag: Lag::default(),
            waiters: Arc::default(),
            live: broadcast::channel(LIVE_EVENTS).0,
            next: watch::channel(from.clone()).0,
            reads: AtomicBool::new(true),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let reader = EventReader::open(brokers, topic.name, &from)?;
        let run = Run {
            brokers: brokers.to_owned(),
            tail: Arc::clone(&tail),
            stop: Arc::clone(&stop),
        };
        let thread = std::thread::Builder::new()
            .name(format!("tail of {}", topic.name))
            .spawn(move || run.read(reader))
            .map_err(|error| Fault::transient(format!("no thread can be started: {error}")))?;
        Ok((
            tail,
            Self {
                stop,
                thread: Some(thread),
            },
        ))
    }
}

impl Drop for TailThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has no outcome.
            drop(thread.join());
        }
    }
}

struct Run {
    brokers: String,
    tail: Arc<Tail>,
    stop: Arc<AtomicBool>,
}

impl Run {
    fn read(&self, reader: EventReader) {
        let mut reader = Some(reader);
        // Also past markers, which the tail's own places don't count.
        let mut from = self.tail.next();
        while !self.stop.load(Ordering::Relaxed) {
            let polled = match reader.as_mut() {
                Some(reader) => reader.poll(POLL, POLL_RECORDS_MAX),
                None => match EventReader::open(&self.brokers, self.tail.topic, &from) {
                    Ok(opened) => {
                        reader = Some(opened);
                        continue;
                    }
                    Err(fault) => Err(fault),
                },
            };
            self.tail.reads.store(polled.is_ok(), Ordering::Relaxed);
            match polled {
                Ok(batch) => {
                    for record in batch.records {
                        self.tail.take(record);
                    }
                    from = batch.next;
                }
                Err(fault) => {
                    tracing::warn!(topic = self.tail.topic, %fault, "events can't be read");
                    reader = None;
                    std::thread::sleep(REST);
                }
            }
        }
    }
}
