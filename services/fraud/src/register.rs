//! The register: what is proposed, who has agreed, which models challenge the champion. One partition of the first hop keeps it,
//! so that all changes have one order, and tells every partition of each change.

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use smol_str::SmolStr;
use tributary_contracts::{
    fraud::{
        AddChallenger, Approval, ApproveVersion, CHALLENGERS_MAX, ChallengerAdded, ChallengerDropped,
        DropChallenger, FraudCommand, FraudEvent, ProposeVersion, REGISTER_PARTITION, RejectVersion,
        UseVersions, Version, VersionApproved, VersionKind, VersionProposed, VersionRejected,
    },
    topics::FRAUD_INBOX,
};
use tributary_ids::ProposalId;
use tributary_overlay::{Overlay, layered};
use tributary_stream::service::{Context, Corrupt, Decision, FollowUp, Refusal};

use crate::{
    recent::{Keep, Recent},
    refusal,
};

/// Milliseconds of record time in which a proposal can be approved.
pub const PROPOSAL_VALID_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Proposals, decided or not.
const PROPOSALS: Keep = Keep {
    for_ms: 90 * 24 * 60 * 60 * 1000,
    at_most: 1_000,
};

const NAME_BYTES_MAX: usize = 64;

/// Hexadecimal digits of SHA-256.
const HASH_DIGITS: usize = 64;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Register {
    proposals: Recent<ProposalId, Proposal>,
    /// The model that was approved last.
    champion: Overlay<Option<Version>>,
    challengers: Overlay<Vec<Version>>,
    /// Changes so far.
    number: Overlay<u64>,
}

layered!(Register {
    proposals,
    champion,
    challengers,
    number
});

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Proposal {
    kind: VersionKind,
    version: Version,
    by: SmolStr,
    /// Record time, milliseconds.
    expires_at: i64,
    decided: bool,
}

/// What each partition is told of a change.
#[derive(Default)]
struct Change {
    rules: Option<Version>,
    model: Option<Version>,
    challengers: Option<Vec<Version>>,
    approval: Option<Approval>,
}

/// The commands that are the register's.
pub(crate) enum Command<'c> {
    Propose(&'c ProposeVersion),
    Approve(&'c ApproveVersion),
    Reject(&'c RejectVersion),
    Add(&'c AddChallenger),
    Drop(&'c DropChallenger),
}

type Decided = Result<Decision<FraudEvent>, Refusal>;

pub(crate) fn decide(register: &Register, command: &Command<'_>, context: &Context) -> Decided {
    if context.partition != REGISTER_PARTITION {
        return Err(refusal::partition_differs());
    }
    match command {
        Command::Propose(command) => propose(register, command, context),
        Command::Approve(command) => approve(register, command, context),
        Command::Reject(command) => reject(register, command, context),
        Command::Add(command) => add(register, command, context),
        Command::Drop(command) => drop_challenger(register, command, context),
    }
}

pub(crate) fn evolve(register: &mut Register, event: &FraudEvent, time_ms: i64) -> Result<(), Corrupt> {
    match event {
        FraudEvent::VersionProposed(proposed) => register.proposals.insert(
            proposed.proposal_id,
            Proposal {
                kind: proposed.kind,
                version: proposed.version.clone(),
                by: proposed.by.clone(),
                expires_at: proposed.expires_at,
                decided: false,
            },
            time_ms,
            &PROPOSALS,
        ),
        FraudEvent::VersionApproved(approved) => {
            register.end(approved.proposal_id)?;
            register.number.set(approved.number);
            if approved.kind == VersionKind::Model {
                register.champion.set(Some(approved.version.clone()));
                register.challengers.set(register.without(&approved.version.hash));
            }
        }
        FraudEvent::VersionRejected(rejected) => register.end(rejected.proposal_id)?,
        FraudEvent::ChallengerAdded(added) => {
            register.number.set(added.number);
            register.challengers.get_mut().push(added.version.clone());
        }
        FraudEvent::ChallengerDropped(dropped) => {
            register.number.set(dropped.number);
            register.challengers.set(register.without(&dropped.version.hash));
        }
        FraudEvent::PaymentAssessed(_)
        | FraudEvent::PaymentObserved(_)
        | FraudEvent::AssessmentRepeated(_)
        | FraudEvent::VersionsUsed(_) => {}
    }
    Ok(())
}

impl Register {
    fn end(&mut self, id: ProposalId) -> Result<(), Corrupt> {
        match self.proposals.get_mut(id) {
            Some(proposal) if !proposal.decided => {
                proposal.decided = true;
                Ok(())
            }
            _ => Err(Corrupt(format!("proposal {id} does not wait for a decision"))),
        }
    }

    /// The challengers but the one of this hash.
    fn without(&self, hash: &str) -> Vec<Version> {
        let others = self
            .challengers
            .get()
            .iter()
            .filter(|version| version.hash != hash);
        others.cloned().collect()
    }

    /// The proposal, if it still waits.
    fn open(&self, id: ProposalId, context: &Context) -> Result<&Proposal, Refusal> {
        let proposal = self.proposals.get(id).ok_or_else(refusal::proposal_unknown)?;
        if proposal.decided {
            return Err(refusal::proposal_decided());
        }
        if context.time_ms > proposal.expires_at {
            return Err(refusal::proposal_expired());
        }
        Ok(proposal)
    }

    fn next(&self) -> u64 {
        self.number.get() + 1
    }
}

/// The register's event, and the word to every partition: all in one transaction, so that none is left out.
fn told(
    event: impl Into<FraudEvent>,
    number: u64,
    change: &Change,
    context: &Context,
) -> Decision<FraudEvent> {
    let to = |partition| {
        let command = FraudCommand::from(UseVersions {
            partition,
            number,
            rules: change.rules.clone(),
            model: change.model.clone(),
            challengers: change.challengers.clone(),
            approval: change.approval.clone(),
        });
        FollowUp::new(FRAUD_INBOX, command.key(), &command)
    };
    Decision {
        events: smallvec![event.into()],
        send: (0..context.partitions).map(to).collect(),
        result: None,
    }
}

fn alone(event: impl Into<FraudEvent>) -> Decision<FraudEvent> {
    Decision {
        events: smallvec![event.into()],
        send: SmallVec::new(),
        result: None,
    }
}

fn propose(register: &Register, command: &ProposeVersion, context: &Context) -> Decided {
    check_name(&command.by)?;
    check_version(&command.version)?;
    if register.proposals.get(command.proposal_id).is_some() {
        return Err(refusal::proposal_twice());
    }
    Ok(alone(VersionProposed {
        proposal_id: command.proposal_id,
        kind: command.kind,
        version: command.version.clone(),
        by: command.by.clone(),
        expires_at: context.time_ms.saturating_add(PROPOSAL_VALID_MS),
    }))
}

fn approve(register: &Register, command: &ApproveVersion, context: &Context) -> Decided {
    check_name(&command.by)?;
    let proposal = register.open(command.proposal_id, context)?;
    if proposal.by == command.by {
        return Err(refusal::same_person());
    }
    if proposal.version.hash != command.hash {
        return Err(refusal::proposal_differs());
    }
    let version = proposal.version.clone();
    let approved = VersionApproved {
        proposal_id: command.proposal_id,
        number: register.next(),
        kind: proposal.kind,
        version: version.clone(),
        proposed_by: proposal.by.clone(),
        approved_by: command.by.clone(),
    };
    let approval = Some(Approval {
        proposal_id: command.proposal_id,
        proposed_by: proposal.by.clone(),
        approved_by: command.by.clone(),
    });
    let change = match proposal.kind {
        VersionKind::Rules => Change {
            rules: Some(version),
            approval,
            ..Change::default()
        },
        // Who decides doesn't challenge.
        VersionKind::Model => Change {
            challengers: Some(register.without(&version.hash)),
            model: Some(version),
            approval,
            ..Change::default()
        },
    };
    Ok(told(approved, register.next(), &change, context))
}

fn reject(register: &Register, command: &RejectVersion, context: &Context) -> Decided {
    check_name(&command.by)?;
    register.open(command.proposal_id, context)?;
    Ok(alone(VersionRejected {
        proposal_id: command.proposal_id,
        by: command.by.clone(),
    }))
}

fn add(register: &Register, command: &AddChallenger, context: &Context) -> Decided {
    check_name(&command.by)?;
    check_version(&command.version)?;
    let challengers = register.challengers.get();
    let mut there = challengers.iter().chain(register.champion.get());
    if there.any(|version| version.hash == command.version.hash) {
        return Err(refusal::challenger_twice());
    }
    if challengers.len() >= CHALLENGERS_MAX {
        return Err(refusal::challengers_full());
    }
    let change = Change {
        challengers: Some([challengers.as_slice(), std::slice::from_ref(&command.version)].concat()),
        ..Change::default()
    };
    let added = ChallengerAdded {
        number: register.next(),
        version: command.version.clone(),
        by: command.by.clone(),
    };
    Ok(told(added, register.next(), &change, context))
}

fn drop_challenger(register: &Register, command: &DropChallenger, context: &Context) -> Decided {
    check_name(&command.by)?;
    let mut challengers = register.challengers.get().iter();
    let version = challengers
        .find(|version| version.hash == command.hash)
        .ok_or_else(refusal::challenger_unknown)?;
    let change = Change {
        challengers: Some(register.without(&version.hash)),
        ..Change::default()
    };
    let dropped = ChallengerDropped {
        number: register.next(),
        version: version.clone(),
        by: command.by.clone(),
    };
    Ok(told(dropped, register.next(), &change, context))
}

/// Lower-case only, so that nobody is two people.
fn check_name(name: &str) -> Result<(), Refusal> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    match (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        true => Ok(()),
        false => Err(refusal::name_malformed()),
    }
}

fn check_version(version: &Version) -> Result<(), Refusal> {
    let hash = version.hash.as_bytes();
    let is_hash = hash.len() == HASH_DIGITS
        && hash
            .iter()
            .all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit));
    match is_hash && (1..=NAME_BYTES_MAX).contains(&version.name.len()) {
        true => Ok(()),
        false => Err(refusal::version_malformed()),
    }
}
