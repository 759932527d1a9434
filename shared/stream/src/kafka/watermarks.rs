//! Where partitions begin and end, committed or not.

use std::collections::BTreeMap;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::faults::classify;
use super::reader::Reporting;
use super::settings::{CALL_TIMEOUT, uncommitted};
use crate::log::{Fault, FaultKind};

/// Starts and high watermarks, as a `read_uncommitted` client sees them.
pub struct Watermarks {
    client: BaseConsumer<Reporting>,
}

impl Watermarks {
    pub fn connect(brokers: &str) -> Result<Self, Fault> {
        let client = uncommitted(brokers)
            .create_with_context(Reporting)
            .map_err(|error| classify("can't create a client", &error))?;
        Ok(Self { client })
    }

    /// The topic's partitions, in order.
    pub fn partitions(&self, topic: &str) -> Result<Vec<i32>, Fault> {
        let what = format!("looking up {topic}");
        let metadata = self
            .client
            .fetch_metadata(Some(topic), CALL_TIMEOUT)
            .map_err(|error| classify(&what, &error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        if let Some(error) = found.and_then(|found| found.error()) {
            return Err(classify(&what, &KafkaError::MetadataFetch(error.into())));
        }
        let mut partitions: Vec<i32> = found
            .map(|found| {
                found
                    .partitions()
                    .iter()
                    .map(|partition| partition.id())
                    .collect()
            })
            .unwrap_or_default();
        if partitions.is_empty() {
            return Err(Fault {
                kind: FaultKind::Fatal,
                message: format!("there is no topic {topic}"),
            });
        }
        partitions.sort_unstable();
        Ok(partitions)
    }

    /// First offset that a partition still holds, and the offset after the last that was ever written, committed or not.
    pub fn of(&self, topic: &str, partition: i32) -> Result<(i64, i64), Fault> {
        self.client
            .fetch_watermarks(topic, partition, CALL_TIMEOUT)
            .map_err(|error| classify(&format!("looking up the ends of {topic}/{partition}"), &error))
    }

    /// First offsets that the partitions of a topic still hold.
    pub fn starts(&self, topic: &str) -> Result<BTreeMap<i32, i64>, Fault> {
        self.all(topic, |(start, _)| start)
    }

    /// High watermarks of a topic's partitions: above these stands nothing of the past.
    pub fn ends(&self, topic: &str) -> Result<BTreeMap<i32, i64>, Fault> {
        self.all(topic, |(_, end)| end)
    }

    fn all(&self, topic: &str, side: impl Fn((i64, i64)) -> i64) -> Result<BTreeMap<i32, i64>, Fault> {
        self.partitions(topic)?
            .into_iter()
            .map(|partition| Ok((partition, side(self.of(topic, partition)?))))
            .collect()
    }
}
