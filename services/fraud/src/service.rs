use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use tributary_contracts::{
    fraud::{FraudCommand, FraudEvent, PaymentAssessed, SERVICE},
    runtime::{Answer, AnswerResult, TimerChange, TimerId},
    topics::{FRAUD_DLQ, FRAUD_EVENTS, FRAUD_INBOX},
};
use tributary_money::Money;
use tributary_overlay::{Overlay, layered};
use tributary_stream::service::{Context, Corrupt, Decision, Golden, Names, Recorded, Refusal, Service};

use crate::rule;

/// The fraud service.
pub struct Fraud;

/// What the service knows of one partition's customers: so far, how many payments it has assessed.
#[derive(Default, Serialize, Deserialize)]
pub struct Assessed {
    payments: Overlay<u64>,
}

layered!(Assessed { payments });

impl Service for Fraud {
    type Command = FraudCommand;
    type Event = FraudEvent;
    type State = Assessed;

    const NAMES: Names = Names {
        service: SERVICE,
        inbox: FRAUD_INBOX,
        events: FRAUD_EVENTS,
        dead_letters: FRAUD_DLQ,
    };

    const FOLD_VERSION: u32 = 1;

    const GOLDEN: Golden = Golden {
        schema: "6c5399eae6b71dee63fa6c901fd5633d",
        state: "0c933154edb12820ecf85de029edd16e",
    };

    /// The rule looks at the payment alone, so the same payment gets the same decision.
    fn dedupes_itself(_: &FraudCommand) -> bool {
        true
    }

    fn decide(_: &Assessed, command: &FraudCommand, _: &Context) -> Result<Decision<FraudEvent>, Refusal> {
        let FraudCommand::AssessPayment(command) = command;
        let amount = Money::parse(&command.amount, command.currency).map_err(|error| Refusal {
            code: error.code(),
            detail: format!("the amount is {error}"),
        })?;
        let decision = rule::decide(amount);
        let assessed = PaymentAssessed {
            payment_id: command.payment_id,
            customer: command.customer,
            amount: amount.minor,
            currency: command.currency,
            initiated_at: command.initiated_at,
            decision: decision.clone(),
        };
        Ok(Decision {
            events: smallvec![assessed.into()],
            send: SmallVec::new(),
            result: Some(AnswerResult::Fraud(decision)),
        })
    }

    /// No timer is ever armed.
    fn decide_timer(_: &Assessed, _: &TimerId, _: &Context) -> Decision<FraudEvent> {
        Decision::default()
    }

    fn decide_answer(
        _: &Assessed,
        _: &str,
        _: &Answer,
        _: &Context,
    ) -> Result<Decision<FraudEvent>, Refusal> {
        Err(Refusal {
            code: "ANSWER_UNEXPECTED",
            detail: "the fraud service waits for no answer".to_owned(),
        })
    }

    fn evolve(state: &mut Assessed, _: &FraudEvent, _: &Recorded) -> Result<(), Corrupt> {
        *state.payments.get_mut() += 1;
        Ok(())
    }

    fn timer_changes(_: &FraudEvent) -> SmallVec<[TimerChange; 1]> {
        SmallVec::new()
    }
}
