//! Transactions by rdkafka alone, in shapes that the runtime doesn't use, to see what each costs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tributary_contracts::record::Outgoing;

use crate::measured::{Times, Topics};

const CALL: Duration = Duration::from_secs(60);

/// How a transaction is made.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) records: usize,
    pub(crate) backoff_ms: (u32, u32),
    pub(crate) linger_ms: u32,
    pub(crate) offsets_first: bool,
    pub(crate) await_deliveries: bool,
    /// Between a commit and the next begin.
    pub(crate) pause: Duration,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            records: 100,
            backoff_ms: (1, 5),
            linger_ms: 0,
            offsets_first: false,
            await_deliveries: true,
            pause: Duration::ZERO,
        }
    }
}

#[derive(Default)]
struct Delivered(AtomicUsize);

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "not delivered");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Transactor {
    producer: ThreadedProducer<Delivered>,
    group: BaseConsumer,
    offsets: TopicPartitionList,
    records: Vec<Outgoing>,
}

impl Transactor {
    fn new(topics: &Topics, shape: &Shape, number: usize) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &topics.brokers)
            .set("transactional.id", format!("{}-raw-{number}", topics.name))
            .set("compression.type", "lz4")
            .set("queue.buffering.max.messages", "0")
            .set("retry.backoff.ms", shape.backoff_ms.0.to_string())
            .set("retry.backoff.max.ms", shape.backoff_ms.1.to_string())
            .set("linger.ms", shape.linger_ms.to_string());
        let producer: ThreadedProducer<Delivered> = config
            .create_with_context(Delivered::default())
            .expect("a producer");
        producer.init_transactions(CALL).expect("initialises");
        // Offsets of a group without members: what is measured is the same, but for the check of the generation.
        let group = ClientConfig::new()
            .set("bootstrap.servers", &topics.brokers)
            .set("group.id", format!("{}-raw-{number}", topics.name))
            .create()
            .expect("a consumer");
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(topics.inbox, 0, Offset::Offset(1))
            .expect("an offset");
        Self {
            producer,
            group,
            offsets,
            records: (0..shape.records)
                .map(|at| topics.record(topics.events, at))
                .collect(),
        }
    }

    fn transact(&self, shape: &Shape) {
        self.producer.begin_transaction().expect("begins");
        if shape.offsets_first {
            self.send_offsets();
        }
        for record in &self.records {
            let headers = record
                .headers
                .iter()
                .fold(OwnedHeaders::new(), |headers, (key, value)| {
                    let value = Some(value);
                    headers.insert(Header { key, value })
                });
            let sent = BaseRecord::<[u8], [u8]>::to(record.topic)
                .partition(record.partition)
                .key(&record.key)
                .payload(&record.value)
                .headers(headers);
            self.producer
                .send(sent)
                .map_err(|(error, _)| error)
                .expect("sends");
        }
        while shape.await_deliveries && self.producer.in_flight_count() > 0 {
            thread::sleep(Duration::from_micros(20));
        }
        if !shape.offsets_first {
            self.send_offsets();
        }
        self.producer.commit_transaction(CALL).expect("commits");
    }

    fn send_offsets(&self) {
        let group = self.group.group_metadata().expect("a group");
        self.producer
            .send_offsets_to_transaction(&self.offsets, &group, CALL)
            .expect("sends offsets");
    }

    fn times(&self, shape: &Shape, count: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let started = Instant::now();
            self.transact(shape);
            times.push(started.elapsed());
            thread::sleep(shape.pause);
        }
        times
    }
}

/// Times of transactions one after the other.
pub(crate) fn transactions(topics: &Topics, shape: &Shape, count: usize) -> Times {
    let transactor = Transactor::new(topics, shape, 0);
    transactor.times(shape, count / 10);
    Times::new(transactor.times(shape, count))
}

/// Records a second that so many producers write together.
pub(crate) fn ceiling(topics: &Topics, shape: &Shape, producers: usize, count: usize) -> f64 {
    let transactors: Vec<Transactor> = (0..producers)
        .map(|number| Transactor::new(topics, shape, number))
        .collect();
    let started = Instant::now();
    thread::scope(|scope| {
        for transactor in &transactors {
            scope.spawn(|| transactor.times(shape, count));
        }
    });
    (producers * shape.records * count) as f64 / started.elapsed().as_secs_f64()
}
