//! What an operator and an analyst ask of the running fraud service: other rules, another model, a label.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use tributary_contracts::codec::{self, Message, read_event};
use tributary_contracts::envelope::{Channel, CommandEnvelope, Initiator};
use tributary_contracts::fraud::{
    ActivateModel, ActivateRules, ConfirmFraud, FraudCommand, FraudEvent, LabelSource, PayeesCommand,
    PayeesEvent, PaymentDecided, UseVersions, Version, VersionsUsed,
};
use tributary_contracts::partition::partition_of;
use tributary_contracts::record::Outgoing;
use tributary_contracts::runtime::RuntimeEvent;
use tributary_contracts::topics::{
    FRAUD_EVENTS, FRAUD_INBOX, FRAUD_PAYEES_EVENTS, FRAUD_PAYEES_INBOX, Topic,
};
use tributary_fraud::RuleSet;
use tributary_fraud_domain::Model;
use tributary_ids::{CommandId, PaymentId};
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

/// Lets other rules or another model decide on the payments that come from now on
///
/// First every partition of the second hop gets to know it, then those of the first hop fix it. What is damaged or doesn't
/// fit is refused, and what decided before stays.
#[derive(Args, Debug)]
pub(crate) struct Activate {
    /// The model's artefact, as `bank fraud evaluate --artefact` writes it
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "rules",
        conflicts_with = "rules"
    )]
    model: Option<PathBuf>,
    /// The set of rules (docs/fraud-service.md)
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Kafka's bootstrap address
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
    brokers: String,
}

/// Labels a payment as fraud
///
/// It tells of the payee from 7 days after the payment on.
#[derive(Args, Debug)]
pub(crate) struct Label {
    /// The payment's id
    payment: PaymentId,
    /// Who says so
    #[arg(long, value_enum, default_value_t = By::Analyst)]
    by: By,
    /// Kafka's bootstrap address
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
    brokers: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Analyst,
    Chargeback,
}

impl Activate {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
        };
        let (model, rules) = (self.model.as_ref().map(read), self.rules.as_ref().map(read));
        let (model, rules) = (model.transpose()?, rules.transpose()?);
        for used in activate(&self.brokers, model, rules)? {
            let model = match &used.versions.model {
                Some(model) => told(model),
                None => "none".to_owned(),
            };
            let rules = told(&used.versions.rules);
            println!("partition {}: rules {rules}, model {model}", used.partition);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Lets a model's artefact, a set of rules, or both decide on what comes from now on. Gives what each partition goes by.
pub(super) fn activate(
    brokers: &str,
    model: Option<String>,
    rules: Option<String>,
) -> anyhow::Result<Vec<VersionsUsed>> {
    // Here too, so that nothing goes to a single partition that all would refuse.
    let version_of_model = match &model {
        Some(artefact) => Some(version_of_model(artefact)?),
        None => None,
    };
    let version_of_rules = match &rules {
        Some(text) => {
            let set = RuleSet::load(text).map_err(|error| anyhow!("{}: {error}", error.code()))?;
            Some(set.version().clone())
        }
        None => None,
    };
    let partitions = Watermarks::connect(brokers)?.partitions(FRAUD_INBOX.name)?;
    let known: Vec<PayeesCommand> = partitions
        .iter()
        .flat_map(|&partition| {
            let model = model
                .clone()
                .map(|artefact| ActivateModel { partition, artefact }.into());
            let rules = rules
                .clone()
                .map(|rules| ActivateRules { partition, rules }.into());
            model.into_iter().chain(rules)
        })
        .collect();
    let known = known.into_iter().map(|command| (command.key(), command));
    let _known: Vec<PayeesEvent> = ask(brokers, FRAUD_PAYEES_INBOX, FRAUD_PAYEES_EVENTS, known)?;
    let used = partitions.iter().map(|&partition| {
        let command = FraudCommand::from(UseVersions {
            partition,
            rules: version_of_rules.clone(),
            model: version_of_model.clone(),
        });
        (command.key(), command)
    });
    let used: Vec<FraudEvent> = ask(brokers, FRAUD_INBOX, FRAUD_EVENTS, used)?;
    let used = used.into_iter().filter_map(|event| match event {
        FraudEvent::VersionsUsed(used) => Some(used),
        _ => None,
    });
    Ok(used.collect())
}

fn version_of_model(artefact: &str) -> anyhow::Result<Version> {
    let model = Model::load(artefact.as_bytes()).map_err(|error| anyhow!("{}: {error}", error.code()))?;
    Ok(Version {
        name: model.about().name.as_str().into(),
        hash: model.hash().into(),
    })
}

fn told(version: &Version) -> String {
    let hash: String = version.hash.chars().take(12).collect();
    format!("{} ({hash})", version.name)
}

impl Label {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let decided = self
            .decided()?
            .with_context(|| format!("no decision on payment {} stands in the log", self.payment))?;
        let source = match self.by {
            By::Analyst => LabelSource::Analyst,
            By::Chargeback => LabelSource::Chargeback,
        };
        confirm(&self.brokers, [(&decided, source)].into_iter())?;
        println!("payment {} is labelled as fraud", self.payment);
        Ok(ExitCode::SUCCESS)
    }

    /// The payment's decision, by a look through the log.
    fn decided(&self) -> anyhow::Result<Option<PaymentDecided>> {
        let watermarks = Watermarks::connect(&self.brokers)?;
        let starts = watermarks.starts(FRAUD_PAYEES_EVENTS.name)?;
        let mut reader = EventReader::open(&self.brokers, FRAUD_PAYEES_EVENTS.name, &starts)?;
        loop {
            for record in reader.poll(Duration::from_millis(200), RECORDS_MAX)?.records {
                let Ok(event) = read_event::<StreamEvent<PayeesEvent>>(&record) else {
                    continue;
                };
                if let StreamEvent::Service(PayeesEvent::PaymentDecided(decided)) = event.data
                    && decided.payment_id == self.payment
                {
                    return Ok(Some(decided));
                }
            }
            if reader.at_end() {
                return Ok(None);
            }
        }
    }
}

/// Labels payments as fraud, by what their decisions say of them.
pub(super) fn confirm<'d>(
    brokers: &str,
    frauds: impl Iterator<Item = (&'d PaymentDecided, LabelSource)>,
) -> anyhow::Result<()> {
    let commands = frauds.map(|(decided, source)| {
        let command = PayeesCommand::from(ConfirmFraud {
            payment_id: decided.payment_id,
            creditor: decided.creditor,
            counted_at_s: decided.payee_seen.counted_at_s,
            unusual: decided.customer_seen.unusual,
            source,
        });
        (command.key(), command)
    });
    let _confirmed: Vec<PayeesEvent> = ask(brokers, FRAUD_PAYEES_INBOX, FRAUD_PAYEES_EVENTS, commands)?;
    Ok(())
}

/// Sends commands and awaits the event that each leads to. A refusal is an error; what else was sent counts all the same.
fn ask<C: Message, E: Message>(
    brokers: &str,
    inbox: Topic,
    events: Topic,
    commands: impl Iterator<Item = (String, C)>,
) -> anyhow::Result<Vec<E>> {
    let watermarks = Watermarks::connect(brokers)?;
    let ends = watermarks.ends(events.name)?;
    let partitions = i32::try_from(ends.len())?;
    let mut reader = EventReader::open(brokers, events.name, &ends)?;
    let producer = CommandProducer::connect(brokers, Duration::ZERO, 16, |_| {})?;
    let now = wall_clock_ms();
    let mut awaited = HashMap::new();
    for (number, (key, command)) in commands.enumerate() {
        let id = CommandId::named(&format!("operator/{now}/{key}/{number}"));
        let record = outgoing(inbox, partitions, (id, now + TTL_MS), key, &command)?;
        let partition = record.partition;
        producer.send(&record, number)?;
        awaited.insert(id, partition);
    }
    producer.flush()?;
    let since = Moment::now();
    let mut told = BTreeMap::new();
    while !awaited.is_empty() {
        ensure!(
            since.elapsed() < ANSWERED_WITHIN,
            "the service doesn't answer: does it run in every partition?"
        );
        for record in reader.poll(Duration::from_millis(200), RECORDS_MAX)?.records {
            let Ok(event) = read_event::<StreamEvent<E>>(&record) else {
                continue;
            };
            let Some(partition) = awaited.remove(&event.command_id) else {
                continue;
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
        }
    }
    Ok(told.into_values().collect())
}

/// A command of an operator as a record: its id, and until when it counts.
pub(super) fn outgoing<C: Message>(
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
