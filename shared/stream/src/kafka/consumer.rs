//! The consumer of the inbox: membership in the group, and delivery of what may be delivered.
//!
//! Two clients do this. One is a member of the group, and never fetches: it answers every assignment with an empty one of
//! its own. The other reads what is being consumed, from explicit offsets, as events are read in a restore; it is replaced
//! when that changes. So nothing can be delivered before it is asked for, and nothing is ever paused, sought or assigned
//! a second time: librdkafka 2.12 ends the process by an assertion when a partition is assigned anew twice before it has
//! stopped fetching (rdkafka_assignment.c, rd_kafka_assignment_partition_stopped).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::{RDKafkaErrorCode as Code, RDKafkaRespErr};
use tributary_contracts::record::Record;

use super::clock::Deadline;
use super::closing::ClosedAside;
use super::faults::classify;
use super::reader::{EventReader, Step};
use super::settings::{KafkaSettings, group_consumer};
use super::{records, report};
use crate::log::{Fault, FaultKind, Poll, Polled};

/// How long a change of membership may go unnoticed while records are awaited.
const MEMBERSHIP_CHECK: Duration = Duration::from_millis(50);

/// How many log lines are taken from a client that is broken for good before it is judged by them.
const LINES_WAITING_MAX: usize = 100;

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
    /// A connection was lost, or a request timed out, since the last assignment.
    trouble: AtomicBool,
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
        if report::is_trouble(facility, message) {
            self.trouble.store(true, Ordering::Relaxed);
        }
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
    consumer: ClosedAside<BaseConsumer<Membership>>,
    settings: KafkaSettings,
    assigned: BTreeSet<i32>,
    /// The offset that comes next, of each partition that is being consumed.
    next: BTreeMap<i32, i64>,
    /// Reads what is being consumed; none when that changed.
    reader: Option<EventReader>,
}

impl GroupConsumer {
    /// Joins the group as soon as polled.
    pub(super) fn subscribe(settings: &KafkaSettings) -> Result<Self, Fault> {
        Ok(Self {
            consumer: subscribed(settings)?,
            settings: settings.clone(),
            assigned: BTreeSet::new(),
            next: BTreeMap::new(),
            reader: None,
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
        self.next.insert(partition, from);
        self.reader = None;
        Ok(())
    }

    pub(super) fn poll(&mut self, poll: Poll) -> Polled {
        let mut gathered = Gathered::new(poll);
        let mut deadline = Deadline::after(poll.max_wait);
        let gather_until = Deadline::after(poll.linger);
        self.check_membership(Duration::ZERO, &mut gathered);
        // While each step brings a record nothing is awaited, and no clock need be looked at: for every record that would be
        // a good part of what taking it costs.
        let mut flows = false;
        while !gathered.is_over(&self.consumer) {
            let wait = match flows {
                true => Duration::ZERO,
                false => deadline.remaining(),
            };
            let had = gathered.polled.records.len();
            let mut ended = false;
            if poll.records_max == 0 || self.next.is_empty() {
                self.check_membership(wait, &mut gathered);
            } else {
                ended = self.read(wait.min(MEMBERSHIP_CHECK), &mut gathered);
            }
            let flowed = std::mem::replace(&mut flows, gathered.polled.records.len() > had);
            match gathered.polled.records.len() - had {
                0 if flowed => {}
                // Behind an end that was reached there may be records that came since: while a transaction commits, the
                // queue fills with a few records, an end, a few records. Who stopped at each end would take in but a few
                // a transaction, however many wait.
                0 if wait.is_zero() && !ended => break,
                // Nobody reads on while there are records at hand, so this can come late, but not get lost.
                0 => self.check_membership(Duration::ZERO, &mut gathered),
                _ if had == 0 => deadline = gather_until,
                _ => {}
            }
        }
        self.follow(&mut gathered.polled);
        gathered.polled
    }

    /// Serves the group: answers rebalances, keeps the membership alive.
    fn check_membership(&self, wait: Duration, gathered: &mut Gathered) {
        if gathered.polled.fault.is_none()
            && let Some(Err(error)) = self.consumer.poll(wait)
        {
            gathered.polled.fault = Some(classify("polling the group", &error));
        }
    }

    /// Takes a record that is at hand, or comes within that time. Whether it was the end of a partition instead.
    fn read(&mut self, wait: Duration, gathered: &mut Gathered) -> bool {
        match self.step(wait) {
            Step::Record(record) => {
                self.next.insert(record.partition, record.offset + 1);
                gathered.push(record);
            }
            Step::Fault(fault) => gathered.polled.fault = Some(fault),
            Step::Ended => return true,
            Step::Nothing => {}
        }
        false
    }

    fn step(&mut self, wait: Duration) -> Step {
        let reader = match self.reader.as_mut() {
            Some(reader) => reader,
            None => match EventReader::open(&self.settings.brokers, &self.settings.inbox, &self.next) {
                Ok(reader) => self.reader.insert(reader),
                Err(fault) => return Step::Fault(fault),
            },
        };
        reader.step(wait)
    }

    /// Applies changes of membership that the poll brought, and takes records of revoked partitions out of it.
    fn follow(&mut self, polled: &mut Polled) {
        for change in self.consumer.context().take() {
            match change {
                Change::Revoked(partitions) => self.revoke(&partitions, polled),
                Change::Assigned(partitions) => {
                    self.consumer.context().trouble.store(false, Ordering::Relaxed);
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
    ///
    /// One can be fenced by oneself: when the broker was away and an answer to a join got lost, librdkafka asks again
    /// under the id that this answer replaced (measured: after every kill of a broker). Then joining anew helps. Without
    /// trouble since the last assignment, which the new consumer begins without, it is another.
    fn join_anew(&mut self, code: Code, text: &str) -> Fault {
        let message = format!(
            "{} is no member of its group any more: {text}",
            self.settings.member()
        );
        // What led to it may still wait to be told; how much, nobody says.
        for _ in 0..LINES_WAITING_MAX {
            drop(self.consumer.poll(Duration::ZERO));
        }
        let trouble = self.consumer.context().trouble.load(Ordering::Relaxed);
        if code != Code::FencedInstanceId || !trouble {
            return Fault {
                kind: FaultKind::Fatal,
                message,
            };
        }
        match subscribed(&self.settings) {
            Ok(consumer) => self.consumer = consumer,
            Err(fault) => return fault,
        }
        Fault::transient(message)
    }

    fn revoke(&mut self, partitions: &[i32], polled: &mut Polled) {
        for partition in partitions {
            if self.next.remove(partition).is_some() {
                self.reader = None;
            }
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
    }
}

fn subscribed(settings: &KafkaSettings) -> Result<ClosedAside<BaseConsumer<Membership>>, Fault> {
    let consumer: BaseConsumer<Membership> = group_consumer(settings)
        .create_with_context(Membership::default())
        .map_err(|error| classify("can't create the inbox consumer", &error))?;
    consumer
        .subscribe(&[&settings.inbox])
        .map_err(|error| classify("can't subscribe to the inbox", &error))?;
    Ok(ClosedAside::new(consumer))
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

    /// Whether nothing more can be gathered.
    fn is_over(&self, consumer: &BaseConsumer<Membership>) -> bool {
        let full = self.polled.records.len() >= self.limits.records_max.max(1)
            || self.bytes >= self.limits.bytes_max;
        full || self.polled.fault.is_some() || consumer.context().changed()
    }
}
