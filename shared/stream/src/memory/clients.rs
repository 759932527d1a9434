//! The handle on the broker: time, a plain producer, an administrator, and a look inside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tributary_contracts::record::{Outgoing, Record};
use tributary_contracts::topics::Topic;

use super::broker::Broker;
use super::error::BrokerError;
use super::inspect::{Entry, OpenTransaction};
use super::partition::Sink;
use crate::log::EventsRead;

/// A broker in memory. Clones are handles on the same one.
#[derive(Clone)]
pub struct MemoryBroker {
    broker: Arc<Mutex<Broker>>,
}

impl MemoryBroker {
    /// A broker with these topics, each with so many partitions, at time 0. Inboxes take append time, as declared.
    pub fn new(topics: &[Topic], partitions: i32) -> Self {
        Self {
            broker: Arc::new(Mutex::new(Broker::new(topics, partitions))),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Broker> {
        // A test that panicked in between fails anyway; others may look.
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The broker's time in milliseconds since the epoch.
    pub fn time(&self) -> i64 {
        self.lock().now_ms
    }

    /// Moves time on, never back: markers and requests that are due arrive, transactions and sessions time out.
    pub fn set_time(&self, now_ms: i64) {
        self.lock().set_time(now_ms);
    }

    /// Moves time on by so many milliseconds.
    pub fn advance(&self, ms: i64) {
        let mut broker = self.lock();
        let now_ms = broker.now_ms + ms;
        broker.set_time(now_ms);
    }

    /// Moves time on by so many milliseconds during which every member of every group beats, however many they are.
    pub fn advance_with_beats(&self, ms: i64) {
        let mut broker = self.lock();
        let now_ms = broker.now_ms + ms;
        broker.beat_all(now_ms);
        broker.set_time(now_ms);
    }

    /// Does what is due at the present time, without moving it.
    pub fn step_timeouts(&self) {
        self.advance(0);
    }

    /// Appends a record as a plain producer does, and returns its offset.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopicOrPartition`], [`BrokerError::MessageTooLarge`].
    pub fn append(&self, record: Outgoing) -> Result<i64, BrokerError> {
        let mut broker = self.lock();
        let now_ms = broker.now_ms;
        broker.append(record, now_ms, None)
    }

    /// All records that a `read_committed` reader sees now, from the partition's start to the last stable offset.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopicOrPartition`].
    pub fn read_committed(&self, topic: &str, partition: i32) -> Result<Vec<Record>, BrokerError> {
        let broker = self.lock();
        let log = broker.named(topic, partition)?;
        let mut sink = Sink::new(usize::MAX, usize::MAX);
        let mut next = log.start();
        while next < log.last_stable_offset() {
            next = log.read_committed(next, &mut sink)?;
        }
        Ok(sink.records)
    }

    /// What a `read_committed` reader gets from an offset on, up to the last stable offset, and where it goes on: after
    /// the last record, aborted record or control marker that it passed.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopicOrPartition`], [`BrokerError::OffsetOutOfRange`].
    pub fn read_committed_from(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
    ) -> Result<EventsRead, BrokerError> {
        let broker = self.lock();
        let log = broker.named(topic, partition)?;
        let mut sink = Sink::new(usize::MAX, usize::MAX);
        let mut next = log.read_committed(from, &mut sink)?;
        while next < log.last_stable_offset() {
            next = log.read_committed(next, &mut sink)?;
        }
        Ok(EventsRead {
            records: sink.records,
            next,
        })
    }

    /// Everything that stands in a partition: undecided and aborted records and markers too.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopicOrPartition`].
    pub fn read_all(&self, topic: &str, partition: i32) -> Result<Vec<Entry>, BrokerError> {
        self.lock().read_all(topic, partition)
    }

    /// First offset that a partition holds.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopicOrPartition`].
    pub fn start_offset(&self, topic: &str, partition: i32) -> Result<i64, BrokerError> {
        Ok(self.lock().named(topic, partition)?.start())
    }

    /// High watermark of a partition.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopicOrPartition`].
    pub fn end_offset(&self, topic: &str, partition: i32) -> Result<i64, BrokerError> {
        Ok(self.lock().named(topic, partition)?.end())
    }

    /// Offset up to which everything in a partition is decided.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopicOrPartition`].
    pub fn last_stable_offset(&self, topic: &str, partition: i32) -> Result<i64, BrokerError> {
        Ok(self.lock().named(topic, partition)?.last_stable_offset())
    }

    /// Drops what stands before an offset, as retention does.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopicOrPartition`].
    pub fn truncate_before(&self, topic: &str, partition: i32, offset: i64) -> Result<(), BrokerError> {
        let mut broker = self.lock();
        let id = broker.partition_id(topic, partition)?;
        broker.log_mut(id)?.truncate_before(offset);
        Ok(())
    }

    /// Committed next offset of a group, leaving undecided transactions aside.
    pub fn committed(&self, group: &str, partition: i32) -> Option<i64> {
        self.lock()
            .groups
            .get(group)
            .and_then(|group| group.committed(partition))
    }

    /// Commits a next offset for a group without members, as an administrator does.
    ///
    /// # Errors
    /// [`BrokerError::NonEmptyGroup`].
    pub fn commit_offset(&self, group: &str, partition: i32, offset: i64) -> Result<(), BrokerError> {
        let mut broker = self.lock();
        broker.offset_commits += 1;
        let order = broker.offset_commits;
        let group = broker.groups.entry(group.to_owned()).or_default();
        if !group.is_empty() {
            return Err(BrokerError::NonEmptyGroup);
        }
        group.set_committed(partition, offset, order);
        Ok(())
    }

    /// Throws a member out of its group, as if its session had timed out. `instance` is its `group.instance.id`.
    pub fn expel(&self, group: &str, instance: &str) {
        self.lock().expel(group, instance);
    }

    /// Transactions that are undecided, or decided but not complete.
    pub fn open_transactions(&self) -> Vec<OpenTransaction> {
        self.lock().open_transactions()
    }

    /// Requests to commit that are still on their way.
    pub fn delayed_commits(&self) -> usize {
        self.lock().delayed_commits()
    }

    /// Holds back the markers of all transactions that end from now on, or lets go of those that are due.
    pub fn hold_markers(&self, hold: bool) {
        let mut broker = self.lock();
        broker.coordinator.markers_held = hold;
        broker.write_due_markers();
    }

    /// Writes one marker of some decided transaction, due or not; `false` when there is none.
    pub fn write_marker(&self) -> bool {
        self.lock().write_marker()
    }

    /// How many faults struck, by [`super::InjectedFault::kind`], over all logs.
    pub fn faults_struck(&self) -> BTreeMap<&'static str, u64> {
        self.lock().faults_struck.clone()
    }
}
