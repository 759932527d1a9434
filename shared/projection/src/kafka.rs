use std::time::Duration;

use tributary_stream::{
    kafka::{EventReader, Watermarks},
    log::Fault,
};

use crate::{EventSource, EventTopic, Offsets, SourceBatch};

/// A topic of a Kafka cluster.
#[derive(Clone, Debug)]
pub struct KafkaTopic {
    brokers: String,
    name: &'static str,
}

impl KafkaTopic {
    /// `brokers` as `host:port,...`.
    pub fn new(brokers: impl Into<String>, name: &'static str) -> Self {
        Self {
            brokers: brokers.into(),
            name,
        }
    }
}

impl EventTopic for KafkaTopic {
    fn name(&self) -> &str {
        self.name
    }

    fn partitions(&self) -> Result<Vec<i32>, Fault> {
        Watermarks::connect(&self.brokers)?.partitions(self.name)
    }

    fn read(&self, from: &Offsets) -> Result<Box<dyn EventSource>, Fault> {
        Ok(Box::new(EventReader::open(&self.brokers, self.name, from)?))
    }
}

impl EventSource for EventReader {
    fn poll(&mut self, max_wait: Duration, records_max: usize) -> Result<SourceBatch, Fault> {
        let batch = EventReader::poll(self, max_wait, records_max)?;
        Ok(SourceBatch {
            at_end: self.at_end(),
            records: batch.records,
            next: batch.next,
        })
    }
}
