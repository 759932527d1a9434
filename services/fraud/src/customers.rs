//! The first hop, keyed by customer.

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use tributary_contracts::{
    fraud::{
        AssessPayee, AssessPayment, AssessmentRepeated, FraudCommand, FraudEvent, PayeesCommand,
        PaymentObserved, SERVICE, TellDecision, UseVersions, Versions, VersionsUsed,
    },
    runtime::{Answer, TimerChange, TimerId},
    topics::{FRAUD_DLQ, FRAUD_EVENTS, FRAUD_INBOX, FRAUD_PAYEES_INBOX},
};
use tributary_fraud_domain::{Customer, SKEW_S};
use tributary_ids::{AccountId, CustomerId};
use tributary_money::{Currency, Money};
use tributary_overlay::{Overlay, OverlayMap, layered};
use tributary_stream::service::{
    Awaited, Context, Corrupt, Decision, FollowUp, Golden, Names, Recorded, Refusal, Service,
};

use crate::{
    recent::{DECISIONS, Recent},
    refusal::{self, refused},
    rules, seen,
};

/// The first hop of the fraud service.
pub struct Fraud;

/// What one partition knows of its customers.
#[derive(Default, Serialize, Deserialize)]
pub struct Customers {
    /// By currency too: amounts of several don't add up.
    customers: OverlayMap<(CustomerId, Currency), Customer>,
    /// Payments that may be asked about again.
    assessed: Recent<Asked>,
    /// None: those that are built in.
    versions: Overlay<Option<Versions>>,
}

layered!(Customers {
    customers,
    assessed,
    versions
});

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
        self.versions.get().clone().unwrap_or_else(|| Versions {
            rules: rules::built_in().version().clone(),
            model: None,
        })
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
        schema: "99f2435310269891ce61cee752734683",
        state: "6b39b66ec76669982cfbb22224f5679c",
    };

    /// A payment is counted once by its id, and its decision is told again.
    fn dedupes_itself(command: &FraudCommand) -> bool {
        matches!(command, FraudCommand::AssessPayment(_))
    }

    fn decide(
        customers: &Customers,
        command: &FraudCommand,
        context: &Context,
    ) -> Result<Decision<FraudEvent>, Refusal> {
        match command {
            FraudCommand::AssessPayment(command) => assess(customers, command, context),
            FraudCommand::UseVersions(command) => use_versions(customers, command, context),
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
                customers
                    .customers
                    .get_or_insert_with((observed.customer, observed.currency), Customer::default)
                    .observe(&payment);
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
            FraudEvent::VersionsUsed(used) => customers.versions.set(Some(used.versions.clone())),
            // Those of before the second hop counted nothing.
            FraudEvent::PaymentAssessed(_) | FraudEvent::AssessmentRepeated(_) => {}
        }
        Ok(())
    }

    fn timer_changes(_: &FraudEvent) -> SmallVec<[TimerChange; 1]> {
        SmallVec::new()
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
    let mut customer = customers
        .customers
        .get(&(command.customer, command.currency))
        .cloned()
        .unwrap_or_default();
    let observed = PaymentObserved {
        payment_id: command.payment_id,
        customer: command.customer,
        creditor: command.creditor,
        amount: amount.minor,
        currency: command.currency,
        initiated_at: command.initiated_at,
        utc_offset_s: command.utc_offset_s,
        seen: seen::of_customer(&customer.observe(&payment)),
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
    if command.rules.is_none() && command.model.is_none() {
        return Err(refusal::versions_missing());
    }
    let before = customers.versions();
    let used = VersionsUsed {
        partition: command.partition,
        versions: Versions {
            rules: command.rules.clone().unwrap_or(before.rules),
            model: command.model.clone().or(before.model),
        },
    };
    Ok(Decision {
        events: smallvec![used.into()],
        ..Decision::default()
    })
}
