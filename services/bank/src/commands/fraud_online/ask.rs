//! Commands to the running service, and the events that they lead to.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use tributary_contracts::codec::{self, CE_TYPE, Message, read_event};
use tributary_contracts::envelope::{Channel, CommandEnvelope, EventEnvelope, Initiator};
use tributary_contracts::partition::partition_of;
use tributary_contracts::record::{Outgoing, Record};
use tributary_contracts::runtime::RuntimeEvent;
use tributary_contracts::topics::Topic;
use tributary_ids::CommandId;
use tributary_replay::Moment;
use tributary_stream::StreamEvent;
use tributary_stream::driver::wall_clock_ms;
use tributary_stream::kafka::{CommandProducer, EventReader, Watermarks};

/// How long the service may take to answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// How long a command counts: no longer than somebody waits for it.
const TTL_MS: i64 = 30_000;

/// Records that a look through the log takes at once.
const RECORDS_MAX: usize = 10_000;

const POLL: Duration = Duration::from_millis(200);

/// Where the bank's log is.
#[derive(Args, Clone, Debug)]
pub(crate) struct Bank {
    /// Kafka's bootstrap address
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
    pub(crate) brokers: String,
}

/// Where the partitions of a topic go on.
pub(super) type Offsets = BTreeMap<i32, i64>;

impl Bank {
    /// Sends commands and awaits the event that each leads to, in the order of the partitions. A refusal is an error; what else
    /// was sent counts all the same.
    pub(super) fn ask<C: Message, E: Message>(
        &self,
        inbox: Topic,
        events: Topic,
        commands: impl IntoIterator<Item = (String, C)>,
    ) -> anyhow::Result<Vec<E>> {
        let ends = self.ends(events)?;
        let partitions = i32::try_from(ends.len())?;
        let producer = CommandProducer::connect(&self.brokers, Duration::ZERO, 16, |_| {})?;
        let now = wall_clock_ms();
        let mut awaited = HashMap::new();
        for (number, (key, command)) in commands.into_iter().enumerate() {
            let id = CommandId::named(&format!("operator/{now}/{key}/{number}"));
            let record = outgoing(inbox, partitions, (id, now + TTL_MS), key, &command)?;
            let partition = record.partition;
            producer.send(&record, number)?;
            awaited.insert(id, partition);
        }
        producer.flush()?;
        let mut told = BTreeMap::new();
        self.follow(events, &ends, |event: EventEnvelope<StreamEvent<E>>| {
            let Some(partition) = awaited.remove(&event.command_id) else {
                return Ok(awaited.is_empty());
            };
            match event.data {
                StreamEvent::Service(event) => {
                    told.insert((partition, told.len()), event);
                }
                StreamEvent::Runtime(RuntimeEvent::CommandRefused(refused)) => {
                    bail!("partition {partition}: {}: {}", refused.code, refused.detail)
                }
                StreamEvent::Runtime(RuntimeEvent::DeadLettered(dead)) => {
                    bail!("partition {partition}: {}: {}", dead.code, dead.detail)
                }
                StreamEvent::Runtime(_) => bail!("partition {partition}: the command was no new one"),
            }
            Ok(awaited.is_empty())
        })?;
        Ok(told.into_values().collect())
    }

    /// Follows events from there on until `observe` says that it has seen enough.
    pub(super) fn follow<E: Message>(
        &self,
        events: Topic,
        from: &Offsets,
        mut observe: impl FnMut(EventEnvelope<StreamEvent<E>>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut reader = EventReader::open(&self.brokers, events.name, from)?;
        let since = Moment::now();
        loop {
            for record in reader.poll(POLL, RECORDS_MAX)?.records {
                if let Ok(event) = read_event::<StreamEvent<E>>(&record)
                    && observe(event)?
                {
                    return Ok(());
                }
            }
            ensure!(
                since.elapsed() < ANSWERED_WITHIN,
                "the service doesn't answer: does it run in every partition?"
            );
        }
    }

    /// Looks through a topic from there to where it ends now: others may go on writing.
    pub(super) fn look_through(
        &self,
        topic: Topic,
        from: &Offsets,
        mut observe: impl FnMut(Record),
    ) -> anyhow::Result<()> {
        let ends = self.ends(topic)?;
        let mut next = from.clone();
        let mut reader = EventReader::open(&self.brokers, topic.name, from)?;
        loop {
            let batch = reader.poll(POLL, RECORDS_MAX)?;
            batch.records.into_iter().for_each(&mut observe);
            next.extend(batch.next);
            let is_through =
                |(partition, end): (&i32, &i64)| next.get(partition).is_some_and(|next| next >= end);
            if reader.at_end() || ends.iter().all(is_through) {
                return Ok(());
            }
        }
    }

    pub(super) fn starts(&self, topic: Topic) -> anyhow::Result<Offsets> {
        Ok(Watermarks::connect(&self.brokers)?.starts(topic.name)?)
    }

    pub(super) fn ends(&self, topic: Topic) -> anyhow::Result<Offsets> {
        Ok(Watermarks::connect(&self.brokers)?.ends(topic.name)?)
    }
}

/// A command of an operator as a record: its id, and until when it counts.
pub(crate) fn outgoing<C: Message>(
    inbox: Topic,
    partitions: i32,
    (id, not_after): (CommandId, i64),
    key: String,
    command: &C,
) -> anyhow::Result<Outgoing> {
    let partition = partition_of(key.as_bytes(), partitions)
        .with_context(|| format!("there is no partition for {key}"))?;
    let envelope = CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: None,
        reply_to: None,
        not_after: Some(not_after),
        initiator: Initiator {
            actor: "operator".into(),
            on_behalf_of: None,
            channel: Channel::Branch,
            branch: None,
        },
        data: command,
    };
    Ok(Outgoing {
        topic: inbox.name,
        partition,
        key: key.into_bytes(),
        headers: codec::headers(&id, "bank", command.ce_type(), None),
        value: codec::encode(&envelope),
    })
}

/// The service's event that a record holds, if it is of one of these types: others are not even read.
pub(super) fn event_of<E: Message>(record: &Record, types: &[&str]) -> Option<E> {
    types
        .contains(&record.headers.text(CE_TYPE)?)
        .then(|| read_event::<StreamEvent<E>>(record).ok())
        .flatten()
        .and_then(|event| match event.data {
            StreamEvent::Service(event) => Some(event),
            StreamEvent::Runtime(_) => None,
        })
}
