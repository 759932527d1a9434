//! Committed records of given partitions, in offset order, up to the last stable offset.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use tributary_contracts::record::Record;

use super::clock::Deadline;
use super::closing::ClosedAside;
use super::faults::{classify, kind_of};
use super::settings::partition_reader;
use super::{records, report};
use crate::log::{Fault, FaultKind};

/// How long a reader that is not at the end may see neither record nor end before it says that the log is away.
const NO_PROGRESS_MAX: Duration = Duration::from_secs(30);

/// Only reports.
pub(super) struct Reporting;

impl ClientContext for Reporting {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        report::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report::error(&error, reason);
    }
}

impl ConsumerContext for Reporting {}

/// What one poll brought.
#[derive(Debug, Default)]
pub struct Batch {
    /// In offset order per partition.
    pub records: Vec<Record>,
    /// Where each partition goes on: after the last record, aborted record or control marker that was passed.
    pub next: BTreeMap<i32, i64>,
}

/// What comes next.
pub(super) enum Step {
    Record(Record),
    /// The last stable offset of a partition.
    Ended,
    Nothing,
    Fault(Fault),
}

/// Where a partition stands.
struct Position {
    next: i64,
    /// The last stable offset was reached, and nothing came since.
    ended: bool,
}

/// Reads partitions of one topic, committed records only.
pub struct EventReader {
    consumer: ClosedAside<BaseConsumer<Reporting>>,
    topic: String,
    positions: BTreeMap<i32, Position>,
    /// Came after records of the same poll, and is told by the next.
    postponed: Option<Fault>,
    /// When to give up waiting for a sign of life.
    patience: Deadline,
}

impl EventReader {
    /// Reads these partitions, each from its offset.
    pub fn open(brokers: &str, topic: &str, from: &BTreeMap<i32, i64>) -> Result<Self, Fault> {
        let consumer: BaseConsumer<Reporting> = partition_reader(brokers)
            .create_with_context(Reporting)
            .map_err(|error| classify("can't create a reader", &error))?;
        let mut assignment = TopicPartitionList::new();
        for (&partition, &offset) in from {
            assignment
                .add_partition_offset(topic, partition, Offset::Offset(offset))
                .map_err(|error| classify("can't name an offset", &error))?;
        }
        consumer
            .assign(&assignment)
            .map_err(|error| classify("can't read partitions", &error))?;
        Ok(Self {
            consumer: ClosedAside::new(consumer),
            topic: topic.to_owned(),
            positions: from
                .iter()
                .map(|(&partition, &next)| (partition, Position { next, ended: false }))
                .collect(),
            postponed: None,
            patience: Deadline::after(NO_PROGRESS_MAX),
        })
    }

    /// Reads up to `records_max` records. Waits at most `max_wait` for the first; returns at once when the end of every
    /// partition comes in sight, and when nothing more is at hand.
    pub fn poll(&mut self, max_wait: Duration, records_max: usize) -> Result<Batch, Fault> {
        if let Some(fault) = self.postponed.take() {
            return Err(fault);
        }
        let mut batch = Batch::default();
        let mut progressed = false;
        let deadline = Deadline::after(max_wait);
        while batch.records.len() < records_max {
            let wait = if progressed {
                Duration::ZERO
            } else {
                deadline.remaining()
            };
            match self.step(wait) {
                Step::Record(record) => {
                    progressed = true;
                    batch.records.push(record);
                }
                Step::Ended => {
                    progressed = true;
                    if self.at_end() {
                        break;
                    }
                }
                Step::Fault(fault) => {
                    self.postponed = Some(fault);
                    break;
                }
                Step::Nothing if wait.is_zero() => break,
                Step::Nothing => {}
            }
        }
        self.pass_markers()?;
        self.watch_progress(progressed)?;
        if batch.records.is_empty()
            && let Some(fault) = self.postponed.take()
        {
            return Err(fault);
        }
        batch.next = self.next();
        Ok(batch)
    }

    /// Takes the next thing that librdkafka has, waiting for it at most that long.
    pub(super) fn step(&mut self, wait: Duration) -> Step {
        match self.consumer.poll(wait) {
            Some(Ok(message)) => {
                let record = records::record(&message);
                if self.is_next(&record) {
                    Step::Record(record)
                } else {
                    Step::Nothing
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                if let Some(position) = self.positions.get_mut(&partition) {
                    position.ended = true;
                }
                Step::Ended
            }
            Some(Err(error)) => self.fault(&error).map_or(Step::Nothing, Step::Fault),
            None => Step::Nothing,
        }
    }

    /// Whether the last stable offset of every partition was reached, and nothing came after it so far.
    pub fn at_end(&self) -> bool {
        self.positions.values().all(|position| position.ended)
    }

    /// Where each partition goes on.
    pub fn next(&self) -> BTreeMap<i32, i64> {
        self.positions
            .iter()
            .map(|(&partition, position)| (partition, position.next))
            .collect()
    }

    fn is_next(&mut self, record: &Record) -> bool {
        match self.positions.get_mut(&record.partition) {
            Some(position) if record.offset >= position.next => {
                position.next = record.offset + 1;
                position.ended = false;
                true
            }
            _ => false,
        }
    }

    /// Moves over control markers and aborted records, which are never handed over: librdkafka's position follows
    /// them as they are polled. It can be trusted here because this consumer never seeks.
    fn pass_markers(&mut self) -> Result<(), Fault> {
        let reached = self
            .consumer
            .position()
            .map_err(|error| classify("can't tell a position", &error))?;
        for element in reached.elements_for_topic(&self.topic) {
            if let (Offset::Offset(offset), Some(position)) =
                (element.offset(), self.positions.get_mut(&element.partition()))
            {
                position.next = position.next.max(offset);
            }
        }
        Ok(())
    }

    fn watch_progress(&mut self, progressed: bool) -> Result<(), Fault> {
        if progressed || self.at_end() {
            self.patience = Deadline::after(NO_PROGRESS_MAX);
        } else if self.patience.passed() {
            self.patience = Deadline::after(NO_PROGRESS_MAX);
            return Err(Fault::transient(format!(
                "nothing came from {} for {} s",
                self.topic,
                NO_PROGRESS_MAX.as_secs()
            )));
        }
        Ok(())
    }

    /// The fault that an error is; none when librdkafka goes on by itself.
    fn fault(&self, error: &KafkaError) -> Option<Fault> {
        let code = error.rdkafka_error_code()?;
        let kind = kind_of(code);
        if kind == FaultKind::Transient && code != Code::AllBrokersDown {
            return None;
        }
        Some(classify(&format!("reading {}", self.topic), error))
    }
}
