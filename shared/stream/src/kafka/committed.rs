//! How far a group has come, without joining it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::faults::classify;
use super::settings::offsets_of;
use crate::log::Fault;

/// How long the group's coordinator may take to answer. Nothing is read meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Looks up a group's committed offsets of one topic.
pub struct CommittedOffsets {
    brokers: String,
    group: String,
    topic: String,
    partitions: i32,
    /// Absent after a failure: a new client finds a coordinator that has moved or come back sooner than an old one.
    client: Option<BaseConsumer>,
}

impl CommittedOffsets {
    /// Of the topic's first `partitions` partitions. Connects when first asked.
    pub fn of(brokers: &str, group: &str, topic: &str, partitions: i32) -> Self {
        Self {
            brokers: brokers.to_owned(),
            group: group.to_owned(),
            topic: topic.to_owned(),
            partitions,
            client: None,
        }
    }

    /// Stable offsets by partition: waits for transactions that are about to change them (KIP-447). Partitions that the
    /// group never committed are left out.
    ///
    /// # Errors
    /// When the coordinator doesn't answer within five seconds, or refuses to.
    pub fn fetch(&mut self) -> Result<BTreeMap<i32, i64>, Fault> {
        let what = format!("looking up the committed offsets of {}", self.topic);
        let failed = |error| classify(&what, &error);
        let client = match self.client.take() {
            Some(client) => client,
            None => offsets_of(&self.brokers, &self.group).create().map_err(failed)?,
        };
        let committed = self.ask(&client).map_err(failed)?;
        self.client = Some(client);
        Ok(committed)
    }

    fn ask(&self, client: &BaseConsumer) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(&self.topic, 0, self.partitions - 1);
        let answered = client.committed_offsets(asked, ANSWER_WITHIN)?;
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
