//! What a worker runs on: its consumer, its transactional producer, and readers of the events it restores from.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::clock::timed;
use super::consumer::GroupConsumer;
use super::faults::classify;
use super::patience::Patience;
use super::producer::{TransactionalProducer, offsets_of};
use super::reader::EventReader;
use super::settings::{KafkaSettings, TRANSACTION_TIMEOUT};
use super::watermarks::Watermarks;
use crate::log::{Action, Ended, EventsRead, Fault, FaultKind, Input, Located, Log, Polled, Transaction};

/// How long to wait for a pending transaction that holds committed offsets back, before the worker is told and may see
/// to its other partitions. It will ask again.
const STABLE_OFFSETS_WAIT: Duration = Duration::from_secs(2);

/// How long to wait for events. At the end of what is stable the reader is asked again and again, until the
/// transactions that were open are over; this keeps it from spinning, and other partitions from waiting.
const EVENTS_WAIT: Duration = Duration::from_millis(25);

/// The log on Kafka, for one worker.
pub struct KafkaLog {
    settings: KafkaSettings,
    consumer: GroupConsumer,
    producer: Option<TransactionalProducer>,
    patience: Patience,
    /// Of partitions that are being restored. One each, so that one partition's events needn't wait for another's.
    readers: BTreeMap<i32, EventReader>,
    watermarks: Watermarks,
}

impl KafkaLog {
    /// Connects, and checks that the topics are there. Joins the group when first polled.
    pub fn connect(settings: KafkaSettings) -> Result<Self, Fault> {
        let watermarks = Watermarks::connect(&settings.brokers)?;
        let inbox = watermarks.partitions(&settings.inbox)?;
        let events = watermarks.partitions(&settings.events)?;
        if inbox != events {
            return Err(Fault {
                kind: FaultKind::Fatal,
                message: format!(
                    "{} has {} partitions, {} has {}: a partition's events go to the partition of the same number",
                    settings.inbox,
                    inbox.len(),
                    settings.events,
                    events.len()
                ),
            });
        }
        Ok(Self {
            consumer: GroupConsumer::subscribe(&settings)?,
            producer: None,
            patience: Patience::default(),
            readers: BTreeMap::new(),
            watermarks,
            settings,
        })
    }

    /// How long a transaction of the producer at work may stay open, or zero when there was none yet.
    pub fn transaction_timeout(&self) -> Duration {
        self.patience.given()
    }

    fn initialise(&mut self) -> Result<(), Fault> {
        if self.producer.is_none() {
            let timeout = self.patience.timeout();
            if timeout > TRANSACTION_TIMEOUT {
                tracing::info!(
                    timeout_ms = timeout.as_millis(),
                    "the broker is slow: transactions may stay open for longer"
                );
            }
            self.producer = Some(TransactionalProducer::initialise(&self.settings, timeout)?);
        }
        Ok(())
    }

    fn locate(&self, partition: i32) -> Result<Located, Fault> {
        let committed = self.committed(partition)?;
        let (inbox_start, _) = self.watermarks.of(&self.settings.inbox, partition)?;
        let (events_start, events_end) = self.watermarks.of(&self.settings.events, partition)?;
        Ok(Located {
            committed,
            inbox_start,
            events_start,
            events_end,
        })
    }

    /// The committed offset, once no transaction that changes it is pending. Until then librdkafka asks again and again,
    /// for as long as it is let, and may in the end give an error beside the partition that is easily overlooked.
    fn committed(&self, partition: i32) -> Result<Option<i64>, Fault> {
        let what = format!(
            "looking up the committed offset of {}/{partition}",
            self.settings.inbox
        );
        let classified = |error| match KafkaError::rdkafka_error_code(&error) {
            Some(Code::OperationTimedOut | Code::UnstableOffsetCommit) => Fault::transient(format!(
                "{what}: a transaction is pending, or the group's coordinator is away"
            )),
            _ => classify(&what, &error),
        };
        let committed = self
            .consumer
            .committed(partition, STABLE_OFFSETS_WAIT)
            .map_err(classified)?;
        let Some(element) = committed.find_partition(&self.settings.inbox, partition) else {
            return Err(Fault::transient(format!("{what}: no answer for the partition")));
        };
        element.error().map_err(classified)?;
        match element.offset() {
            Offset::Offset(offset) => Ok(Some(offset)),
            Offset::Invalid => Ok(None),
            other => Err(Fault::transient(format!("{what}: {other:?}"))),
        }
    }

    fn read_events(&mut self, partition: i32, from: i64, records_max: usize) -> Result<EventsRead, Fault> {
        let stands = self
            .readers
            .get(&partition)
            .and_then(|reader| reader.next().get(&partition).copied());
        if stands != Some(from) {
            let start = BTreeMap::from([(partition, from)]);
            let reader = EventReader::open(&self.settings.brokers, &self.settings.events, &start)?;
            self.readers.insert(partition, reader);
        }
        let Some(reader) = self.readers.get_mut(&partition) else {
            return Err(Fault::transient(format!("no reader of partition {partition}")));
        };
        let batch = reader.poll(EVENTS_WAIT, records_max)?;
        Ok(EventsRead {
            next: batch.next.get(&partition).copied().unwrap_or(from),
            records: batch.records,
        })
    }

    fn consume(&mut self, partition: i32, from: i64) -> Result<(), Fault> {
        self.readers.remove(&partition);
        let (start, end) = self.watermarks.of(&self.settings.inbox, partition)?;
        if !(start..=end).contains(&from) {
            return Err(Fault {
                kind: FaultKind::DataGone,
                message: format!(
                    "{}/{partition} holds offsets {start} to {end}, wanted was {from}",
                    self.settings.inbox
                ),
            });
        }
        self.consumer.consume(partition, from)
    }

    fn commit(&mut self, transaction: &Transaction) -> Ended {
        let revoked = transaction
            .next_inputs
            .iter()
            .find(|(partition, _)| !self.consumer.is_assigned(*partition));
        if let Some((partition, _)) = revoked {
            return Ended::Fenced(Fault::transient(format!(
                "partition {partition} is not assigned to this worker"
            )));
        }
        let offsets = match offsets_of(&self.settings.inbox, &transaction.next_inputs) {
            Ok(offsets) => offsets,
            Err(fault) => return Ended::InDoubt(fault),
        };
        let (Some(producer), Some(group)) = (self.producer.as_ref(), self.consumer.metadata()) else {
            return Ended::InDoubt(Fault::transient("the producer is not initialised"));
        };
        let ((ended, usable), took) = timed(|| producer.commit(&transaction.records, &offsets, &group));
        self.patience.took(took);
        if !usable {
            self.producer = None;
        } else if self.patience.is_too_long() {
            self.renew();
        }
        ended
    }

    /// Makes a producer for a broker that is fast again in place of one that was made for a slow one. Nothing is open
    /// now, so nothing can get lost; if it fails, the next transaction finds that there is none, and the worker makes
    /// another as after any trouble.
    fn renew(&mut self) {
        self.producer = None;
        if let Err(fault) = self.initialise() {
            tracing::info!(%fault, "no producer with shorter transactions yet");
        }
    }

    fn revoke(&mut self, polled: &Polled) {
        for partition in &polled.revoked {
            self.readers.remove(partition);
        }
    }
}

impl Log for KafkaLog {
    fn perform(&mut self, action: Action) -> Input {
        match action {
            Action::Poll(poll) => {
                let polled = self.consumer.poll(poll);
                self.revoke(&polled);
                Input::Polled(polled)
            }
            Action::Initialise => Input::Initialised(self.initialise()),
            Action::Locate { partition } => Input::Located {
                partition,
                located: self.locate(partition),
            },
            Action::ReadEvents {
                partition,
                from,
                records_max,
            } => Input::EventsRead {
                partition,
                read: self.read_events(partition, from, records_max),
            },
            Action::Consume { partition, from } => Input::Consuming {
                partition,
                result: self.consume(partition, from),
            },
            Action::Commit(transaction) => Input::Ended(self.commit(&transaction)),
            // Not asked of a log: the driver answers these.
            Action::LoadSnapshot { partition } => Input::SnapshotLoaded {
                partition,
                snapshot: None,
            },
            Action::Stop { .. } => Input::StopAsked,
        }
    }
}
