//! Where events come from. Blocking, as Kafka's client is: never called on tokio's threads.

use std::time::Duration;

use tributary_contracts::record::Record;
use tributary_stream::log::Fault;

use crate::Offsets;

/// What one poll brought.
#[derive(Debug, Default)]
pub struct SourceBatch {
    /// Committed records, in offset order per partition.
    pub records: Vec<Record>,
    /// Where each partition goes on: after the last record, aborted record or control marker that was passed.
    pub next: Offsets,
    /// Whether the last stable offset of every partition was reached, and nothing came after it so far.
    pub at_end: bool,
}

/// Reads committed records of one topic's partitions. Used by one thread.
pub trait EventSource {
    /// Waits at most `max_wait` for the first record, and brings what is at hand, at most `records_max` records.
    ///
    /// # Errors
    /// After one the source is opened anew, if the fault is transient.
    fn poll(&mut self, max_wait: Duration, records_max: usize) -> Result<SourceBatch, Fault>;
}

/// An events topic, which can be read from any offsets, any number of times.
pub trait EventTopic: Send + Sync + 'static {
    fn name(&self) -> &str;

    /// The topic's partitions, in order.
    ///
    /// # Errors
    /// The topic isn't there, or the broker isn't.
    fn partitions(&self) -> Result<Vec<i32>, Fault>;

    /// Opens a source that reads these partitions, each from its offset.
    ///
    /// # Errors
    /// The broker isn't there, or the offsets can't be read.
    fn read(&self, from: &Offsets) -> Result<Box<dyn EventSource>, Fault>;
}
