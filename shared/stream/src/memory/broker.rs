//! The broker's state, its topics and its time. Transactions and groups are in files of their own.

use std::collections::BTreeMap;

use tributary_contracts::record::{Outgoing, Record};
use tributary_contracts::topics::{Kind, RECORD_BYTES_MAX, Topic};

use super::error::BrokerError;
use super::groups::Group;
use super::partition::PartitionLog;
use super::transactions::Coordinator;

/// Kafka's overhead that `max.message.bytes` leaves room for isn't modelled: only the record itself counts.
const MESSAGE_BYTES_MAX: usize = RECORD_BYTES_MAX + 100_000;

/// Whose clock stamps a topic's records (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimestampType {
    CreateTime,
    LogAppendTime,
}

pub(super) struct TopicLog {
    timestamps: TimestampType,
    pub(super) partitions: Vec<PartitionLog>,
}

/// Index of a topic, and a partition of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartitionId {
    pub(super) topic: usize,
    pub(super) partition: i32,
}

/// All that a broker knows. [`super::MemoryBroker`] is its handle.
pub(super) struct Broker {
    pub(super) now_ms: i64,
    names: BTreeMap<String, usize>,
    topics: Vec<TopicLog>,
    pub(super) coordinator: Coordinator,
    pub(super) groups: BTreeMap<String, Group>,
    /// Counts changes of committed offsets: the order of the offsets topic.
    pub(super) offset_commits: u64,
    /// Counts members, for their ids.
    pub(super) members: u64,
    pub(super) faults_struck: BTreeMap<&'static str, u64>,
}

impl Broker {
    pub(super) fn new(topics: &[Topic], partitions: i32) -> Self {
        let mut broker = Self {
            now_ms: 0,
            names: BTreeMap::new(),
            topics: Vec::new(),
            coordinator: Coordinator::default(),
            groups: BTreeMap::new(),
            offset_commits: 0,
            members: 0,
            faults_struck: BTreeMap::new(),
        };
        for topic in topics {
            let timestamps = match topic.kind {
                Kind::Inbox => TimestampType::LogAppendTime,
                Kind::Events | Kind::Catalogue | Kind::DeadLetters => TimestampType::CreateTime,
            };
            broker.create_topic(topic.name, partitions, timestamps);
        }
        broker
    }

    pub(super) fn create_topic(&mut self, name: &str, partitions: i32, timestamps: TimestampType) {
        self.names.insert(name.to_owned(), self.topics.len());
        self.topics.push(TopicLog {
            timestamps,
            partitions: (0..partitions).map(|_| PartitionLog::default()).collect(),
        });
    }

    /// Moves time on; it never goes back. Everything that was due by then happens, in the order of its kinds.
    pub(super) fn set_time(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.deliver_delayed_commits();
        self.write_due_markers();
        self.abort_timed_out();
        self.expel_silent_members();
    }

    pub(super) fn partition_id(&self, topic: &str, partition: i32) -> Result<PartitionId, BrokerError> {
        let id = PartitionId {
            topic: *self
                .names
                .get(topic)
                .ok_or(BrokerError::UnknownTopicOrPartition)?,
            partition,
        };
        self.log(id).map(|_| id)
    }

    pub(super) fn topic(&self, topic: &str) -> Result<&TopicLog, BrokerError> {
        self.names
            .get(topic)
            .and_then(|&index| self.topics.get(index))
            .ok_or(BrokerError::UnknownTopicOrPartition)
    }

    pub(super) fn log(&self, id: PartitionId) -> Result<&PartitionLog, BrokerError> {
        let index = usize::try_from(id.partition).map_err(|_| BrokerError::UnknownTopicOrPartition)?;
        self.topics
            .get(id.topic)
            .and_then(|topic| topic.partitions.get(index))
            .ok_or(BrokerError::UnknownTopicOrPartition)
    }

    pub(super) fn log_mut(&mut self, id: PartitionId) -> Result<&mut PartitionLog, BrokerError> {
        let index = usize::try_from(id.partition).map_err(|_| BrokerError::UnknownTopicOrPartition)?;
        self.topics
            .get_mut(id.topic)
            .and_then(|topic| topic.partitions.get_mut(index))
            .ok_or(BrokerError::UnknownTopicOrPartition)
    }

    /// A partition by name.
    pub(super) fn named(&self, topic: &str, partition: i32) -> Result<&PartitionLog, BrokerError> {
        self.log(self.partition_id(topic, partition)?)
    }

    /// Appends a record, of a transaction when a producer id is given, that its client stamped with `created_ms`.
    pub(super) fn append(
        &mut self,
        outgoing: Outgoing,
        created_ms: i64,
        producer_id: Option<i64>,
    ) -> Result<i64, BrokerError> {
        let id = self.partition_id(outgoing.topic, outgoing.partition)?;
        if outgoing.size() > MESSAGE_BYTES_MAX {
            return Err(BrokerError::MessageTooLarge);
        }
        let append_time = self
            .topics
            .get(id.topic)
            .is_some_and(|topic| topic.timestamps == TimestampType::LogAppendTime);
        let record = Record {
            partition: outgoing.partition,
            // Fixed by the append.
            offset: 0,
            timestamp_ms: if append_time { self.now_ms } else { created_ms },
            key: outgoing.key,
            headers: outgoing.headers,
            value: outgoing.value,
        };
        Ok(self.log_mut(id)?.append(record, producer_id))
    }

    pub(super) fn struck(&mut self, fault: &'static str) {
        *self.faults_struck.entry(fault).or_default() += 1;
    }
}
