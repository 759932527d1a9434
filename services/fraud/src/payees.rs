//! The second hop, keyed by payee.

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use smol_str::SmolStr;
use tributary_contracts::{
    fraud::{
        self, ActivateModel, ActivateRules, AssessPayee, ConfirmFraud, ConfirmReviewedFraud,
        DecisionRepeated, FraudConfirmed, FraudDecision, FraudRetracted, LabelSource, ModelActivated,
        PAYEES_SERVICE, PayeesCommand, PayeesEvent, PaymentDecided, Real, RetractFraud, RulesActivated,
        TellDecision, Version, Versions,
    },
    runtime::{Answer, AnswerResult, TimerChange, TimerId},
    topics::{FRAUD_PAYEES_DLQ, FRAUD_PAYEES_EVENTS, FRAUD_PAYEES_INBOX},
};
use tributary_fraud_domain::{DAY_S, FeatureVector, LabelRefused, Model, Payee, PayeeReplaced};
use tributary_ids::{AccountId, CustomerId, PaymentId};
use tributary_money::Currency;
use tributary_overlay::{Overlay, layered};
use tributary_stream::service::{
    Context, Corrupt, Decision, Golden, Names, Recorded, Refusal, Service, Told,
};

use crate::{
    live::Live,
    metrics,
    recent::{DECISIONS, LABELS, REVIEWED, Recent},
    refusal::{self, refused},
    rules::{self, Facts, RuleSet},
    seen,
    shelf::{Content, Shelf},
    verdict,
};

/// How long nothing may happen with a payee until its windows are dropped, in seconds of event time: they are empty by then,
/// for payments that are two days late too.
const IDLE_S: i64 = 40 * DAY_S;

/// The second hop of the fraud service.
pub struct FraudPayees;

/// What one partition knows of its payees, and what it can decide by.
#[derive(Default, Serialize, Deserialize)]
pub struct Payees {
    payees: Live<AccountId, Payee, PayeeReplaced>,
    /// Decisions that may be asked for again.
    decided: Recent<PaymentId, Decided>,
    /// Payments that a person has to look at first.
    reviewed: Recent<PaymentId, Counted>,
    labelled: Recent<PaymentId, Label>,
    models: Overlay<Shelf<Model>>,
    rules: Overlay<Shelf<RuleSet>>,
}

layered!(Payees {
    payees,
    decided,
    reviewed,
    labelled,
    models,
    rules
});

/// How the payee's windows have counted a payment: what a label needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Counted {
    at_s: i64,
    unusual: bool,
}

/// A label, also one that was taken back: the payment can be labelled again then.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Label {
    counted: Counted,
    source: LabelSource,
    retracted: bool,
}

/// A decision as it is kept: [`FraudDecision`] leaves out what is absent, which a snapshot can't.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Decided {
    customer: CustomerId,
    amount: i64,
    currency: Currency,
    decision: fraud::Decision,
    reasons: Vec<SmolStr>,
    rules: SmolStr,
    model: Option<SmolStr>,
    score: Option<Real>,
}

impl Decided {
    fn of(decided: &PaymentDecided) -> Self {
        let decision = &decided.decision;
        Self {
            customer: decided.customer,
            amount: decided.amount,
            currency: decided.currency,
            decision: decision.decision,
            reasons: decision.reasons.clone(),
            rules: decision.rules.clone(),
            model: decision.model.clone(),
            score: decision.score,
        }
    }

    fn decision(&self) -> FraudDecision {
        FraudDecision {
            decision: self.decision,
            reasons: self.reasons.clone(),
            rules: self.rules.clone(),
            model: self.model.clone(),
            score: self.score,
        }
    }
}

impl Payees {
    /// What a payment was fixed to, if the partition knows it.
    fn find(&self, versions: &Versions) -> Option<(&RuleSet, Option<&Model>)> {
        let built_in = rules::built_in();
        let rules = match versions.rules == *built_in.version() {
            true => built_in,
            false => self.rules.get().find(&versions.rules)?,
        };
        let model = match &versions.model {
            Some(version) => Some(self.models.get().find(version)?),
            None => None,
        };
        Some((rules, model))
    }

    /// The challengers that are known here. The others are left out: nothing depends on them.
    fn challengers(&self, versions: &Versions) -> impl Iterator<Item = &Model> {
        let models = self.models.get();
        versions
            .challengers
            .iter()
            .filter_map(|version| models.find(version))
    }

    /// Payees that are known.
    pub fn known(&self) -> usize {
        self.payees.len()
    }

    /// The label that a payment bears.
    fn label(&self, payment: PaymentId) -> Option<&Label> {
        self.labelled.get(payment).filter(|label| !label.retracted)
    }
}

/// What decides stays on its shelf.
fn keep<T: Content>(shelf: &mut Overlay<Shelf<T>>, version: &Version) {
    if shelf.get().is_old(version) {
        shelf.get_mut().renew(version);
    }
}

impl Service for FraudPayees {
    type Command = PayeesCommand;
    type Event = PayeesEvent;
    type State = Payees;

    const NAMES: Names = Names {
        service: PAYEES_SERVICE,
        inbox: FRAUD_PAYEES_INBOX,
        events: FRAUD_PAYEES_EVENTS,
        dead_letters: FRAUD_PAYEES_DLQ,
    };

    const FOLD_VERSION: u32 = 2;

    const GOLDEN: Golden = Golden {
        schema: "943ac867a6a88360720b26408faad870",
        state: "c5a3c9ed3b57c185c2db453be2c7beed",
    };

    /// A payment is decided on once by its id, and its decision is told again; it bears one label.
    fn dedupes_itself(command: &PayeesCommand) -> bool {
        matches!(
            command,
            PayeesCommand::AssessPayee(_)
                | PayeesCommand::TellDecision(_)
                | PayeesCommand::ConfirmReviewedFraud(_)
        )
    }

    fn decide(
        payees: &Payees,
        command: &PayeesCommand,
        context: &Context,
    ) -> Result<Decision<PayeesEvent>, Refusal> {
        match command {
            PayeesCommand::AssessPayee(command) => assess(payees, command),
            PayeesCommand::TellDecision(command) => tell(payees, command),
            PayeesCommand::ActivateModel(command) => activate_model(command, context),
            PayeesCommand::ActivateRules(command) => activate_rules(command, context),
            PayeesCommand::ConfirmFraud(command) => confirm(payees, command),
            PayeesCommand::ConfirmReviewedFraud(command) => confirm_reviewed(payees, command),
            PayeesCommand::RetractFraud(command) => retract(payees, command),
        }
    }

    /// No timer is ever armed.
    fn decide_timer(_: &Payees, _: &TimerId, _: &Context) -> Decision<PayeesEvent> {
        Decision::default()
    }

    fn decide_answer(_: &Payees, _: &str, _: &Answer, _: &Context) -> Result<Decision<PayeesEvent>, Refusal> {
        Err(Refusal {
            code: "ANSWER_UNEXPECTED",
            detail: "the fraud service waits for no answer".to_owned(),
        })
    }

    fn evolve(payees: &mut Payees, event: &PayeesEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        match event {
            PayeesEvent::PaymentDecided(decided) => {
                let counted = Counted {
                    at_s: decided.payee_seen.counted_at_s,
                    unusual: decided.customer_seen.unusual,
                };
                let at_s = decided.initiated_at.div_euclid(1_000);
                payees.payees.count(decided.creditor, at_s, IDLE_S, |payee| {
                    payee.count(at_s, counted.unusual)
                });
                keep(&mut payees.rules, &decided.versions.rules);
                for version in decided.versions.model.iter().chain(&decided.versions.challengers) {
                    keep(&mut payees.models, version);
                }
                if decided.decision.decision == fraud::Decision::Review {
                    payees
                        .reviewed
                        .insert(decided.payment_id, counted, recorded.time_ms, &REVIEWED);
                }
                payees.decided.insert(
                    decided.payment_id,
                    Decided::of(decided),
                    recorded.time_ms,
                    &DECISIONS,
                );
            }
            PayeesEvent::FraudConfirmed(confirmed) => {
                payees
                    .payees
                    .get_mut(&confirmed.creditor)
                    .ok_or(LabelRefused::UnknownPayment)
                    .and_then(|payee| payee.confirm_fraud(confirmed.counted_at_s, confirmed.unusual))
                    .map_err(|error| Corrupt(format!("payment {}: {error}", confirmed.payment_id)))?;
                let label = Label {
                    counted: Counted {
                        at_s: confirmed.counted_at_s,
                        unusual: confirmed.unusual,
                    },
                    source: confirmed.source,
                    retracted: false,
                };
                match payees.labelled.get_mut(confirmed.payment_id) {
                    Some(before) => *before = label,
                    None => payees
                        .labelled
                        .insert(confirmed.payment_id, label, recorded.time_ms, &LABELS),
                }
            }
            PayeesEvent::FraudRetracted(retracted) => {
                payees
                    .payees
                    .get_mut(&retracted.creditor)
                    .ok_or(LabelRefused::UnknownPayment)
                    .and_then(|payee| payee.retract_fraud(retracted.counted_at_s, retracted.unusual))
                    .map_err(|error| Corrupt(format!("payment {}: {error}", retracted.payment_id)))?;
                if let Some(label) = payees.labelled.get_mut(retracted.payment_id) {
                    label.retracted = true;
                }
            }
            PayeesEvent::ModelActivated(activated) => {
                payees
                    .models
                    .get_mut()
                    .add(&activated.version, &activated.artefact);
            }
            PayeesEvent::RulesActivated(activated) => {
                payees.rules.get_mut().add(&activated.version, &activated.rules);
            }
            PayeesEvent::DecisionRepeated(_) => {}
        }
        Ok(())
    }

    fn timer_changes(_: &PayeesEvent) -> SmallVec<[TimerChange; 1]> {
        SmallVec::new()
    }

    fn tell(event: &PayeesEvent) -> Option<Told> {
        match event {
            PayeesEvent::PaymentDecided(decided) => Some(metrics::decided(decided)),
            _ => None,
        }
    }

    fn announce_metrics() {
        metrics::announce();
    }
}

fn assess(payees: &Payees, command: &AssessPayee) -> Result<Decision<PayeesEvent>, Refusal> {
    if let Some(before) = payees.decided.get(command.payment_id) {
        let about = (before.customer, before.amount, before.currency);
        return match about == (command.customer, command.amount, command.currency) {
            true => Ok(repeated(command.payment_id, command.creditor, before)),
            false => Err(refusal::payment_differs()),
        };
    }
    let (rules, model) = payees
        .find(&command.versions)
        .ok_or_else(refusal::version_unknown)?;
    let payment = seen::payment(
        command.amount,
        command.currency,
        command.initiated_at,
        command.utc_offset_s,
    )
    .map_err(|error| refused(error.code(), &error))?;
    let found = match payees.payees.get(&command.creditor) {
        Some(payee) => payee.judge(payment.at_s()),
        None => Payee::default().judge(payment.at_s()),
    };
    let features = FeatureVector::new(&payment, &seen::to_customer(&command.seen), &found);
    let mut facts = Facts::new(command, &features);
    let verdict = verdict::of(rules, model, &mut facts);
    let challenged = payees
        .challengers(&command.versions)
        .filter_map(|challenger| verdict::of_challenger(rules, challenger, &mut facts))
        .collect();
    let decided = PaymentDecided {
        payment_id: command.payment_id,
        customer: command.customer,
        debtor: Some(command.debtor),
        creditor: command.creditor,
        amount: command.amount,
        currency: command.currency,
        initiated_at: command.initiated_at,
        utc_offset_s: command.utc_offset_s,
        customer_seen: command.seen,
        payee_seen: seen::of_payee(&found),
        versions: command.versions.clone(),
        decision: verdict.decision.clone(),
        contributions: verdict.contributions,
        challenged,
    };
    Ok(Decision {
        events: smallvec![decided.into()],
        send: SmallVec::new(),
        result: Some(AnswerResult::Fraud(verdict.decision)),
    })
}

fn tell(payees: &Payees, command: &TellDecision) -> Result<Decision<PayeesEvent>, Refusal> {
    payees
        .decided
        .get(command.payment_id)
        .map(|before| repeated(command.payment_id, command.creditor, before))
        .ok_or_else(refusal::decision_unknown)
}

fn repeated(payment_id: PaymentId, creditor: AccountId, before: &Decided) -> Decision<PayeesEvent> {
    let repeated = DecisionRepeated { payment_id, creditor };
    Decision {
        events: smallvec![repeated.into()],
        send: SmallVec::new(),
        result: Some(AnswerResult::Fraud(before.decision())),
    }
}

fn activate_model(command: &ActivateModel, context: &Context) -> Result<Decision<PayeesEvent>, Refusal> {
    if command.partition != context.partition {
        return Err(refusal::partition_differs());
    }
    let model = <Model as Content>::load(&command.artefact)?;
    let activated = ModelActivated {
        partition: command.partition,
        version: model.version(),
        artefact: command.artefact.clone(),
    };
    Ok(Decision {
        events: smallvec![activated.into()],
        ..Decision::default()
    })
}

fn activate_rules(command: &ActivateRules, context: &Context) -> Result<Decision<PayeesEvent>, Refusal> {
    if command.partition != context.partition {
        return Err(refusal::partition_differs());
    }
    let rules = <RuleSet as Content>::load(&command.rules)?;
    let activated = RulesActivated {
        partition: command.partition,
        version: rules.version().clone(),
        rules: command.rules.clone(),
    };
    Ok(Decision {
        events: smallvec![activated.into()],
        ..Decision::default()
    })
}

fn confirm(payees: &Payees, command: &ConfirmFraud) -> Result<Decision<PayeesEvent>, Refusal> {
    let counted = Counted {
        at_s: command.counted_at_s,
        unusual: command.unusual,
    };
    label(
        payees,
        command.payment_id,
        command.creditor,
        counted,
        command.source,
    )
}

fn confirm_reviewed(
    payees: &Payees,
    command: &ConfirmReviewedFraud,
) -> Result<Decision<PayeesEvent>, Refusal> {
    let reviewed = payees.reviewed.get(command.payment_id);
    let counted = *reviewed.ok_or_else(refusal::decision_unknown)?;
    label(
        payees,
        command.payment_id,
        command.creditor,
        counted,
        LabelSource::Analyst,
    )
}

fn label(
    payees: &Payees,
    payment_id: PaymentId,
    creditor: AccountId,
    counted: Counted,
    source: LabelSource,
) -> Result<Decision<PayeesEvent>, Refusal> {
    if payees.label(payment_id).is_some() {
        return Err(refusal::label_twice());
    }
    let mut payee = payees.payees.get(&creditor).cloned().unwrap_or_default();
    payee
        .confirm_fraud(counted.at_s, counted.unusual)
        .map_err(|error| refused(error.code(), &error))?;
    let confirmed = FraudConfirmed {
        payment_id,
        creditor,
        counted_at_s: counted.at_s,
        unusual: counted.unusual,
        source,
    };
    Ok(Decision {
        events: smallvec![confirmed.into()],
        ..Decision::default()
    })
}

fn retract(payees: &Payees, command: &RetractFraud) -> Result<Decision<PayeesEvent>, Refusal> {
    let label = payees
        .label(command.payment_id)
        .ok_or_else(refusal::label_missing)?;
    let mut payee = payees.payees.get(&command.creditor).cloned().unwrap_or_default();
    // Of another payee than it was set for, or of a payment that no window holds any more.
    payee
        .retract_fraud(label.counted.at_s, label.counted.unusual)
        .map_err(|error| refused(error.code(), &error))?;
    let retracted = FraudRetracted {
        payment_id: command.payment_id,
        creditor: command.creditor,
        counted_at_s: label.counted.at_s,
        unusual: label.counted.unusual,
        source: label.source,
    };
    Ok(Decision {
        events: smallvec![retracted.into()],
        ..Decision::default()
    })
}
