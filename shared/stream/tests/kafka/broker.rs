//! What the tests on a real broker share: a service of its own for each test, with topics and group, and a log's answers
//! taken apart.
//!
//! The broker is that of `KAFKA_BROKERS`, and without it one that the test's process starts for itself.

pub(crate) mod child;
mod echo;
mod transactor;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tributary_contracts::record::{Headers, Outgoing, Record};
use tributary_contracts::topics::{Kind, Topic};
use tributary_local_stack::{Kafka, KafkaConfig, Progress};
use tributary_stream::kafka::{EventReader, KafkaLog, KafkaSettings, Watermarks, topics};
use tributary_stream::log::{
    Action, Ended, EventsRead, Fault, Input, Located, Log, Poll, Polled, Transaction,
};

pub(crate) use echo::{Echo, Tally};
pub(crate) use transactor::{LEFT_OPEN, Transactor, delete_before};

/// Long enough for a cold broker and two cores shared with other tests; nothing waits for it in vain.
pub(crate) const PATIENCE_POLLS: usize = 600;

pub(crate) fn brokers() -> String {
    static OWN: OnceLock<(TempDir, Kafka)> = OnceLock::new();
    std::env::var("KAFKA_BROKERS").unwrap_or_else(|_| OWN.get_or_init(own_kafka).1.brokers())
}

/// A broker of its own, empty, that ends with this process. Its directory goes when it is dropped.
pub(crate) fn own_kafka() -> (TempDir, Kafka) {
    let home = TempDir::new().expect("a directory");
    let kafka = Kafka::start(&KafkaConfig::below(home.path()), &Progress::on_stderr()).expect("Kafka starts");
    (home, kafka)
}

/// A service of its own: an inbox, events, a group that starts at the beginning.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) brokers: String,
    pub(crate) name: String,
    pub(crate) inbox: &'static str,
    pub(crate) events: &'static str,
}

/// `name`, unlike any other of this or an earlier run.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{count}", std::process::id())
}

fn leak(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

impl Service {
    /// Creates the topics, as `bank topics apply` does.
    pub(crate) fn new(name: &str, partitions: i32) -> Self {
        Self::on(brokers(), name, partitions)
    }

    /// The same on a broker of the test's own.
    pub(crate) fn on(brokers: String, name: &str, partitions: i32) -> Self {
        let service = Self::named(brokers, unique(name));
        topics::apply(&service.brokers, &service.topics(), partitions, 1).expect("topics");
        service
    }

    /// One that is there.
    pub(crate) fn named(brokers: String, name: String) -> Self {
        Self {
            brokers,
            inbox: leak(format!("{name}.inbox")),
            events: leak(format!("{name}.events")),
            name,
        }
    }

    pub(crate) fn topics(&self) -> [Topic; 2] {
        let topic = |name, kind| Topic {
            name,
            kind,
            key: "any",
        };
        [topic(self.inbox, Kind::Inbox), topic(self.events, Kind::Events)]
    }

    pub(crate) fn settings(&self, instance: &str) -> KafkaSettings {
        KafkaSettings {
            brokers: self.brokers.clone(),
            service: self.name.clone(),
            inbox: self.inbox.to_owned(),
            events: self.events.to_owned(),
            instance: instance.to_owned(),
            worker: 0,
        }
    }

    pub(crate) fn log(&self, instance: &str) -> Worker {
        Worker::new(KafkaLog::connect(self.settings(instance)).expect("connects"))
    }

    /// Everything committed to a topic, read from its beginning to its end.
    pub(crate) fn committed(&self, topic: &str) -> Vec<Record> {
        let starts = Watermarks::connect(&self.brokers)
            .and_then(|watermarks| watermarks.starts(topic))
            .expect("starts");
        let mut reader = EventReader::open(&self.brokers, topic, &starts).expect("opens");
        let mut records = Vec::new();
        while !reader.at_end() {
            records.extend(
                reader
                    .poll(Duration::from_secs(1), 10_000)
                    .expect("reads")
                    .records,
            );
        }
        records
    }

    pub(crate) fn events_values(&self) -> Vec<String> {
        let mut values: Vec<String> = self.committed(self.events).iter().map(value).collect();
        values.sort();
        values
    }
}

pub(crate) fn outgoing(topic: &'static str, partition: i32, value: &str) -> Outgoing {
    let mut headers = Headers::default();
    headers.push("ce_id", value.as_bytes());
    Outgoing {
        topic,
        partition,
        key: b"key".to_vec(),
        headers,
        value: value.as_bytes().to_vec(),
    }
}

pub(crate) fn value(record: &Record) -> String {
    String::from_utf8_lossy(&record.value).into_owned()
}

pub(crate) fn poll(max_wait_ms: u64) -> Poll {
    Poll {
        max_wait: Duration::from_millis(max_wait_ms),
        linger: Duration::ZERO,
        records_max: 1_000,
        bytes_max: 1_000_000,
    }
}

/// A log, with its answers taken apart.
pub(crate) struct Worker {
    pub(crate) log: KafkaLog,
    pub(crate) assigned: Vec<i32>,
}

impl Worker {
    pub(crate) fn new(log: KafkaLog) -> Self {
        Self {
            log,
            assigned: Vec::new(),
        }
    }

    pub(crate) fn polled(&mut self, poll: Poll) -> Polled {
        let Input::Polled(polled) = self.log.perform(Action::Poll(poll)) else {
            panic!("a poll was answered by something else");
        };
        self.assigned
            .retain(|partition| !polled.revoked.contains(partition));
        self.assigned.extend(&polled.assigned);
        self.assigned.sort_unstable();
        polled
    }

    /// Polls until exactly these partitions are assigned.
    pub(crate) fn await_assigned(&mut self, partitions: &[i32]) {
        for _ in 0..PATIENCE_POLLS {
            if self.assigned == partitions {
                return;
            }
            let polled = self.polled(poll(100));
            assert!(
                polled.records.is_empty(),
                "records before anything is consumed: {polled:?}"
            );
        }
        panic!("{partitions:?} were not assigned, but {:?}", self.assigned);
    }

    /// Polls until so many records came.
    pub(crate) fn await_records(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        for _ in 0..PATIENCE_POLLS {
            if records.len() >= count {
                return records;
            }
            let polled = self.polled(poll(100));
            assert_eq!(polled.fault, None);
            records.extend(polled.records);
        }
        panic!("{} of {count} records came", records.len());
    }

    pub(crate) fn initialise(&mut self) -> Result<(), Fault> {
        let Input::Initialised(result) = self.log.perform(Action::Initialise) else {
            panic!("initialise was answered by something else");
        };
        result
    }

    pub(crate) fn locate(&mut self, partition: i32) -> Result<Located, Fault> {
        let Input::Located { located, .. } = self.log.perform(Action::Locate { partition }) else {
            panic!("locate was answered by something else");
        };
        located
    }

    pub(crate) fn read(
        &mut self,
        partition: i32,
        from: i64,
        records_max: usize,
    ) -> Result<EventsRead, Fault> {
        let action = Action::ReadEvents {
            partition,
            from,
            records_max,
        };
        let Input::EventsRead { read, .. } = self.log.perform(action) else {
            panic!("reading was answered by something else");
        };
        read
    }

    /// Reads events until this offset is reached.
    pub(crate) fn read_to(&mut self, partition: i32, from: i64, end: i64) -> Vec<Record> {
        let (mut next, mut records) = (from, Vec::new());
        for _ in 0..PATIENCE_POLLS {
            if next >= end {
                return records;
            }
            let read = self.read(partition, next, 1_000).expect("reads");
            assert!(read.next >= next, "went back");
            next = read.next;
            records.extend(read.records);
        }
        panic!("reached {next}, not {end}");
    }

    pub(crate) fn consume(&mut self, partition: i32, from: i64) -> Result<(), Fault> {
        let Input::Consuming { result, .. } = self.log.perform(Action::Consume { partition, from }) else {
            panic!("consume was answered by something else");
        };
        result
    }

    pub(crate) fn commit(&mut self, records: Vec<Outgoing>, next_inputs: Vec<(i32, i64)>) -> Ended {
        let transaction = Transaction { records, next_inputs };
        let Input::Ended(ended) = self.log.perform(Action::Commit(transaction)) else {
            panic!("a commit was answered by something else");
        };
        ended
    }

    /// Commits, and expects it to succeed.
    pub(crate) fn committed(&mut self, records: Vec<Outgoing>, next_inputs: Vec<(i32, i64)>) -> Vec<i64> {
        match self.commit(records, next_inputs) {
            Ended::Committed { offsets } => offsets,
            other => panic!("not committed: {other:?}"),
        }
    }
}

/// Offsets by partition, in the order of the records.
pub(crate) fn offsets(records: &[Record]) -> BTreeMap<i32, Vec<i64>> {
    let mut offsets: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for record in records {
        offsets.entry(record.partition).or_default().push(record.offset);
    }
    offsets
}
