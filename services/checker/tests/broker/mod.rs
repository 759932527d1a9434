//! A broker of a test's own, and records written to it as they stand.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, ThreadedProducer},
};
use tributary_checker::{Status, Watch};
use tributary_contracts::record::Record;
use tributary_local_stack::{Kafka, KafkaConfig, Progress};

pub(crate) type Sender = ThreadedProducer<DefaultProducerContext>;

pub(crate) const WAIT: Duration = Duration::from_secs(30);

/// Ends with the test, and its files with it.
pub(crate) struct Broker {
    kafka: Option<Kafka>,
    home: PathBuf,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("checker-{}", std::process::id()));
        let kafka = Kafka::start(&KafkaConfig::below(&home), &Progress::on_stderr()).unwrap();
        Self {
            kafka: Some(kafka),
            home,
        }
    }

    pub(crate) fn address(&self) -> String {
        self.kafka.as_ref().unwrap().brokers()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.kafka.take());
        // What a failed test leaves is looked at before it is thrown away.
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.home).unwrap();
        }
    }
}

/// With the record's own time.
pub(crate) fn send(producer: &Sender, topic: &str, record: &Record) {
    let mut headers = OwnedHeaders::new();
    for (key, value) in record.headers.iter() {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    let sent = BaseRecord::to(topic)
        .partition(record.partition)
        .key(&record.key)
        .payload(&record.value)
        .timestamp(record.timestamp_ms)
        .headers(headers);
    producer.send(sent).map_err(|(error, _)| error).unwrap();
}

/// Waits until the checker's status is so.
pub(crate) fn until(watching: &Watch, so: impl Fn(&Status) -> bool) {
    let deadline = now() + WAIT;
    while !so(&watching.status()) {
        assert!(
            now() < deadline && !watching.has_failed(),
            "{:?}",
            watching.status()
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long the test waits for another thread"
)]
fn now() -> Instant {
    Instant::now()
}
