//! Creates the declared topics, starts the groups of new inboxes, and reports what differs from the declaration.

use std::fmt;
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use tributary_contracts::topics::{Kind, Topic};

use super::clock::Deadline;
use super::faults::{classify, kind_of};
use super::settings::{CALL_TIMEOUT, admin, offsets_of};
use crate::log::{Fault, FaultKind};

/// What an inbox' name adds to that of its service, which is also its group.
const INBOX_SUFFIX: &str = ".inbox";

/// Between two questions to a broker that isn't ready.
const PAUSE: Duration = Duration::from_millis(50);

/// Something that was done, or that somebody should see to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The topic was created as declared.
    Created { topic: String },
    /// The group of a new inbox starts at its beginning.
    Started { group: String, partition: i32 },
    /// The topic is there, but not as declared. Nothing was changed.
    Drifted {
        topic: String,
        /// `partitions`, `replication`, or a setting by Kafka's name.
        what: String,
        declared: String,
        actual: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { topic } => write!(f, "{topic}: created"),
            Self::Started { group, partition } => {
                write!(f, "{group}: starts at the beginning of partition {partition}")
            }
            Self::Drifted {
                topic,
                what,
                declared,
                actual,
            } => write!(f, "{topic}: {what} is {actual}, declared is {declared}"),
        }
    }
}

/// Creates what is missing, starts groups that have no offset yet, and reports drift. Doing it again changes nothing.
///
/// Groups start at offset 0, never anywhere else: who finds that offset gone must be told, not be moved to where the
/// log happens to start. An offset that is committed is never touched.
pub fn apply(
    brokers: &str,
    topics: &[Topic],
    partitions: i32,
    replication: i32,
) -> Result<Vec<Change>, Fault> {
    let client: AdminClient<DefaultClientContext> = admin(brokers)
        .create()
        .map_err(|error| classify("can't create an administrator's client", &error))?;
    let options = AdminOptions::new()
        .request_timeout(Some(CALL_TIMEOUT))
        .operation_timeout(Some(CALL_TIMEOUT));
    let created = create(&client, &options, topics, partitions, replication)?;
    let mut changes = Vec::new();
    for topic in topics {
        let mut actual = partitions;
        if created.contains(&topic.name) {
            await_leaders(&client, topic, partitions)?;
            changes.push(Change::Created {
                topic: topic.name.to_owned(),
            });
        } else {
            actual = drift(&client, &options, topic, partitions, replication, &mut changes)?;
        }
        if topic.kind == Kind::Inbox {
            changes.extend(start_group(brokers, topic, actual)?);
        }
    }
    Ok(changes)
}

/// Creates the topics that are missing, and says which these were. A broker that has just started serves clients a moment
/// before the controller counts it, and no topic can be placed until then.
fn create(
    client: &AdminClient<DefaultClientContext>,
    options: &AdminOptions,
    topics: &[Topic],
    partitions: i32,
    replication: i32,
) -> Result<Vec<&'static str>, Fault> {
    let deadline = Deadline::after(CALL_TIMEOUT);
    let mut wanted: Vec<&Topic> = topics.iter().collect();
    let mut created = Vec::new();
    while !wanted.is_empty() {
        let settings: Vec<_> = wanted.iter().map(|topic| topic.settings()).collect();
        let new: Vec<_> = wanted
            .iter()
            .zip(&settings)
            .map(|(topic, settings)| {
                let new = NewTopic::new(topic.name, partitions, TopicReplication::Fixed(replication));
                settings
                    .iter()
                    .fold(new, |new, (name, value)| new.set(name, value))
            })
            .collect();
        let results = block_on(client.create_topics(&new, options))
            .map_err(|error| admin_fault("creating topics", &error))?;
        let mut unplaced = Vec::new();
        for topic in wanted {
            let named = |result: &&Result<String, (String, Code)>| {
                let (Ok(name) | Err((name, _))) = result;
                name == topic.name
            };
            match results.iter().find(named) {
                Some(Ok(_)) => created.push(topic.name),
                Some(Err((_, Code::TopicAlreadyExists))) => {}
                Some(Err((_, Code::InvalidReplicationFactor))) if !deadline.passed() => unplaced.push(topic),
                Some(Err((_, code))) => {
                    let what = format!("creating {}", topic.name);
                    return Err(admin_fault(&what, &KafkaError::AdminOp(*code)));
                }
                None => {
                    return Err(Fault::transient(format!("creating {}: no answer", topic.name)));
                }
            }
        }
        wanted = unplaced;
        if !wanted.is_empty() {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(created)
}

/// Waits until the broker has heard of a new topic from the controller, and each of its partitions has a leader: until
/// then it knows no such topic, whoever asks.
fn await_leaders(
    client: &AdminClient<DefaultClientContext>,
    topic: &Topic,
    partitions: i32,
) -> Result<(), Fault> {
    let what = format!("looking up {}", topic.name);
    let deadline = Deadline::after(CALL_TIMEOUT);
    loop {
        let metadata = client
            .inner()
            .fetch_metadata(Some(topic.name), CALL_TIMEOUT)
            .map_err(|error| classify(&what, &error))?;
        let found = metadata.topics().first().map(|found| found.partitions());
        let led = found
            .unwrap_or_default()
            .iter()
            .filter(|partition| partition.error().is_none() && partition.leader() >= 0)
            .count();
        if i32::try_from(led) == Ok(partitions) {
            return Ok(());
        }
        if deadline.passed() {
            return Err(Fault::transient(format!(
                "{}: {led} of {partitions} partitions have a leader",
                topic.name
            )));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Adds what differs from the declaration, and says how many partitions there are.
fn drift(
    client: &AdminClient<DefaultClientContext>,
    options: &AdminOptions,
    topic: &Topic,
    partitions: i32,
    replication: i32,
    changes: &mut Vec<Change>,
) -> Result<i32, Fault> {
    let what = format!("looking up {}", topic.name);
    let drifted = |what: &str, declared: String, actual: String| {
        (declared != actual).then(|| Change::Drifted {
            topic: topic.name.to_owned(),
            what: what.to_owned(),
            declared,
            actual,
        })
    };
    let metadata = client
        .inner()
        .fetch_metadata(Some(topic.name), CALL_TIMEOUT)
        .map_err(|error| classify(&what, &error))?;
    let found = metadata
        .topics()
        .first()
        .map(|found| found.partitions())
        .unwrap_or_default();
    let replicas = found
        .iter()
        .map(|partition| partition.replicas().len())
        .min()
        .unwrap_or(0);
    changes.extend(drifted(
        "partitions",
        partitions.to_string(),
        found.len().to_string(),
    ));
    changes.extend(drifted(
        "replication",
        replication.to_string(),
        replicas.to_string(),
    ));

    let resource = ResourceSpecifier::Topic(topic.name);
    let described = block_on(client.describe_configs([&resource], options))
        .map_err(|error| admin_fault(&what, &error))?;
    for result in described {
        let config = result.map_err(|code| admin_fault(&what, &KafkaError::AdminOp(code)))?;
        for (name, declared) in topic.settings() {
            let actual = config
                .get(name)
                .and_then(|entry| entry.value.clone())
                .unwrap_or_default();
            changes.extend(drifted(name, declared, actual));
        }
    }
    Ok(found.len() as i32)
}

/// Starts the group where it has no offset yet. A broker that has just started answers `NotCoordinator` until its
/// coordinator has read its own log (seen at the first start of a stack on a busy machine), so what may pass is tried
/// again for as long as one call may take.
fn start_group(brokers: &str, inbox: &Topic, partitions: i32) -> Result<Vec<Change>, Fault> {
    let deadline = Deadline::after(CALL_TIMEOUT);
    loop {
        match try_start_group(brokers, inbox, partitions) {
            Err(fault) if fault.kind == FaultKind::Transient && !deadline.passed() => {
                std::thread::sleep(PAUSE);
            }
            ended => return ended,
        }
    }
}

/// Commits offset 0 for the partitions that the inbox' group has no offset for.
fn try_start_group(brokers: &str, inbox: &Topic, partitions: i32) -> Result<Vec<Change>, Fault> {
    let group = inbox.name.strip_suffix(INBOX_SUFFIX).ok_or_else(|| Fault {
        kind: FaultKind::Fatal,
        message: format!(
            "{} is declared as an inbox, but isn't called <service>{INBOX_SUFFIX}",
            inbox.name
        ),
    })?;
    let what = format!("starting group {group}");
    let client: BaseConsumer = offsets_of(brokers, group)
        .create()
        .map_err(|error| classify(&what, &error))?;
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(inbox.name, 0, partitions - 1);
    let committed = client
        .committed_offsets(asked, CALL_TIMEOUT)
        .map_err(|error| classify(&what, &error))?;
    let mut new = TopicPartitionList::new();
    let mut changes = Vec::new();
    for element in committed.elements() {
        match element.error() {
            Ok(()) if element.offset() == Offset::Invalid => {
                new.add_partition_offset(inbox.name, element.partition(), Offset::Offset(0))
                    .map_err(|error| classify(&what, &error))?;
                changes.push(Change::Started {
                    group: group.to_owned(),
                    partition: element.partition(),
                });
            }
            Ok(()) => {}
            // A transaction is about to commit one.
            Err(error) if error.rdkafka_error_code() == Some(Code::UnstableOffsetCommit) => {}
            Err(error) => return Err(classify(&what, &error)),
        }
    }
    if !changes.is_empty() {
        client
            .commit(&new, CommitMode::Sync)
            .map_err(|error| classify(&what, &error))?;
    }
    Ok(changes)
}

/// An administrator's errors carry their code where rdkafka doesn't look for it.
fn admin_fault(what: &str, error: &KafkaError) -> Fault {
    match error {
        KafkaError::AdminOp(code) => Fault {
            kind: kind_of(*code),
            message: format!("{what}: {code}"),
        },
        error => classify(what, error),
    }
}
