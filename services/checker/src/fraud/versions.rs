//! Which versions decide: those that two people have agreed on, and of one payment those that the first hop has fixed.

use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::HashMap;
use tributary_contracts::fraud::{
    Approval, FraudEvent, PaymentDecided, PaymentObserved, Version, VersionApproved, VersionKind, Versions,
    VersionsUsed,
};
use tributary_ids::{PaymentId, ProposalId};

use crate::{
    remembered::Remembered,
    violation::{At, Findings, Invariant},
};

/// Memory: the versions of each partition, one item a proposal, and one number a payment between the hops (for 90 days of record
/// time where it is never decided).
#[derive(Debug, Default)]
pub(super) struct VersionsCheck {
    in_use: HashMap<i32, Versions>,
    proposals: HashMap<ProposalId, Proposal>,
    /// Adopted, and the approval may not have been read yet.
    adopted: Vec<Adopted>,
    /// As many of `adopted` must be explained by what is read before the cut ends.
    marked: usize,
    /// By what the one hop fixed or the other decided, until the other is read.
    fixed: HashMap<PaymentId, (u64, At)>,
    waiting: Remembered<PaymentId>,
}

#[derive(Debug)]
struct Proposal {
    kind: VersionKind,
    version: Version,
    by: String,
    decided: bool,
    approved: bool,
}

#[derive(Debug)]
struct Adopted {
    approval: Approval,
    rules: Version,
    model: Option<Version>,
    at: At,
}

impl VersionsCheck {
    pub(super) fn observe(&mut self, event: &FraudEvent, at: At, time: i64, found: &mut Findings) {
        match event {
            FraudEvent::PaymentObserved(observed) => self.fixed(observed, at, time, found),
            FraudEvent::VersionsUsed(used) => self.adopt(used, at, found),
            FraudEvent::VersionProposed(proposed) => {
                let proposal = Proposal {
                    kind: proposed.kind,
                    version: proposed.version.clone(),
                    by: proposed.by.to_string(),
                    decided: false,
                    approved: false,
                };
                self.proposals.insert(proposed.proposal_id, proposal);
            }
            FraudEvent::VersionApproved(approved) => self.approve(approved, at, found),
            FraudEvent::VersionRejected(rejected) => {
                if let Some(proposal) = self.proposals.get_mut(&rejected.proposal_id) {
                    proposal.decided = true;
                }
            }
            FraudEvent::PaymentAssessed(_)
            | FraudEvent::AssessmentRepeated(_)
            | FraudEvent::ChallengerAdded(_)
            | FraudEvent::ChallengerDropped(_) => {}
        }
    }

    pub(super) fn decided(&mut self, decided: &PaymentDecided, at: At, time: i64, found: &mut Findings) {
        let versions = &decided.versions;
        let named = (&decided.decision.rules, decided.decision.model.as_ref());
        let mut challenged = decided.challenged.iter().map(|challenged| &challenged.model);
        let is_of_them = named
            == (
                &versions.rules.name,
                versions.model.as_ref().map(|model| &model.name),
            )
            && challenged.all(|model| versions.challengers.contains(model));
        if !is_of_them {
            mixed(decided.payment_id, &[at], found);
        }
        self.pair(decided.payment_id, versions, at, time, found);
    }

    /// The partition fixes what it has adopted last, and before that what it began with.
    fn fixed(&mut self, observed: &PaymentObserved, at: At, time: i64, found: &mut Findings) {
        found.check(Invariant::Decided);
        let in_use = self.in_use.entry(at.partition);
        let in_use = in_use.or_insert_with(|| observed.versions.clone());
        if *in_use != observed.versions {
            let id = observed.payment_id;
            found.violate(Invariant::Decided, "VERSIONS_NOT_IN_USE", &[at], || {
                format!("payment {id} is fixed to versions that its partition does not use")
            });
        }
        self.pair(observed.payment_id, &observed.versions, at, time, found);
    }

    fn pair(&mut self, id: PaymentId, versions: &Versions, at: At, time: i64, found: &mut Findings) {
        let mut hasher = DefaultHasher::new();
        versions.hash(&mut hasher);
        let digest = hasher.finish();
        while let Some(forgotten) = self.waiting.forget(at.partition, time) {
            self.fixed.remove(&forgotten);
        }
        match self.fixed.remove(&id) {
            Some((other, first)) if other != digest => mixed(id, &[first, at], found),
            Some(_) => {}
            None => {
                self.fixed.insert(id, (digest, at));
                self.waiting.has_ended(at.partition, time, id);
            }
        }
    }

    fn adopt(&mut self, used: &VersionsUsed, at: At, found: &mut Findings) {
        let before = self.in_use.insert(at.partition, used.versions.clone());
        let decide = |versions: &Versions| (versions.rules.clone(), versions.model.clone());
        match &used.approval {
            Some(approval) => self.adopted.push(Adopted {
                approval: approval.clone(),
                rules: used.versions.rules.clone(),
                model: used.versions.model.clone(),
                at,
            }),
            None if before.is_some_and(|before| decide(&before) != decide(&used.versions)) => {
                unapproved(&[at], found);
            }
            None => {}
        }
    }

    fn approve(&mut self, approved: &VersionApproved, at: At, found: &mut Findings) {
        found.check(Invariant::Decided);
        let proposal = self.proposals.get_mut(&approved.proposal_id);
        let fits = |proposal: &&mut Proposal| {
            !proposal.decided
                && (proposal.kind, &proposal.version) == (approved.kind, &approved.version)
                && proposal.by == approved.proposed_by
                && approved.proposed_by != approved.approved_by
        };
        match proposal.filter(fits) {
            Some(proposal) => (proposal.decided, proposal.approved) = (true, true),
            None => found.violate(Invariant::Decided, "APPROVED_BY_ONE", &[at], || {
                let id = approved.proposal_id;
                format!("proposal {id} is approved, and two people did not agree on it")
            }),
        }
    }

    pub(super) fn mark(&mut self) {
        self.marked = self.adopted.len();
    }

    pub(super) fn judge(&mut self, found: &mut Findings) {
        for Adopted {
            approval,
            rules,
            model,
            at,
        } in self.adopted.drain(..self.marked)
        {
            let proposal = self.proposals.get(&approval.proposal_id);
            let is_it = |proposal: &&Proposal| {
                let adopted = match proposal.kind {
                    VersionKind::Rules => Some(&rules),
                    VersionKind::Model => model.as_ref(),
                };
                proposal.approved && adopted == Some(&proposal.version)
            };
            if proposal.filter(is_it).is_none() {
                unapproved(&[at], found);
            }
        }
        self.marked = 0;
    }
}

fn mixed(id: PaymentId, at: &[At], found: &mut Findings) {
    found.violate(Invariant::Decided, "DECIDED_BY_A_MIX", at, || {
        format!("payment {id} is decided by other versions than it was fixed to")
    });
}

fn unapproved(at: &[At], found: &mut Findings) {
    found.violate(Invariant::Decided, "USED_WITHOUT_APPROVAL", at, || {
        "a partition goes by rules or a model that nobody has approved".to_owned()
    });
}
