//! The ledger's committed input offsets.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult},
};

/// How long the group's coordinator may take to answer. Nothing is read meanwhile.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Looks up offsets of a group without joining it.
pub(super) struct CommittedOffsets {
    config: ClientConfig,
    /// Absent after a failure: a new client finds a coordinator that has moved or come back sooner than an old one.
    client: Option<BaseConsumer>,
    topic: String,
    partitions: i32,
}

impl CommittedOffsets {
    pub(super) fn of(brokers: &str, group: &str, topic: &str, partitions: i32) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            // Stable offsets: waits for transactions that are about to change them (KIP-447).
            .set("isolation.level", "read_committed");
        Self {
            config,
            client: None,
            topic: topic.to_owned(),
            partitions,
        }
    }

    /// By partition; those that the group never committed are left out.
    pub(super) fn fetch(&mut self) -> KafkaResult<BTreeMap<i32, i64>> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.config.create()?,
        };
        let committed = self.ask(&client)?;
        self.client = Some(client);
        Ok(committed)
    }

    fn ask(&self, client: &BaseConsumer) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(&self.topic, 0, self.partitions - 1);
        let answered = client.committed_offsets(asked, CALL_TIMEOUT)?;
        let mut committed = BTreeMap::new();
        for element in answered.elements() {
            element.error()?;
            if let Offset::Offset(offset) = element.offset() {
                committed.insert(element.partition(), offset);
            }
        }
        Ok(committed)
    }
}
