//! The fraud service, both hops: what it decided, that it decides the same of a payment each time, and that it does so by the
//! versions that were fixed.

mod versions;

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;
use tributary_contracts::{
    fraud::{Decision, FraudCommand, FraudEvent, LabelSource, PayeesCommand, PayeesEvent},
    record::Record,
};
use tributary_ids::PaymentId;
use tributary_money::Money;
use tributary_stream::StreamEvent;
use versions::VersionsCheck;

use crate::{
    flow::{self, Flow, Fraud, FraudPayees},
    violation::{At, Findings, Invariant},
};

/// Milliseconds of record time for which a decision is remembered: a payment ends long before.
const REMEMBERED_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// The fold over `fraud.*` and `fraud-payees.*`. Memory: one decision a payment, for 90 days of record time.
#[derive(Debug)]
pub(crate) struct FraudCheck {
    pub(crate) customers: Flow<Fraud>,
    pub(crate) payees: Flow<FraudPayees>,
    decisions: Decisions,
    versions: VersionsCheck,
}

impl FraudCheck {
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            customers: Flow::new(partitions),
            payees: Flow::new(partitions),
            decisions: Decisions::default(),
            versions: VersionsCheck::default(),
        }
    }

    pub(crate) fn observe_inbox(&mut self, record: &Record, found: &mut Findings) {
        let pair = self.customers.ask(record, found);
        flow::compare(
            pair,
            found,
            |asked, events| matches!(events, [event] if customers_effect(asked, event)),
        );
    }

    pub(crate) fn observe_event(&mut self, record: &Record, found: &mut Findings) {
        let Some((envelope, at)) = self.customers.read(record, found) else {
            return;
        };
        if let StreamEvent::Service(event) = &envelope.data {
            self.customers.check_key(&record.key, event, at, found);
            self.versions.observe(event, at, envelope.time, found);
            // Of before there was a second hop.
            if let FraudEvent::PaymentAssessed(assessed) = event {
                let decided = (assessed.payment_id, assessed.decision.decision);
                self.decisions.take(decided, at, envelope.time, found);
            }
        }
        let pair = self.customers.answer(envelope, None, at, found);
        flow::compare(
            pair,
            found,
            |asked, events| matches!(events, [event] if customers_effect(asked, event)),
        );
    }

    pub(crate) fn observe_payees_inbox(&mut self, record: &Record, found: &mut Findings) {
        let pair = self.payees.ask(record, found);
        flow::compare(
            pair,
            found,
            |asked, events| matches!(events, [event] if payees_effect(asked, event)),
        );
    }

    pub(crate) fn observe_payees_event(&mut self, record: &Record, found: &mut Findings) {
        let Some((envelope, at)) = self.payees.read(record, found) else {
            return;
        };
        if let StreamEvent::Service(event) = &envelope.data {
            self.payees.check_key(&record.key, event, at, found);
            if let PayeesEvent::PaymentDecided(decided) = event {
                self.versions.decided(decided, at, envelope.time, found);
                let decided = (decided.payment_id, decided.decision.decision);
                self.decisions.take(decided, at, envelope.time, found);
            }
        }
        let pair = self.payees.answer(envelope, None, at, found);
        flow::compare(
            pair,
            found,
            |asked, events| matches!(events, [event] if payees_effect(asked, event)),
        );
    }

    /// Takes down what must be explained at the next judgement.
    pub(crate) fn mark(&mut self) {
        self.customers.mark();
        self.payees.mark();
        self.versions.mark();
    }

    /// Judges which versions decide.
    pub(crate) fn judge_versions(&mut self, found: &mut Findings) {
        self.versions.judge(found);
    }

    /// Whether the service decided so, or may have.
    pub(crate) fn may_have_decided(&self, payment: PaymentId, decision: Decision) -> bool {
        match self.decisions.of.get(&payment) {
            Some((decided, _)) => *decided == decision,
            None => self.decisions.forgot,
        }
    }
}

/// What was decided of each payment, and where.
#[derive(Debug, Default)]
struct Decisions {
    of: HashMap<PaymentId, (Decision, At)>,
    order: BTreeMap<(&'static str, i32), VecDeque<(i64, PaymentId)>>,
    forgot: bool,
}

impl Decisions {
    fn take(&mut self, (id, decision): (PaymentId, Decision), at: At, time: i64, found: &mut Findings) {
        let partition = (at.topic, at.partition);
        self.forget(partition, time);
        match self.of.get(&id) {
            None => {
                self.of.insert(id, (decision, at));
                self.order.entry(partition).or_default().push_back((time, id));
            }
            Some((before, first)) if *before != decision => {
                let before = *before;
                found.violate(
                    Invariant::OneEffect,
                    "ASSESSED_DIFFERENTLY",
                    &[*first, at],
                    || format!("payment {id} was assessed as {before:?} and then as {decision:?}"),
                );
            }
            Some(_) => {}
        }
    }

    fn forget(&mut self, partition: (&'static str, i32), time: i64) {
        let Some(order) = self.order.get_mut(&partition) else {
            return;
        };
        while order
            .front()
            .is_some_and(|(at, _)| at.saturating_add(REMEMBERED_MS) < time)
        {
            if let Some((_, payment)) = order.pop_front() {
                self.of.remove(&payment);
                self.forgot = true;
            }
        }
    }
}

/// Whether a command of the first hop can lead to this event.
fn customers_effect(command: &FraudCommand, event: &FraudEvent) -> bool {
    match (command, event) {
        (FraudCommand::AssessPayment(asked), FraudEvent::PaymentAssessed(assessed)) => {
            (asked.payment_id, asked.customer) == (assessed.payment_id, assessed.customer)
                && Money::parse(&asked.amount, asked.currency).ok()
                    == Some(Money::new(assessed.amount, assessed.currency))
        }
        (FraudCommand::AssessPayment(asked), FraudEvent::PaymentObserved(observed)) => {
            (
                asked.payment_id,
                asked.customer,
                asked.creditor,
                asked.initiated_at,
            ) == (
                observed.payment_id,
                observed.customer,
                observed.creditor,
                observed.initiated_at,
            ) && Money::parse(&asked.amount, asked.currency).ok()
                == Some(Money::new(observed.amount, observed.currency))
        }
        (FraudCommand::AssessPayment(asked), FraudEvent::AssessmentRepeated(repeated)) => {
            (asked.payment_id, asked.customer) == (repeated.payment_id, repeated.customer)
        }
        (FraudCommand::UseVersions(asked), FraudEvent::VersionsUsed(used)) => {
            asked.partition == used.partition
                && asked
                    .rules
                    .as_ref()
                    .is_none_or(|rules| *rules == used.versions.rules)
                && (asked.model.is_none() || asked.model == used.versions.model)
                && asked
                    .challengers
                    .as_ref()
                    .is_none_or(|challengers| *challengers == used.versions.challengers)
                && (asked.number, &asked.approval) == (used.number, &used.approval)
        }
        (FraudCommand::ProposeVersion(asked), FraudEvent::VersionProposed(proposed)) => {
            (asked.proposal_id, asked.kind, &asked.version, &asked.by)
                == (
                    proposed.proposal_id,
                    proposed.kind,
                    &proposed.version,
                    &proposed.by,
                )
        }
        (FraudCommand::ApproveVersion(asked), FraudEvent::VersionApproved(approved)) => {
            (asked.proposal_id, &asked.hash, &asked.by)
                == (
                    approved.proposal_id,
                    &approved.version.hash,
                    &approved.approved_by,
                )
        }
        (FraudCommand::RejectVersion(asked), FraudEvent::VersionRejected(rejected)) => {
            (asked.proposal_id, &asked.by) == (rejected.proposal_id, &rejected.by)
        }
        (FraudCommand::AddChallenger(asked), FraudEvent::ChallengerAdded(added)) => {
            (&asked.version, &asked.by) == (&added.version, &added.by)
        }
        (FraudCommand::DropChallenger(asked), FraudEvent::ChallengerDropped(dropped)) => {
            (&asked.hash, &asked.by) == (&dropped.version.hash, &dropped.by)
        }
        _ => false,
    }
}

/// Whether a command of the second hop can lead to this event: a decision is made by the versions that came with the payment.
fn payees_effect(command: &PayeesCommand, event: &PayeesEvent) -> bool {
    match (command, event) {
        (PayeesCommand::AssessPayee(asked), PayeesEvent::PaymentDecided(decided)) => {
            (asked.payment_id, asked.customer, asked.creditor)
                == (decided.payment_id, decided.customer, decided.creditor)
                && (asked.amount, asked.currency, asked.initiated_at)
                    == (decided.amount, decided.currency, decided.initiated_at)
                && (&asked.seen, &asked.versions) == (&decided.customer_seen, &decided.versions)
        }
        (PayeesCommand::AssessPayee(asked), PayeesEvent::DecisionRepeated(repeated)) => {
            (asked.payment_id, asked.creditor) == (repeated.payment_id, repeated.creditor)
        }
        (PayeesCommand::TellDecision(asked), PayeesEvent::DecisionRepeated(repeated)) => {
            (asked.payment_id, asked.creditor) == (repeated.payment_id, repeated.creditor)
        }
        (PayeesCommand::ActivateModel(asked), PayeesEvent::ModelActivated(activated)) => {
            (asked.partition, &asked.artefact) == (activated.partition, &activated.artefact)
        }
        (PayeesCommand::ActivateRules(asked), PayeesEvent::RulesActivated(activated)) => {
            (asked.partition, &asked.rules) == (activated.partition, &activated.rules)
        }
        (PayeesCommand::ConfirmFraud(asked), PayeesEvent::FraudConfirmed(confirmed)) => {
            (
                asked.payment_id,
                asked.creditor,
                asked.counted_at_s,
                asked.unusual,
            ) == (
                confirmed.payment_id,
                confirmed.creditor,
                confirmed.counted_at_s,
                confirmed.unusual,
            )
        }
        (PayeesCommand::ConfirmReviewedFraud(asked), PayeesEvent::FraudConfirmed(confirmed)) => {
            (asked.payment_id, asked.creditor, LabelSource::Analyst)
                == (confirmed.payment_id, confirmed.creditor, confirmed.source)
        }
        (PayeesCommand::RetractFraud(asked), PayeesEvent::FraudRetracted(retracted)) => {
            (asked.payment_id, asked.creditor) == (retracted.payment_id, retracted.creditor)
        }
        _ => false,
    }
}
