//! What commands, answers and deadlines lead to. Reads the payments of a partition, changes nothing.

mod answers;
mod begin;
mod orders;
mod refunds;
mod schedule;
mod step;

use smallvec::{SmallVec, smallvec};
use smol_str::SmolStr;
use tributary_contracts::{
    accounts::AccountsCommand,
    fraud::{FraudCommand, PayeesCommand},
    payments::{PaymentUnchanged, PaymentsCommand, PaymentsEvent},
    runtime::{Answer, TimerId},
};
use tributary_ids::{CommandId, PaymentId};
use uuid::Uuid;

use crate::{PaymentBook, Rejection, timer};

pub use schedule::SCHEDULED_DAYS_MAX;
pub use step::command_id as step_command;

/// What surrounds a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Record time in milliseconds since the epoch; it never goes back within a partition.
    pub time_ms: i64,
    /// The story that the input belongs to.
    pub correlation_id: Uuid,
}

/// A command to another service, or to another payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Accounts(AccountsCommand),
    Fraud(FraudCommand),
    FraudPayees(PayeesCommand),
    Payments(PaymentsCommand),
}

/// A command that goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// The same for every attempt.
    pub id: CommandId,
    pub command: Command,
    /// Whether the payment waits for the answer.
    pub awaited: bool,
}

/// What a command leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// In order; at least one, except for a timer that nothing waits for any more.
    pub events: SmallVec<[PaymentsEvent; 2]>,
    pub send: SmallVec<[Send; 2]>,
}

impl Decision {
    fn event(event: impl Into<PaymentsEvent>) -> Self {
        Self {
            events: smallvec![event.into()],
            send: SmallVec::new(),
        }
    }

    fn unchanged(payment_id: PaymentId, code: &'static str) -> Self {
        Self::event(PaymentUnchanged {
            payment_id,
            code: SmolStr::new_static(code),
        })
    }
}

/// Decides a command.
///
/// # Errors
/// Why it has no effect.
pub fn decide(
    book: &PaymentBook,
    command: &PaymentsCommand,
    context: &Context,
) -> Result<Decision, Rejection> {
    match command {
        PaymentsCommand::InitiateTransfer(command) => begin::transfer(book, command, context),
        PaymentsCommand::InitiateRefund(command) => begin::refund(book, command, context),
        PaymentsCommand::RefundPayment(command) => refunds::claim(book, command),
        PaymentsCommand::ReleaseRefund(command) => refunds::release(book, command),
        PaymentsCommand::ReviewPayment(command) => answers::review(book, command, context),
        PaymentsCommand::ResumePayment(command) => answers::resume(book, command, context),
        PaymentsCommand::SchedulePayment(command) => schedule::schedule(book, command, context),
        PaymentsCommand::CancelPayment(command) => schedule::cancel(book, command, context),
        PaymentsCommand::CreateStandingOrder(command) => orders::create(book, command, context),
        PaymentsCommand::AmendStandingOrder(command) => orders::amend(book, command, context),
        PaymentsCommand::CancelStandingOrder(command) => orders::cancel(book, command, context),
    }
}

/// Decides what an answer to an earlier command leads to. `payment`: whose command it was.
pub fn decide_answer(book: &PaymentBook, payment: PaymentId, answer: &Answer, context: &Context) -> Decision {
    answers::answered(book, payment, answer, context)
}

/// Decides what a timer leads to that is due: a step's deadline, a scheduled payment's day, an order's occurrence. No events: nothing waits for it any more.
pub fn decide_timer(book: &PaymentBook, timer: &TimerId, context: &Context) -> Decision {
    let decision = match timer.name.as_str() {
        timer::SCHEDULED => schedule::due(book, timer, context),
        timer::OCCURRENCE => orders::due(book, timer, context),
        _ => answers::deadline_passed(book, timer, context),
    };
    decision.unwrap_or_default()
}

/// Whether the command may come again and again without being remembered by its id: the ids of payments, refunds and orders make
/// the service do it once.
pub fn dedupes_itself(command: &PaymentsCommand) -> bool {
    match command {
        PaymentsCommand::InitiateTransfer(_)
        | PaymentsCommand::RefundPayment(_)
        | PaymentsCommand::InitiateRefund(_)
        | PaymentsCommand::ReleaseRefund(_)
        | PaymentsCommand::SchedulePayment(_)
        | PaymentsCommand::CancelPayment(_)
        | PaymentsCommand::CreateStandingOrder(_)
        | PaymentsCommand::CancelStandingOrder(_) => true,
        PaymentsCommand::ReviewPayment(_)
        | PaymentsCommand::ResumePayment(_)
        | PaymentsCommand::AmendStandingOrder(_) => false,
    }
}
