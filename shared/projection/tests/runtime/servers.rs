//! The real servers, as they end transactions and die.

use std::{path::Path, sync::OnceLock, time::Duration};

use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use sqlx::{Connection, PgConnection};
use tributary_contracts::topics::{Kind, Topic};
use tributary_local_stack::{Kafka, KafkaConfig, Options, Progress, Stack};
use tributary_projection::{KafkaTopic, MemoryTopic, Offsets, Projection, Settings};
use tributary_stream::kafka::{Watermarks, topics};

use crate::support::{
    Running, drop_schema, reached, schema,
    tally::{Tally, append_many, assert_folded, record},
};

const CALL: Duration = Duration::from_secs(30);

/// The broker that `KAFKA_BROKERS` names, or one that is started for this test binary.
fn brokers() -> String {
    static OWN: OnceLock<Kafka> = OnceLock::new();
    let named = std::env::var("KAFKA_BROKERS")
        .ok()
        .filter(|brokers| !brokers.trim().is_empty());
    named.unwrap_or_else(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("projection-{}", std::process::id()));
        let start = || Kafka::start(&KafkaConfig::below(&home), &Progress::on_stderr());
        OWN.get_or_init(|| start().expect("Kafka starts")).brokers()
    })
}

/// A topic of the test's own, with two partitions.
fn topic(brokers: &str, name: &str) -> &'static str {
    let name: &'static str = format!("{name}-{}", std::process::id()).leak();
    let declared = Topic {
        name,
        kind: Kind::Events,
        key: "any",
    };
    topics::apply(brokers, &[declared], 2, 1).unwrap();
    name
}

struct Transactions {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: &'static str,
}

impl Transactions {
    fn new(brokers: &str, topic: &'static str) -> Self {
        let producer: ThreadedProducer<_> = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("transactional.id", topic)
            .create()
            .unwrap();
        producer.init_transactions(CALL).unwrap();
        Self { producer, topic }
    }

    /// Writes these amounts to both partitions in one transaction, which is left open.
    fn write(&self, amounts: impl Iterator<Item = i64>) {
        self.producer.begin_transaction().unwrap();
        for amount in amounts {
            for partition in 0..2 {
                let record = record(self.topic, partition, amount);
                let headers = record
                    .headers
                    .iter()
                    .fold(OwnedHeaders::new(), |headers, (key, value)| {
                        let value = Some(value);
                        headers.insert(Header { key, value })
                    });
                let record = BaseRecord::to(record.topic)
                    .partition(partition)
                    .key(&record.key)
                    .payload(&record.value)
                    .headers(headers);
                self.producer.send(record).map_err(|(error, _)| error).unwrap();
            }
        }
        self.producer.flush(CALL).unwrap();
    }

    fn commit(&self) {
        self.producer.commit_transaction(CALL).unwrap();
    }

    fn abort(&self) {
        self.producer.abort_transaction(CALL).unwrap();
    }
}

/// The ends of both partitions, control markers included.
fn ends(brokers: &str, topic: &str) -> Offsets {
    let watermarks = Watermarks::connect(brokers).unwrap();
    (0..2)
        .map(|partition| (partition, watermarks.of(topic, partition).unwrap().1))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_events_of_a_real_broker_are_folded_and_no_others() {
    let (settings, mut admin) = schema("broker").await;
    let brokers = brokers();
    let topic = topic(&brokers, "committed");
    let log = Transactions::new(&brokers, topic);
    // Given transactions that commit and abort,
    for round in 0..10 {
        log.write(round * 10..round * 10 + 5);
        match round % 3 {
            1 => log.abort(),
            _ => log.commit(),
        }
    }
    // when a projection follows them, an aborted one and its marker last,
    log.write(200..203);
    log.abort();
    let kafka = KafkaTopic::new(brokers.clone(), topic);
    let mut running = Running::start(Projection::new(settings.clone(), kafka, Tally));
    reached(&mut running.status, &ends(&brokers, topic)).await;
    // then it holds what was committed, is drained, and stands after the last marker.
    assert_folded(&mut admin, settings.schema.as_str(), 7 * 5 * 2).await;
    let drained = async { running.status.wait_for(|status| status.at_end).await.is_ok() };
    assert_eq!(tokio::time::timeout(CALL, drained).await, Ok(true));
    // What is committed later follows.
    log.write(300..303);
    log.commit();
    reached(&mut running.status, &ends(&brokers, topic)).await;
    running.stop().await;
    assert_folded(&mut admin, settings.schema.as_str(), 7 * 5 * 2 + 6).await;
    drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_was_killed_and_came_back_has_every_event_once() {
    let mut options = Options::temporary().own_servers();
    // Only the database is needed.
    options.external_brokers = Some("none".to_owned());
    let mut stack = Stack::start(&options).unwrap();
    let mut settings = Settings::new(stack.database_url().parse().unwrap(), "killed".parse().unwrap());
    settings.events_max = 20;
    let topic = MemoryTopic::new("accounts.events", 2);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    for _ in 0..3 {
        append_many(&topic, 100);
        let some = topic
            .end()
            .into_iter()
            .map(|(partition, end)| (partition, end - 90))
            .collect();
        reached(&mut running.status, &some).await;
        let postgres = stack.postgres().unwrap();
        postgres.server.kill9().unwrap();
        postgres.server.start_again().unwrap();
        append_many(&topic, 100);
        reached(&mut running.status, &topic.end()).await;
    }
    running.stop().await;
    let mut admin = PgConnection::connect_with(&settings.database).await.unwrap();
    assert_folded(&mut admin, settings.schema.as_str(), 1_200).await;
    stack.stop().unwrap();
}
