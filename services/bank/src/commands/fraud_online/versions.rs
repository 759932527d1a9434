//! What decides, by four eyes, and what challenges it, by two.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use tributary_contracts::fraud::{
    AddChallenger, ApproveVersion, DropChallenger, FraudCommand, FraudEvent, ProposeVersion, RejectVersion,
    VersionApproved, VersionKind, VersionProposed, VersionsUsed,
};
use tributary_contracts::topics::{FRAUD_EVENTS, FRAUD_INBOX};
use tributary_ids::ProposalId;
use tributary_stream::StreamEvent;
use tributary_stream::driver::wall_clock_ms;

use super::ask::{Bank, event_of};
use super::catalogue::{self, Content, Which};
use super::told;

/// Proposes that a model or a set of rules decides on payments
///
/// Nothing changes until somebody else approves it, within seven days. A file is published first.
#[derive(Args, Debug)]
pub(crate) struct Propose {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    bank: Bank,
}

/// Approves what somebody else has proposed: from then on it decides on the payments that come
///
/// First every partition of the second hop gets to know it, then those of the first hop fix it. What is damaged or doesn't fit
/// is refused, and what decided before stays.
#[derive(Args, Debug)]
pub(crate) struct Approve {
    /// The proposal's id, as `propose` has printed it
    proposal: ProposalId,
    /// Hash of what was looked at, in full [default: what was proposed]
    #[arg(long, value_name = "HASH")]
    hash: Option<String>,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    bank: Bank,
}

/// Turns a proposal down, or withdraws it
#[derive(Args, Debug)]
pub(crate) struct Reject {
    /// The proposal's id
    proposal: ProposalId,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    bank: Bank,
}

/// Lets a model score beside the champion; it decides nothing
///
/// A champion and rules are proposed and approved by two people: see `propose` and `approve`.
#[derive(Args, Debug)]
pub(crate) struct Activate {
    /// The model: an artefact's file, or the hash of a published one
    #[arg(long, value_name = "FILE|HASH")]
    model: String,
    /// As what
    #[arg(long = "as", value_enum)]
    role: Role,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    bank: Bank,
}

/// Lets a challenger score no more
#[derive(Args, Debug)]
pub(crate) struct Retire {
    /// The model's hash, in full
    #[arg(long, value_name = "HASH")]
    model: String,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    bank: Bank,
}

/// There is no sign-in yet: whoever may write to the bank's topics says who he is.
#[derive(Args, Debug)]
struct Who {
    /// User name: lower-case letters, digits, dots, hyphens and underscores
    #[arg(long, value_name = "NAME")]
    by: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Challenger,
}

impl Propose {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let content = self.which.published(&self.bank)?;
        let by = &self.who.by;
        let proposal_id = propose(&self.bank, &content, by)?;
        println!(
            "proposal {proposal_id}: {}, by {by}; somebody else approves it",
            told(&content.version)
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn propose(bank: &Bank, content: &Content, by: &str) -> anyhow::Result<ProposalId> {
    let proposal_id = ProposalId::named(&format!("{by}/{}/{}", content.version.hash, wall_clock_ms()));
    let propose = ProposeVersion {
        proposal_id,
        kind: content.kind,
        version: content.version.clone(),
        by: by.into(),
    };
    register(bank, propose)?;
    Ok(proposal_id)
}

impl Approve {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let bank = &self.bank;
        let proposed = proposed(bank, self.proposal)?
            .with_context(|| format!("FRAUD_PROPOSAL_UNKNOWN: no proposal {} was made", self.proposal))?;
        let hash = self.hash.as_deref().unwrap_or(&proposed.version.hash);
        let content = catalogue::find(bank, proposed.kind, hash)?;
        for used in approve(bank, &content, self.proposal, &self.who.by, |approved| {
            println!(
                "{} decides, proposed by {}, approved by {}",
                told(&approved.version),
                approved.proposed_by,
                approved.approved_by
            );
        })? {
            println!("{}", super::status::in_use(&used));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What every partition uses once all have adopted it.
fn approve(
    bank: &Bank,
    content: &Content,
    proposal_id: ProposalId,
    by: &str,
    approved: impl FnOnce(&VersionApproved),
) -> anyhow::Result<Vec<VersionsUsed>> {
    content.make_known(bank)?;
    let ends = bank.ends(FRAUD_EVENTS)?;
    let approve = ApproveVersion {
        proposal_id,
        hash: content.version.hash.clone(),
        by: by.into(),
    };
    match register(bank, approve)? {
        FraudEvent::VersionApproved(version) => {
            approved(&version);
            adopted(bank, &ends, version.number)
        }
        other => bail!("the register has answered by something else: {other:?}"),
    }
}

/// Lets a model or rules decide in a bank that the calling command has started itself, as two people would by `propose` and
/// `approve`.
pub(crate) fn introduce(bank: &Bank, content: &Content) -> anyhow::Result<()> {
    content.publish(bank)?;
    let proposal = propose(bank, content, "demo-analyst")?;
    approve(bank, content, proposal, "demo-supervisor", |_| {})?;
    Ok(())
}

impl Reject {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let reject = RejectVersion {
            proposal_id: self.proposal,
            by: self.who.by.as_str().into(),
        };
        register(&self.bank, reject)?;
        println!("proposal {} is rejected", self.proposal);
        Ok(ExitCode::SUCCESS)
    }
}

impl Activate {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Role::Challenger = self.role;
        let content = catalogue::published(&self.bank, VersionKind::Model, &self.model)?;
        content.make_known(&self.bank)?;
        let add = AddChallenger {
            version: content.version,
            by: self.who.by.as_str().into(),
        };
        changed(&self.bank, add)
    }
}

impl Retire {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let retire = DropChallenger {
            hash: self.model.as_str().into(),
            by: self.who.by.as_str().into(),
        };
        changed(&self.bank, retire)
    }
}

fn register(bank: &Bank, command: impl Into<FraudCommand>) -> anyhow::Result<FraudEvent> {
    let command = command.into();
    let events = bank.ask(FRAUD_INBOX, FRAUD_EVENTS, [(command.key(), command)])?;
    events.into_iter().next().context("the register did not answer")
}

/// Changes the challengers, and waits until all partitions have them.
fn changed(bank: &Bank, command: impl Into<FraudCommand>) -> anyhow::Result<ExitCode> {
    let ends = bank.ends(FRAUD_EVENTS)?;
    let used = match register(bank, command)? {
        FraudEvent::ChallengerAdded(added) => adopted(bank, &ends, added.number)?,
        FraudEvent::ChallengerDropped(dropped) => adopted(bank, &ends, dropped.number)?,
        other => bail!("the register has answered by something else: {other:?}"),
    };
    for used in used {
        println!("{}", super::status::in_use(&used));
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits until every partition has adopted a change of the register. Gives what each uses now.
fn adopted(bank: &Bank, ends: &super::ask::Offsets, number: u64) -> anyhow::Result<Vec<VersionsUsed>> {
    let mut used: BTreeMap<i32, VersionsUsed> = BTreeMap::new();
    bank.follow(FRAUD_EVENTS, ends, |event| {
        if let StreamEvent::Service(FraudEvent::VersionsUsed(versions)) = event.data
            && versions.number >= number
        {
            used.insert(versions.partition, versions);
        }
        Ok(used.len() == ends.len())
    })?;
    Ok(used.into_values().collect())
}

fn proposed(bank: &Bank, id: ProposalId) -> anyhow::Result<Option<VersionProposed>> {
    let mut found = None;
    bank.look_through(FRAUD_EVENTS, &bank.starts(FRAUD_EVENTS)?, |record| {
        if let Some(FraudEvent::VersionProposed(proposed)) = event_of(&record, &["fraud.version-proposed.v1"])
            && proposed.proposal_id == id
        {
            found = Some(proposed);
        }
    })?;
    Ok(found)
}
