//! The in-memory log does what every log has to do.

#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

use tributary_contracts::record::{Outgoing, Record};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, ACCOUNTS_INBOX, ALL};
use tributary_stream::conformance::{Harness, PARTITIONS};
use tributary_stream::log::Log;
use tributary_stream::memory::{MemoryBroker, MemoryLog, MemoryLogSettings, MemoryProducer};

const SERVICE: &str = "accounts";

struct InMemory {
    broker: MemoryBroker,
    opened: Vec<MemoryProducer>,
}

impl InMemory {
    fn start(_case: &str) -> Self {
        let broker = MemoryBroker::new(ALL, PARTITIONS);
        broker.set_time(1_790_000_000_000);
        for partition in 0..PARTITIONS {
            broker
                .commit_offset(SERVICE, partition, 0)
                .expect("the group is empty");
        }
        Self {
            broker,
            opened: Vec::new(),
        }
    }

    fn settings(service: &str, instance: &str) -> MemoryLogSettings {
        MemoryLogSettings {
            service: service.to_owned(),
            inbox: ACCOUNTS_INBOX.name.to_owned(),
            events: ACCOUNTS_EVENTS.name.to_owned(),
            instance: instance.to_owned(),
            worker: 0,
            clock_skew_ms: 0,
        }
    }

    fn begin(&self, name: &str, records: Vec<Outgoing>, next_inputs: &[(i32, i64)]) -> MemoryProducer {
        let producer = MemoryProducer::initialise(&self.broker, name).expect("initialises");
        for record in records {
            producer.send(record).expect("sends");
        }
        if !next_inputs.is_empty() {
            producer
                .send_offsets(SERVICE, next_inputs)
                .expect("sends offsets");
        }
        producer
    }
}

impl Harness for InMemory {
    fn inbox(&self) -> &'static str {
        ACCOUNTS_INBOX.name
    }

    fn events(&self) -> &'static str {
        ACCOUNTS_EVENTS.name
    }

    fn log(&mut self, instance: &str) -> Box<dyn Log> {
        Box::new(MemoryLog::new(&self.broker, Self::settings(SERVICE, instance)))
    }

    fn log_of_new_group(&mut self, instance: &str) -> Box<dyn Log> {
        Box::new(MemoryLog::new(&self.broker, Self::settings("newcomer", instance)))
    }

    fn append(&mut self, record: Outgoing) -> i64 {
        self.broker.append(record).expect("appends")
    }

    fn open(&mut self, records: Vec<Outgoing>, next_inputs: &[(i32, i64)]) -> usize {
        let name = format!("other-{}", self.opened.len());
        let producer = self.begin(&name, records, next_inputs);
        self.opened.push(producer);
        self.opened.len() - 1
    }

    fn leave_open(&mut self, instance: &str, records: Vec<Outgoing>, next_inputs: &[(i32, i64)]) {
        self.begin(&Self::settings(SERVICE, instance).member(), records, next_inputs);
    }

    fn end(&mut self, opened: usize, commit: bool) {
        let producer = &self.opened[opened];
        if commit {
            producer.commit()
        } else {
            producer.abort()
        }
        .expect("ends");
    }

    fn committed(&mut self, topic: &'static str, partition: i32) -> Vec<Record> {
        self.broker.read_committed(topic, partition).expect("reads")
    }

    fn truncate_before(&mut self, topic: &'static str, partition: i32, offset: i64) {
        self.broker
            .truncate_before(topic, partition, offset)
            .expect("truncates");
    }

    fn pass(&mut self, ms: u64) {
        self.broker.advance(ms as i64);
    }

    fn time_ms(&self) -> i64 {
        self.broker.time()
    }
}

tributary_stream::conformance_tests!(InMemory::start);
