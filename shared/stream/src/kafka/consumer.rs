//! The consumer of the inbox: membership in the group, and delivery of what may be delivered.
//!
//! librdkafka's idea of the assignment is kept apart from the group's: it holds only partitions for which
//! [`GroupConsumer::consume`] was called, each with the offset that comes next. So nothing can be delivered before,
//! and nothing is paused, sought or asked for its position, which librdkafka gets wrong in some orders of calls.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::{RDKafkaErrorCode as Code, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use tributary_contracts::record::Record;

use super::clock::Deadline;
use super::faults::classify;
use super::settings::{KafkaSettings, group_consumer};
use super::{records, report};
use crate::log::{Fault, FaultKind, Poll, Polled};

/// How many records are kept aside when only membership is asked for, before delivery is stopped until records are
/// asked for again.
const ASIDE_MAX: usize = 1_000;

/// How long after joining anew being fenced again means that there really is another member of this name.
///
/// One can be fenced by oneself: when the broker was away for longer than a session, an answer to a join got lost, and
/// librdkafka asks again under the id that this answer replaced. Then joining anew helps.
const FENCED_AGAIN_WITHIN: Duration = Duration::from_secs(30);

/// A change of membership, or that librdkafka failed to follow it.
enum Change {
    Assigned(Vec<i32>),
    Revoked(Vec<i32>),
    Failed(KafkaError),
}

/// Records what the group does, from within polls.
#[derive(Default)]
struct Membership {
    changes: Mutex<VecDeque<Change>>,
}

impl Membership {
    fn push(&self, change: Change) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push_back(change);
    }

    fn take(&self) -> VecDeque<Change> {
        std::mem::take(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn changed(&self) -> bool {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        !changes.is_empty()
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        report::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report::error(&error, reason);
    }
}

impl ConsumerContext for Membership {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let named = partitions
            .elements()
            .iter()
            .map(|element| element.partition())
            .collect();
        let (change, answered) = match event {
            // Accepted, but as yet nothing of it may be delivered.
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => (
                Change::Assigned(named),
                consumer.assign(&TopicPartitionList::new()),
            ),
            // Given back, or lost. No transaction is open across polls, so there is nothing to finish first.
            _ => (Change::Revoked(named), consumer.unassign()),
        };
        self.push(change);
        if let Err(error) = answered {
            self.push(Change::Failed(error));
        }
    }
}

/// A static member of the service's group that reads its inbox.
pub(super) struct GroupConsumer {
    consumer: BaseConsumer<Membership>,
    settings: KafkaSettings,
    assigned: BTreeSet<i32>,
    /// The offset that comes next, of each partition that is being consumed.
    next: BTreeMap<i32, i64>,
    /// Delivered while only membership was asked for.
    aside: VecDeque<Record>,
    /// Whether librdkafka's assignment is that of `next`, or empty.
    delivering: bool,
    /// Until when being fenced once more is for good.
    rejoined: Option<Deadline>,
}

impl GroupConsumer {
    /// Joins the group as soon as polled.
    pub(super) fn subscribe(settings: &KafkaSettings) -> Result<Self, Fault> {
        Ok(Self {
            consumer: subscribed(settings)?,
            settings: settings.clone(),
            assigned: BTreeSet::new(),
            next: BTreeMap::new(),
            aside: VecDeque::new(),
            delivering: true,
            rejoined: None,
        })
    }

    pub(super) fn is_assigned(&self, partition: i32) -> bool {
        self.assigned.contains(&partition)
    }

    /// To be fetched anew before every use: it holds the group's generation.
    pub(super) fn metadata(&self) -> Option<ConsumerGroupMetadata> {
        self.consumer.group_metadata()
    }

    /// The group's committed offsets, as [`rdkafka::consumer::Consumer::committed_offsets`].
    pub(super) fn committed(&self, partition: i32, timeout: Duration) -> KafkaResult<TopicPartitionList> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&self.settings.inbox, partition);
        self.consumer.committed_offsets(asked, timeout)
    }

    /// Lets polls deliver a partition from this offset on.
    pub(super) fn consume(&mut self, partition: i32, from: i64) -> Result<(), Fault> {
        if !self.is_assigned(partition) {
            return Err(Fault::transient(format!(
                "partition {partition} is not assigned to this worker"
            )));
        }
        self.aside.retain(|record| record.partition != partition);
        self.next.insert(partition, from);
        self.deliver()
    }

    /// Sets librdkafka's assignment to what is being consumed, from where it stands.
    fn deliver(&mut self) -> Result<(), Fault> {
        let mut assignment = TopicPartitionList::new();
        for (&partition, &next) in &self.next {
            assignment
                .add_partition_offset(&self.settings.inbox, partition, Offset::Offset(next))
                .map_err(|error| classify("can't name an offset", &error))?;
        }
        self.consumer
            .assign(&assignment)
            .map_err(|error| classify("can't consume", &error))?;
        self.delivering = true;
        Ok(())
    }

    /// Stops delivery until records are asked for again: else what isn't asked for would pile up.
    fn hold(&mut self) -> Result<(), Fault> {
        self.delivering = false;
        self.consumer
            .assign(&TopicPartitionList::new())
            .map_err(|error| classify("can't hold delivery", &error))
    }

    pub(super) fn poll(&mut self, poll: Poll) -> Polled {
        let mut gathered = Gathered::new(poll);
        if poll.records_max > 0 {
            self.take_aside(&mut gathered);
            if !self.delivering
                && let Err(fault) = self.deliver()
            {
                gathered.polled.fault = Some(fault);
            }
        }
        let mut deadline = Deadline::after(if gathered.polled.records.is_empty() {
            poll.max_wait
        } else {
            poll.linger
        });
        loop {
            let full = poll.records_max > 0 && gathered.is_full();
            let wait = if full {
                Duration::ZERO
            } else {
                deadline.remaining()
            };
            let got = match self.consumer.poll(wait) {
                None => false,
                Some(Ok(message)) => {
                    let record = records::record(&message);
                    drop(message);
                    if self.is_next(&record) {
                        if full || poll.records_max == 0 {
                            self.aside.push_back(record);
                        } else {
                            if gathered.polled.records.is_empty() {
                                deadline = Deadline::after(poll.linger);
                            }
                            gathered.push(record);
                        }
                    }
                    true
                }
                Some(Err(error)) => {
                    gathered.polled.fault = Some(classify("polling the inbox", &error));
                    true
                }
            };
            if self.aside.len() >= ASIDE_MAX
                && self.delivering
                && let Err(fault) = self.hold()
            {
                gathered.polled.fault = Some(fault);
            }
            let over = deadline.passed() && !(got && poll.records_max > 0);
            if full || over || gathered.polled.fault.is_some() || self.consumer.context().changed() {
                break;
            }
        }
        self.follow(&mut gathered.polled);
        gathered.polled
    }

    /// Moves what was kept aside into the batch.
    fn take_aside(&mut self, gathered: &mut Gathered) {
        while !gathered.is_full()
            && let Some(record) = self.aside.pop_front()
        {
            gathered.push(record);
        }
    }

    /// Whether the record may be delivered; remembers what comes after it. An older one was delivered before.
    fn is_next(&mut self, record: &Record) -> bool {
        match self.next.get_mut(&record.partition) {
            Some(next) if record.offset >= *next => {
                *next = record.offset + 1;
                true
            }
            _ => false,
        }
    }

    /// Applies changes of membership that the poll brought, and takes records of revoked partitions out of it.
    fn follow(&mut self, polled: &mut Polled) {
        for change in self.consumer.context().take() {
            match change {
                Change::Revoked(partitions) => self.revoke(&partitions, polled),
                Change::Assigned(partitions) => {
                    self.delivering = true;
                    self.assigned.extend(&partitions);
                    polled.assigned.extend(partitions);
                }
                Change::Failed(error) => polled.fault = Some(classify("can't follow a rebalance", &error)),
            }
        }
        if let Some((code, text)) = self.consumer.client().fatal_error() {
            // Broken for good; there comes no revocation.
            let all: Vec<i32> = self.assigned.iter().copied().collect();
            self.revoke(&all, polled);
            polled.fault = Some(self.join_anew(code, &text));
        }
    }

    /// Replaces a consumer that is broken for good, unless there really is another of this name.
    fn join_anew(&mut self, code: Code, text: &str) -> Fault {
        let message = format!(
            "{} is no member of its group any more: {text}",
            self.settings.member()
        );
        let again = self.rejoined.is_some_and(|until| !until.passed());
        if code != Code::FencedInstanceId || again {
            return Fault {
                kind: FaultKind::Fatal,
                message,
            };
        }
        match subscribed(&self.settings) {
            Ok(consumer) => self.consumer = consumer,
            Err(fault) => return fault,
        }
        self.delivering = true;
        self.rejoined = Some(Deadline::after(FENCED_AGAIN_WITHIN));
        Fault::transient(message)
    }

    fn revoke(&mut self, partitions: &[i32], polled: &mut Polled) {
        for partition in partitions {
            self.next.remove(partition);
            // One that came and went within this poll was never told of.
            let told = !polled.assigned.contains(partition);
            polled.assigned.retain(|assigned| assigned != partition);
            if self.assigned.remove(partition) && told {
                polled.revoked.push(*partition);
            }
        }
        polled
            .records
            .retain(|record| !partitions.contains(&record.partition));
        self.aside
            .retain(|record| !partitions.contains(&record.partition));
    }
}

fn subscribed(settings: &KafkaSettings) -> Result<BaseConsumer<Membership>, Fault> {
    let consumer: BaseConsumer<Membership> = group_consumer(settings)
        .create_with_context(Membership::default())
        .map_err(|error| classify("can't create the inbox consumer", &error))?;
    consumer
        .subscribe(&[&settings.inbox])
        .map_err(|error| classify("can't subscribe to the inbox", &error))?;
    Ok(consumer)
}

/// What a poll has gathered, against its limits.
struct Gathered {
    polled: Polled,
    bytes: usize,
    limits: Poll,
}

impl Gathered {
    fn new(limits: Poll) -> Self {
        Self {
            polled: Polled::default(),
            bytes: 0,
            limits,
        }
    }

    fn push(&mut self, record: Record) {
        self.bytes += records::size(&record);
        self.polled.records.push(record);
    }

    fn is_full(&self) -> bool {
        self.polled.records.len() >= self.limits.records_max || self.bytes >= self.limits.bytes_max
    }
}
