//! The first hop, keyed by customer.

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use tributary_contracts::{
    fraud::{
        AssessPayee, AssessPayment, AssessmentRepeated, FraudCommand, FraudEvent, PayeesCommand,
        PaymentObserved, SERVICE, TellDecision, UseVersions, Version, Versions, VersionsUsed,
    },
    runtime::{Answer, TimerChange, TimerId},
    topics::{FRAUD_DLQ, FRAUD_EVENTS, FRAUD_INBOX, FRAUD_PAYEES_INBOX},
};
use tributary_fraud_domain::{Customer, CustomerReplaced, DAY_S, SKEW_S};
use tributary_ids::{AccountId, CustomerId, PaymentId};
use tributary_money::{Currency, Money};
use tributary_overlay::{Overlay, layered};
use tributary_stream::service::{
    Awaited, Context, Corrupt, Decision, FollowUp, Golden, Names, Recorded, Refusal, Service, Told,
};

use crate::{
    live::Live,
    metrics,
    recent::{DECISIONS, Recent},
    refusal::{self, refused},
    register::{self, Register},
    rules, seen,
};

/// How long nothing may happen with a customer until his windows are dropped, in seconds of event time: they are empty by then,
/// for payments that are up to 23 hours late too.
const IDLE_S: i64 = 31 * DAY_S;

/// The first hop of the fraud service.
pub struct Fraud;

/// What one partition knows of its customers.
#[derive(Default, Serialize, Deserialize)]
pub struct Customers {
    /// By currency too: amounts of several don't add up.
    customers: Live<(CustomerId, Currency), Customer, CustomerReplaced>,
    /// Payments that may be asked about again.
    assessed: Recent<PaymentId, Asked>,
    in_use: Overlay<InUse>,
    /// Of one partition only; empty in the others.
    register: Register,
}

layered!(Customers {
    customers,
    assessed,
    in_use,
    register
});

/// [`Versions`] as they are kept, and the register's change that they come from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct InUse {
    /// None: those that are built in.
    rules: Option<Version>,
    model: Option<Version>,
    challengers: Vec<Version>,
    number: u64,
}

/// What a repetition must be like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Asked {
    customer: CustomerId,
    creditor: AccountId,
    amount: i64,
    currency: Currency,
}

impl Customers {
    /// What decides on payments that come now.
    pub fn versions(&self) -> Versions {
        let in_use = self.in_use.get().clone();
        Versions {
            rules: in_use
                .rules
                .unwrap_or_else(|| rules::built_in().version().clone()),
            model: in_use.model,
            challengers: in_use.challengers,
        }
    }

    /// Customers that are known, one by each currency of his.
    pub fn known(&self) -> usize {
        self.customers.len()
    }
}

impl Service for Fraud {
    type Command = FraudCommand;
    type Event = FraudEvent;
    type State = Customers;

    const NAMES: Names = Names {
        service: SERVICE,
        inbox: FRAUD_INBOX,
        events: FRAUD_EVENTS,
        dead_letters: FRAUD_DLQ,
    };

    const FOLD_VERSION: u32 = 3;

    const GOLDEN: Golden = Golden {
        schema: "099d32c5b6c1b3700514a3eac3d853f4",
        state: "53e8bca63306cd30991e6477687e0018",
    };

    /// A payment is counted once by its id, and its decision is told again; a change of the register is adopted once by its
    /// number.
    fn dedupes_itself(command: &FraudCommand) -> bool {
        matches!(
            command,
            FraudCommand::AssessPayment(_) | FraudCommand::UseVersions(_)
        )
    }

    fn decide(
        customers: &Customers,
        command: &FraudCommand,
        context: &Context,
    ) -> Result<Decision<FraudEvent>, Refusal> {
        let register = |command| register::decide(&customers.register, &command, context);
        match command {
            FraudCommand::AssessPayment(command) => assess(customers, command, context),
            FraudCommand::UseVersions(command) => use_versions(customers, command, context),
            FraudCommand::ProposeVersion(command) => register(register::Command::Propose(command)),
            FraudCommand::ApproveVersion(command) => register(register::Command::Approve(command)),
            FraudCommand::RejectVersion(command) => register(register::Command::Reject(command)),
            FraudCommand::AddChallenger(command) => register(register::Command::Add(command)),
            FraudCommand::DropChallenger(command) => register(register::Command::Drop(command)),
        }
    }

    /// No timer is ever armed.
    fn decide_timer(_: &Customers, _: &TimerId, _: &Context) -> Decision<FraudEvent> {
        Decision::default()
    }

    /// The second hop answers whoever asked.
    fn decide_answer(
        _: &Customers,
        _: &str,
        _: &Answer,
        _: &Context,
    ) -> Result<Decision<FraudEvent>, Refusal> {
        Err(Refusal {
            code: "ANSWER_UNEXPECTED",
            detail: "the fraud service waits for no answer".to_owned(),
        })
    }

    fn evolve(customers: &mut Customers, event: &FraudEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        match event {
            FraudEvent::PaymentObserved(observed) => {
                let payment = seen::payment(
                    observed.amount,
                    observed.currency,
                    observed.initiated_at,
                    observed.utc_offset_s,
                )
                .map_err(|error| Corrupt(format!("payment {}: {error}", observed.payment_id)))?;
                let key = (observed.customer, observed.currency);
                customers
                    .customers
                    .count(key, payment.at_s(), IDLE_S, |customer| {
                        customer.count(&payment, observed.seen.unusual)
                    });
                let asked = Asked {
                    customer: observed.customer,
                    creditor: observed.creditor,
                    amount: observed.amount,
                    currency: observed.currency,
                };
                customers
                    .assessed
                    .insert(observed.payment_id, asked, recorded.time_ms, &DECISIONS);
            }
            FraudEvent::VersionsUsed(used) => customers.in_use.set(InUse {
                rules: Some(used.versions.rules.clone()),
                model: used.versions.model.clone(),
                challengers: used.versions.challengers.clone(),
                number: used.number,
            }),
            FraudEvent::VersionProposed(_)
            | FraudEvent::VersionApproved(_)
            | FraudEvent::VersionRejected(_)
            | FraudEvent::ChallengerAdded(_)
            | FraudEvent::ChallengerDropped(_) => {
                register::evolve(&mut customers.register, event, recorded.time_ms)?;
            }
            // Those of before the second hop counted nothing.
            FraudEvent::PaymentAssessed(_) | FraudEvent::AssessmentRepeated(_) => {}
        }
        Ok(())
    }

    fn timer_changes(_: &FraudEvent) -> SmallVec<[TimerChange; 1]> {
        SmallVec::new()
    }

    fn tell(event: &FraudEvent) -> Option<Told> {
        match event {
            FraudEvent::VersionsUsed(used) => Some(metrics::adopted(used)),
            _ => None,
        }
    }

    fn announce_metrics() {
        metrics::announce();
    }
}

fn assess(
    customers: &Customers,
    command: &AssessPayment,
    context: &Context,
) -> Result<Decision<FraudEvent>, Refusal> {
    let amount =
        Money::parse(&command.amount, command.currency).map_err(|error| refused(error.code(), &error))?;
    let asked = Asked {
        customer: command.customer,
        creditor: command.creditor,
        amount: amount.minor,
        currency: command.currency,
    };
    match customers.assessed.get(command.payment_id) {
        Some(before) if *before == asked => return Ok(repeat(command)),
        Some(_) => return Err(refusal::payment_differs()),
        None => {}
    }
    let payment = seen::payment(
        amount.minor,
        command.currency,
        command.initiated_at,
        command.utc_offset_s,
    )
    .map_err(|error| refused(error.code(), &error))?;
    // It would take the others' windows along into the future.
    if payment.at_s() > context.time_ms.div_euclid(1_000).saturating_add(SKEW_S) {
        return Err(refusal::time_ahead());
    }
    let seen = match customers.customers.get(&(command.customer, command.currency)) {
        Some(customer) => customer.judge(&payment),
        None => Customer::default().judge(&payment),
    };
    let observed = PaymentObserved {
        payment_id: command.payment_id,
        customer: command.customer,
        creditor: command.creditor,
        amount: amount.minor,
        currency: command.currency,
        initiated_at: command.initiated_at,
        utc_offset_s: command.utc_offset_s,
        seen: seen::of_customer(&seen),
        versions: customers.versions(),
    };
    let assess = AssessPayee {
        payment_id: command.payment_id,
        customer: command.customer,
        debtor: command.debtor,
        creditor: command.creditor,
        amount: amount.minor,
        currency: command.currency,
        initiated_at: command.initiated_at,
        utc_offset_s: command.utc_offset_s,
        seen: observed.seen,
        versions: observed.versions.clone(),
    };
    Ok(handed_on(observed.into(), &assess.into()))
}

fn repeat(command: &AssessPayment) -> Decision<FraudEvent> {
    let repeated = AssessmentRepeated {
        payment_id: command.payment_id,
        customer: command.customer,
    };
    let tell = TellDecision {
        payment_id: command.payment_id,
        creditor: command.creditor,
    };
    handed_on(repeated.into(), &tell.into())
}

fn handed_on(event: FraudEvent, command: &PayeesCommand) -> Decision<FraudEvent> {
    let follow_up = FollowUp::new(FRAUD_PAYEES_INBOX, command.key(), command);
    Decision {
        events: smallvec![event],
        send: smallvec![follow_up.awaited(Awaited::ByWhoeverAsked)],
        result: None,
    }
}

fn use_versions(
    customers: &Customers,
    command: &UseVersions,
    context: &Context,
) -> Result<Decision<FraudEvent>, Refusal> {
    if command.partition != context.partition {
        return Err(refusal::partition_differs());
    }
    if command.rules.is_none() && command.model.is_none() && command.challengers.is_none() {
        return Err(refusal::versions_missing());
    }
    if command.number <= customers.in_use.get().number {
        return Err(refusal::versions_outdated());
    }
    // That they did agree the register has seen to; the checker looks again.
    match &command.approval {
        Some(approval) if approval.proposed_by == approval.approved_by => return Err(refusal::same_person()),
        None if command.rules.is_some() || command.model.is_some() => {
            return Err(refusal::approval_missing());
        }
        Some(_) | None => {}
    }
    let before = customers.versions();
    let used = VersionsUsed {
        partition: command.partition,
        number: command.number,
        versions: Versions {
            rules: command.rules.clone().unwrap_or(before.rules),
            model: command.model.clone().or(before.model),
            challengers: command.challengers.clone().unwrap_or(before.challengers),
        },
        approval: command.approval.clone(),
    };
    Ok(Decision {
        events: smallvec![used.into()],
        ..Decision::default()
    })
}
