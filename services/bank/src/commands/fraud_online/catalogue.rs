//! What is published: models in `fraud.models`, sets of rules in `fraud.rules`, each under the hash of its content.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use tributary_contracts::codec;
use tributary_contracts::fraud::{
    ActivateModel, ActivateRules, PayeesCommand, PayeesEvent, Version, VersionKind,
};
use tributary_contracts::partition::partition_of;
use tributary_contracts::record::Outgoing;
use tributary_contracts::topics::{
    FRAUD_MODELS, FRAUD_PAYEES_EVENTS, FRAUD_PAYEES_INBOX, FRAUD_RULES, Topic,
};
use tributary_fraud::RuleSet;
use tributary_fraud_domain::Model;
use tributary_stream::kafka::CommandProducer;

use super::ask::Bank;
use super::told;

/// Fewest digits that name what is published.
const DIGITS_MIN: usize = 6;

/// Puts a model or a set of rules into the bank's catalogue, checked, and prints its hash
///
/// It decides nothing by that: see `propose` and `activate`.
#[derive(Args, Debug)]
pub(crate) struct Publish {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    bank: Bank,
}

/// A model or a set of rules.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// The model: an artefact's file, as `bank fraud evaluate --artefact` writes it, or the hash of a published one
    #[arg(long, value_name = "FILE|HASH")]
    model: Option<String>,
    /// The set of rules: a file (docs/fraud-service.md), or the hash of a published one
    #[arg(long, value_name = "FILE|HASH")]
    rules: Option<String>,
}

/// A checked model or set of rules, with its text.
pub(crate) struct Content {
    pub(super) kind: VersionKind,
    pub(super) version: Version,
    text: String,
}

impl Publish {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let content = self.which.published(&self.bank)?;
        println!(
            "{} is published: {}",
            told(&content.version),
            content.version.hash
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl Which {
    /// From its file, published if it was not before; or what is published under that hash.
    pub(super) fn published(&self, bank: &Bank) -> anyhow::Result<Content> {
        match (&self.model, &self.rules) {
            (Some(model), _) => published(bank, VersionKind::Model, model),
            (None, Some(rules)) => published(bank, VersionKind::Rules, rules),
            (None, None) => bail!("neither a model nor rules are named"),
        }
    }
}

pub(super) fn published(bank: &Bank, kind: VersionKind, named: &str) -> anyhow::Result<Content> {
    if !Path::new(named).exists() {
        return find(bank, kind, named);
    }
    let text = std::fs::read_to_string(named).with_context(|| format!("can't read {named}"))?;
    let content = Content::check(kind, text)?;
    content.publish(bank)?;
    Ok(content)
}

/// What is published under a hash, or the only one that begins so.
pub(super) fn find(bank: &Bank, kind: VersionKind, hash: &str) -> anyhow::Result<Content> {
    if hash.len() < DIGITS_MIN || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        bail!("{hash} is neither a file nor the hash of anything");
    }
    let mut found = Vec::new();
    let topic = topic_of(kind);
    bank.look_through(topic, &bank.starts(topic)?, |record| {
        if record.key.starts_with(hash.as_bytes()) {
            // A topic that is compacted may hold a key twice for a while.
            found.retain(|(key, _)| *key != record.key);
            found.push((record.key, record.value));
        }
    })?;
    let [(key, value)] = <[_; 1]>::try_from(found)
        .map_err(|found| anyhow!("{} entries of {} begin with {hash}", found.len(), topic.name))?;
    let content = Content::check(kind, String::from_utf8(value)?)?;
    if content.version.hash.as_bytes() != key {
        bail!("what {} holds under {hash} has another hash", topic.name);
    }
    Ok(content)
}

fn topic_of(kind: VersionKind) -> Topic {
    match kind {
        VersionKind::Model => FRAUD_MODELS,
        VersionKind::Rules => FRAUD_RULES,
    }
}

impl Content {
    /// Here too, so that nothing goes to a single partition that all would refuse.
    pub(crate) fn check(kind: VersionKind, text: String) -> anyhow::Result<Self> {
        let version = match kind {
            VersionKind::Model => {
                let model =
                    Model::load(text.as_bytes()).map_err(|error| anyhow!("{}: {error}", error.code()))?;
                Version {
                    name: model.about().name.as_str().into(),
                    hash: model.hash().into(),
                }
            }
            VersionKind::Rules => {
                let rules = RuleSet::load(&text).map_err(|error| anyhow!("{}: {error}", error.code()))?;
                rules.version().clone()
            }
        };
        Ok(Self { kind, version, text })
    }

    /// If it was not before.
    pub(super) fn publish(&self, bank: &Bank) -> anyhow::Result<()> {
        if find(bank, self.kind, &self.version.hash).is_ok() {
            return Ok(());
        }
        let topic = topic_of(self.kind);
        let partitions = i32::try_from(bank.ends(topic)?.len())?;
        let hash = &self.version.hash;
        let partition = partition_of(hash.as_bytes(), partitions).context("the topic has no partition")?;
        let ce_type = match self.kind {
            VersionKind::Model => "fraud.model.v1",
            VersionKind::Rules => "fraud.rules.v1",
        };
        let (told, delivered) = std::sync::mpsc::channel();
        let producer = CommandProducer::connect(&bank.brokers, Duration::ZERO, 1, move |delivery| {
            // Nobody waits any more once the command has ended.
            let _unheard = told.send(delivery.result);
        })?;
        let record = Outgoing {
            topic: topic.name,
            partition,
            key: hash.as_bytes().to_vec(),
            headers: codec::headers(hash, "bank", ce_type, None),
            value: self.text.clone().into_bytes(),
        };
        producer.send(&record, 0)?;
        producer.flush()?;
        delivered.recv().context("the catalogue did not take it")??;
        Ok(())
    }

    /// Every partition of the second hop gets to know it.
    pub(super) fn make_known(&self, bank: &Bank) -> anyhow::Result<()> {
        let command = |partition: i32| -> PayeesCommand {
            let text = self.text.clone();
            match self.kind {
                VersionKind::Model => ActivateModel {
                    partition,
                    artefact: text,
                }
                .into(),
                VersionKind::Rules => ActivateRules {
                    partition,
                    rules: text,
                }
                .into(),
            }
        };
        let partitions = bank.ends(FRAUD_PAYEES_INBOX)?;
        let commands = partitions.keys().map(|&partition| {
            let command = command(partition);
            (command.key(), command)
        });
        let _known: Vec<PayeesEvent> = bank.ask(FRAUD_PAYEES_INBOX, FRAUD_PAYEES_EVENTS, commands)?;
        Ok(())
    }
}
