//! Follows the events of a service, and knows when each partition last moved and how long it stood still.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tributary_contracts::{codec::RawEvent, topics::LOCAL_PARTITIONS};
use tributary_stream::kafka::EventReader;

/// What was seen of one partition.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Offset of the last input that was answered.
    answered: i64,
    at: Instant,
    /// Longest time between two events since it was last asked to watch for that.
    longest: Duration,
}

#[derive(Default)]
struct Shared {
    partitions: Mutex<BTreeMap<i32, Seen>>,
    moved: Condvar,
}

pub(crate) struct Observer {
    stop: Arc<AtomicBool>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[expect(clippy::disallowed_methods, reason = "recovery is measured")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Observer {
    pub(crate) fn start(brokers: &str, topic: &'static str) -> Self {
        let (stop, shared) = (Arc::new(AtomicBool::new(false)), Arc::new(Shared::default()));
        let (asked, seen, brokers) = (Arc::clone(&stop), Arc::clone(&shared), brokers.to_owned());
        let thread = thread::spawn(move || follow(&brokers, topic, &seen, &asked));
        Self {
            stop,
            shared,
            thread: Some(thread),
        }
    }

    /// Waits until every partition has answered an input of after `since`; how long it took, or `None` when it took
    /// longer than `patience`.
    pub(crate) fn recovered(&self, since: Instant, patience: Duration) -> Option<Duration> {
        self.wait(patience, |partitions| {
            let moved = (0..LOCAL_PARTITIONS).map(|partition| {
                partitions
                    .get(&partition)
                    .filter(|seen| seen.at > since)
                    .map(|seen| seen.at)
            });
            moved.collect::<Option<Vec<_>>>()
        })
        .map(|moved| moved.into_iter().max().unwrap_or(since) - since)
    }

    /// Waits until the inputs up to these offsets are answered.
    pub(crate) fn answered(&self, offsets: &BTreeMap<i32, i64>, patience: Duration) -> bool {
        self.wait(patience, |partitions| {
            let answered = |(partition, offset): (&i32, &i64)| {
                partitions
                    .get(partition)
                    .is_some_and(|seen| seen.answered >= *offset)
            };
            offsets.iter().all(answered).then_some(())
        })
        .is_some()
    }

    /// Watches from now on how long partitions stand still. A time that has begun before counts whole.
    pub(crate) fn watch_stalls(&self) {
        for seen in self.shared.partitions.lock().unwrap().values_mut() {
            seen.longest = Duration::ZERO;
        }
    }

    /// The longest time for which a partition has shown no event since [`Observer::watch_stalls`], up to now.
    pub(crate) fn stalled(&self) -> Duration {
        let partitions = self.shared.partitions.lock().unwrap();
        let stalls = partitions
            .values()
            .map(|seen| seen.longest.max(seen.at.elapsed()));
        stalls.max().unwrap_or_default()
    }

    fn wait<T>(
        &self,
        patience: Duration,
        mut found: impl FnMut(&BTreeMap<i32, Seen>) -> Option<T>,
    ) -> Option<T> {
        let deadline = now() + patience;
        let mut partitions = self.shared.partitions.lock().unwrap();
        loop {
            if let Some(found) = found(&partitions) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(now())?;
            partitions = self.shared.moved.wait_timeout(partitions, left).unwrap().0;
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn follow(brokers: &str, topic: &str, shared: &Shared, stop: &AtomicBool) {
    let mut next: BTreeMap<i32, i64> = (0..LOCAL_PARTITIONS).map(|partition| (partition, 0)).collect();
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut reader) = EventReader::open(brokers, topic, &next) else {
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            // A broker that is away for long is a fault of the reader; a new one goes on where it was.
            let Ok(batch) = reader.poll(Duration::from_millis(100), 10_000) else {
                break;
            };
            let mut partitions = shared.partitions.lock().unwrap();
            for record in &batch.records {
                let answered = RawEvent::read(record).unwrap().envelope.origin.offset;
                let at = now();
                let seen = partitions.entry(record.partition).or_insert(Seen {
                    answered,
                    at,
                    longest: Duration::ZERO,
                });
                let longest = seen.longest.max(at - seen.at);
                *seen = Seen {
                    answered,
                    at,
                    longest,
                };
            }
            next.extend(batch.next);
            shared.moved.notify_all();
        }
    }
}
