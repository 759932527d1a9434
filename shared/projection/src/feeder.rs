//! Reads and decodes ahead, on a thread of its own, so that the next batch is at hand when one is written.

use std::{sync::Arc, thread, time::Duration};

use tokio::sync::mpsc;
use tributary_contracts::codec::Message;
use tributary_stream::log::Fault;

use crate::{EventBatch, EventSource, EventTopic, Offsets, Poison, decode};

/// Batches that wait to be taken. Bounds memory: one is written, so many wait, one is read.
const BATCHES_AHEAD: usize = 2;

/// How long a poll may wait; and so how long the thread outlives a stream that was dropped.
const POLL_WAIT: Duration = Duration::from_millis(200);

/// Decoded events of a topic, read ahead by a thread.
pub struct EventStream<E> {
    batches: mpsc::Receiver<Result<EventBatch<E>, StreamEnd>>,
    topic: String,
}

/// Why nothing more comes.
#[derive(Debug)]
pub enum StreamEnd {
    /// The source failed; if the fault is transient, a new stream may go on.
    Fault(Fault),
    /// An event can't be decoded. What stood before it was handed over.
    Poison(Poison),
}

impl<E: Message + Send + 'static> EventStream<E> {
    /// Starts reading these partitions, each from its offset.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start(topic: Arc<dyn EventTopic>, from: Offsets, records_max: usize) -> std::io::Result<Self> {
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let name = topic.name().to_owned();
        thread::Builder::new()
            .name(format!("read {name}"))
            .spawn(move || {
                if let Err(end) = feed(topic.as_ref(), from, records_max, &sender) {
                    // Nobody listens any more: nothing to tell.
                    drop(sender.blocking_send(Err(end)));
                }
            })?;
        Ok(Self { batches, topic: name })
    }

    /// The next stretch, together with what follows it and is at hand, up to some `events_max`. Dropping the future
    /// loses nothing.
    ///
    /// # Errors
    /// Nothing more comes from this stream.
    pub async fn next(&mut self, events_max: usize) -> Result<EventBatch<E>, StreamEnd> {
        let mut batch = match self.batches.recv().await {
            Some(batch) => batch?,
            None => {
                return Err(StreamEnd::Fault(Fault::transient(format!(
                    "the thread that reads {} ended",
                    self.topic
                ))));
            }
        };
        while batch.events.len() < events_max
            && let Ok(following) = self.batches.try_recv()
        {
            match following {
                Ok(following) => batch.extend(following),
                Err(end) => {
                    self.postpone(end);
                    break;
                }
            }
        }
        Ok(batch)
    }

    /// Keeps the end for the next call: what came before it is applied first.
    fn postpone(&mut self, end: StreamEnd) {
        let (sender, batches) = mpsc::channel(1);
        // The channel is new and has room.
        drop(sender.try_send(Err(end)));
        self.batches = batches;
    }
}

fn feed<E: Message>(
    topic: &dyn EventTopic,
    from: Offsets,
    records_max: usize,
    sender: &mpsc::Sender<Result<EventBatch<E>, StreamEnd>>,
) -> Result<(), StreamEnd> {
    let mut source: Box<dyn EventSource> = topic.read(&from).map_err(StreamEnd::Fault)?;
    let mut from = from;
    let mut was_at_end = false;
    while !sender.is_closed() {
        let polled = source.poll(POLL_WAIT, records_max).map_err(StreamEnd::Fault)?;
        if polled.next == from && polled.at_end == was_at_end {
            continue;
        }
        let mut batch = EventBatch {
            from: std::mem::replace(&mut from, polled.next.clone()),
            next: polled.next,
            events: Vec::with_capacity(polled.records.len()),
            at_end: polled.at_end,
        };
        was_at_end = polled.at_end;
        let mut poison = None;
        for record in &polled.records {
            match decode(record) {
                Ok(event) => batch.events.push(event),
                Err(error) => {
                    poison = Some(Poison {
                        topic: topic.name().to_owned(),
                        partition: record.partition,
                        offset: record.offset,
                        code: error.code(),
                        detail: error.to_string(),
                    });
                    break;
                }
            }
        }
        if let Some(poison) = poison {
            batch.stop_before(&poison);
            drop(sender.blocking_send(Ok(batch)));
            return Err(StreamEnd::Poison(poison));
        }
        if sender.blocking_send(Ok(batch)).is_err() {
            break;
        }
    }
    Ok(())
}

impl<E> EventBatch<E> {
    /// Ends each partition's stretch after the last event that was decoded, so that nothing is passed over.
    fn stop_before(&mut self, poison: &Poison) {
        self.at_end = false;
        self.next = self.from.clone();
        for event in &self.events {
            if let Some(next) = self.next.get_mut(&event.partition) {
                *next = (*next).max(event.offset + 1);
            }
        }
        debug_assert!(
            self.next
                .get(&poison.partition)
                .is_none_or(|&next| next <= poison.offset)
        );
    }
}
