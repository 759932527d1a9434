//! Payments on the stream runtime: translates between the domain's pure functions and the runtime's.

use smallvec::SmallVec;
use tributary_contracts::{
    payments::{PaymentsCommand, PaymentsEvent, SERVICE},
    runtime::{Answer, TimerChange, TimerId},
    topics::{
        ACCOUNTS_INBOX, FRAUD_INBOX, FRAUD_PAYEES_INBOX, PAYMENTS_DLQ, PAYMENTS_EVENTS, PAYMENTS_INBOX,
    },
};
use tributary_payments_domain::{self as domain, Command, PaymentBook};
use tributary_stream::service::{
    Awaited, Context, Corrupt, Decision, FollowUp, Golden, Names, Recorded, Refusal, Service,
};
use uuid::Uuid;

/// The payments service: the saga orchestrator.
pub struct Payments;

impl Service for Payments {
    type Command = PaymentsCommand;
    type Event = PaymentsEvent;
    type State = PaymentBook;

    const NAMES: Names = Names {
        service: SERVICE,
        inbox: PAYMENTS_INBOX,
        events: PAYMENTS_EVENTS,
        dead_letters: PAYMENTS_DLQ,
    };

    const FOLD_VERSION: u32 = 5;

    const GOLDEN: Golden = Golden {
        schema: "56e31b1ae331ed66aa944c5118646be4",
        state: "2c706a9dcce1a1ef963d618eced5575e",
    };

    fn dedupes_itself(command: &PaymentsCommand) -> bool {
        domain::dedupes_itself(command)
    }

    /// A payment, its review, its deadlines and its refunds are one story: that of the wish which began it. So
    /// are a standing order and all its payments.
    fn story(book: &PaymentBook, key: &[u8]) -> Option<Uuid> {
        book.story(Uuid::try_parse_ascii(key).ok()?)
    }

    fn decide(
        book: &PaymentBook,
        command: &PaymentsCommand,
        context: &Context,
    ) -> Result<Decision<PaymentsEvent>, Refusal> {
        domain::decide(book, command, &of(context))
            .map(decision)
            .map_err(|rejection| Refusal {
                code: rejection.code(),
                detail: rejection.to_string(),
            })
    }

    fn decide_timer(book: &PaymentBook, timer: &TimerId, context: &Context) -> Decision<PaymentsEvent> {
        decision(domain::decide_timer(book, timer, &of(context)))
    }

    fn decide_answer(
        book: &PaymentBook,
        aggregate: &str,
        answer: &Answer,
        context: &Context,
    ) -> Result<Decision<PaymentsEvent>, Refusal> {
        let payment = aggregate.parse().map_err(|_| Refusal {
            code: "ANSWER_UNEXPECTED",
            detail: "an answer to a payment is keyed by its id".to_owned(),
        })?;
        Ok(decision(domain::decide_answer(
            book,
            payment,
            answer,
            &of(context),
        )))
    }

    fn evolve(book: &mut PaymentBook, event: &PaymentsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        let recorded = domain::Recorded {
            time_ms: recorded.time_ms,
            correlation_id: recorded.correlation_id,
        };
        domain::evolve(book, event, &recorded).map_err(|corrupt| Corrupt(corrupt.to_string()))
    }

    fn timer_changes(event: &PaymentsEvent) -> SmallVec<[TimerChange; 1]> {
        domain::timer_changes(event).collect()
    }
}

fn of(context: &Context) -> domain::Context {
    domain::Context {
        time_ms: context.time_ms,
        correlation_id: context.correlation_id,
    }
}

fn decision(decision: domain::Decision) -> Decision<PaymentsEvent> {
    Decision {
        events: decision.events,
        send: decision.send.into_iter().map(follow_up).collect(),
        result: None,
    }
}

fn follow_up(send: domain::Send) -> FollowUp {
    let follow_up = match &send.command {
        Command::Accounts(command) => FollowUp::new(ACCOUNTS_INBOX, command.key(), command),
        Command::Fraud(command) => FollowUp::new(FRAUD_INBOX, command.key(), command),
        Command::FraudPayees(command) => FollowUp::new(FRAUD_PAYEES_INBOX, command.key(), command),
        Command::Payments(command) => FollowUp::new(PAYMENTS_INBOX, command.key(), command),
    };
    let awaited = match send.awaited {
        true => Awaited::BySender,
        false => Awaited::ByNobody,
    };
    follow_up.named(send.id).awaited(awaited)
}
