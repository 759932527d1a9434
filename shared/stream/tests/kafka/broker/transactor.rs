//! A transactional producer of rdkafka's own, to leave transactions open at will.

use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tributary_contracts::record::Outgoing;

use super::{Service, unique};

const CALL: Duration = Duration::from_secs(30);

/// When the broker ends what a [`Transactor`] leaves open: late enough that a slow test sees it open.
pub(crate) const LEFT_OPEN: Duration = Duration::from_secs(10);

pub(crate) struct Transactor(ThreadedProducer<DefaultProducerContext>);

impl Transactor {
    pub(crate) fn new(brokers: &str) -> Self {
        Self::named(brokers, &unique("transactor"))
    }

    /// With a transactional id that somebody else may have.
    pub(crate) fn named(brokers: &str, transactional_id: &str) -> Self {
        let producer: ThreadedProducer<_> = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", LEFT_OPEN.as_millis().to_string())
            .create()
            .expect("a producer");
        producer.init_transactions(CALL).expect("initialises");
        Self(producer)
    }

    /// Begins a transaction and writes these, so that they stand in the log.
    pub(crate) fn open(&self, records: &[Outgoing]) {
        self.0.begin_transaction().expect("begins");
        for record in records {
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
            self.0.send(sent).map_err(|(error, _)| error).expect("sends");
        }
        self.0.flush(CALL).expect("flushes");
    }

    /// Sends an offset of a service's inbox, as no member of its group.
    pub(crate) fn send_offset(&self, service: &Service, partition: i32, offset: i64) {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &service.brokers)
            .set("group.id", &service.name)
            .create()
            .expect("a consumer");
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(service.inbox, partition, Offset::Offset(offset))
            .expect("an offset");
        let group = consumer.group_metadata().expect("a group");
        self.0
            .send_offsets_to_transaction(&offsets, &group, CALL)
            .expect("sends");
    }

    pub(crate) fn finish(&self) {
        self.0.commit_transaction(CALL).expect("commits");
    }

    pub(crate) fn abort(&self) {
        self.0.abort_transaction(CALL).expect("aborts");
    }

    pub(crate) fn commit(&self, records: &[Outgoing]) {
        self.open(records);
        self.finish();
    }
}

/// Deletes the records of partition 0 before an offset, as retention does.
pub(crate) fn delete_before(brokers: &str, topic: &str, offset: i64) {
    let client: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .expect("a client");
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(topic, 0, Offset::Offset(offset))
        .expect("an offset");
    block_on(client.delete_records(&offsets, &AdminOptions::new())).expect("deletes");
}
