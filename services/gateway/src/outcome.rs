//! The outcome of a command, out of the events that come by: the event that answers the delivered record is the answer.

use std::sync::Arc;

use tributary_contracts::accounts::AccountsEvent;
use tributary_contracts::codec::{self, Message};
use tributary_contracts::envelope::EventEnvelope;
use tributary_contracts::fraud::{Decision, FraudDecision};
use tributary_contracts::payments::{
    PaymentInitiated, PaymentKind, PaymentScheduled, PaymentsEvent, ReturnedTo, ReviewDecision,
};
use tributary_contracts::runtime::RuntimeEvent;
use tributary_ids::{AccountId, CommandId, PaymentId};
use tributary_money::Money;
use tributary_stream::StreamEvent;

use crate::app::App;
use crate::log::{Seen, Waiting};
use crate::personal::{self, HasRemittance, Remittance};
use crate::position::Position;
use crate::problem::Problem;
use crate::read::{self, Account, CommandState, FraudView, Payment, ReadError};

/// What a command came to.
pub(crate) enum Outcome<T> {
    /// The command created it.
    Done(T),
    /// It was there before the command, and this is how it stands now.
    Before(T),
    Refused(Problem),
}

impl<T: HasRemittance> Outcome<T> {
    /// Opens what is sealed in it.
    pub(crate) async fn reveal(&mut self, app: &App) {
        if let Self::Done(there) | Self::Before(there) = self {
            app.reveal(std::slice::from_mut(there)).await;
        }
    }
}

/// How the event that answers our record speaks of the command.
enum Answer {
    Accepted,
    /// The command came before, or what it creates is there.
    Repeated,
    /// Another body came under this id.
    Other(Problem),
    Refused(Problem),
}

fn read_event<E: Message>(seen: &Seen) -> Option<EventEnvelope<StreamEvent<E>>> {
    codec::read_event(&seen.record)
        .inspect_err(|error| {
            tracing::error!(position = %seen.position, code = error.code(), "an event can't be read");
        })
        .ok()
}

fn is_answer(seen: &Seen, sent: &Position) -> bool {
    seen.position.partition == sent.partition && seen.answers == sent.offset
}

fn answer<E>(seen: &Seen, data: &StreamEvent<E>, repeated: impl Fn(&E) -> bool) -> Answer {
    match data {
        StreamEvent::Service(data) if repeated(data) => Answer::Repeated,
        StreamEvent::Service(_) => Answer::Accepted,
        StreamEvent::Runtime(RuntimeEvent::CommandRefused(refused)) => {
            let problem = Problem::refused(&refused.code, &refused.detail).at(seen.position.clone());
            match refused.code.as_str() {
                "COMMAND_ID_REUSED" | "PAYMENT_CONFLICT" | "ACCOUNT_CONFLICT" => Answer::Other(problem),
                _ => Answer::Refused(problem),
            }
        }
        StreamEvent::Runtime(RuntimeEvent::DeadLettered(dead)) => {
            Answer::Refused(Problem::dead_lettered(&dead.code, &dead.detail).at(seen.position.clone()))
        }
        StreamEvent::Runtime(_) => Answer::Repeated,
    }
}

/// What became of a command that created nothing that is there: why it was refused, the first time.
async fn refusal(app: &App, command: CommandId) -> Result<Option<Problem>, Problem> {
    let status = app.models.command(command, None).await?;
    let refused = status.code.filter(|_| status.status == CommandState::Refused);
    Ok(refused.map(|code| {
        let problem = Problem::refused(&code, &status.detail.unwrap_or_default());
        match status.position {
            Some(position) => problem.at(position),
            None => problem,
        }
    }))
}

/// A payment that a command begins, and what the command said of it.
pub(crate) struct Begun<'b> {
    pub(crate) command: CommandId,
    pub(crate) payment: PaymentId,
    /// Whether a payment that is there is what this command wants: where the booking date was left to the gateway, a
    /// repetition on the next day is the same wish with another body.
    pub(crate) is_same: &'b (dyn Fn(&Payment) -> bool + Sync),
}

/// Waits until the payment has ended, or is scheduled. None when that can't be known here: its status can be looked up.
///
/// # Errors
/// When the read model can't be read.
pub(crate) async fn of_payment(
    app: &App,
    mut waiting: Waiting,
    sent: &Position,
    begun: Begun<'_>,
) -> Result<Option<Outcome<Payment>>, Problem> {
    let mut fold: Option<Payment> = None;
    let mut accepted = false;
    let mut repeated = false;
    while let Some(seen) = waiting.next().await {
        let Some(event) = read_event::<PaymentsEvent>(&seen) else {
            return Ok(None);
        };
        let mut look = false;
        if is_answer(&seen, sent) && !repeated {
            let exists = |data: &PaymentsEvent| matches!(data, PaymentsEvent::PaymentUnchanged(_));
            match answer(&seen, &event.data, exists) {
                Answer::Accepted => accepted = true,
                Answer::Repeated => (repeated, look) = (true, true),
                Answer::Refused(problem) => return Ok(Some(Outcome::Refused(problem))),
                Answer::Other(problem) => {
                    app.catch_up(&app.payments, read::PAYMENTS).await;
                    let there = app.models.payment(begun.payment).await?;
                    if !there.is_some_and(|there| (begun.is_same)(&there)) {
                        return Ok(Some(Outcome::Refused(problem)));
                    }
                    (repeated, look) = (true, true);
                }
            }
        }
        if let StreamEvent::Service(data) = &event.data
            && data.payment() == Some(begun.payment)
        {
            fold_event(&mut fold, &seen, &event, data);
            look |= repeated && is_terminal(data);
        }
        if accepted && fold.as_ref().is_some_and(Payment::rests) {
            return Ok(fold.map(Outcome::Done));
        }
        if look {
            // Whatever came by before we listened is in what the tail had handed out by now.
            app.catch_up(&app.payments, read::PAYMENTS).await;
            match app.models.payment(begun.payment).await? {
                Some(payment) if payment.rests() => return Ok(Some(Outcome::Before(payment))),
                Some(_) => {}
                None => {
                    if let Some(problem) = refusal(app, begun.command).await? {
                        return Ok(Some(Outcome::Refused(problem)));
                    }
                }
            }
        }
    }
    Ok(None)
}

/// Waits until a command about a payment or standing order was decided, and gives what it is about as it stands then.
/// `there` reads it.
///
/// # Errors
/// When the read model can't be read.
pub(crate) async fn about<T>(
    app: &App,
    mut waiting: Waiting,
    sent: &Position,
    command: CommandId,
    there: impl Future<Output = Result<Option<T>, ReadError>>,
) -> Result<Option<Outcome<T>>, Problem> {
    let seen = loop {
        match waiting.next().await {
            Some(seen) if is_answer(&seen, sent) => break seen,
            Some(_) => {}
            None => return Ok(None),
        }
    };
    let Some(event) = read_event::<PaymentsEvent>(&seen) else {
        return Ok(None);
    };
    let unchanged = |data: &PaymentsEvent| matches!(data, PaymentsEvent::StandingOrderUnchanged(_));
    let answer = answer(&seen, &event.data, unchanged);
    if let Answer::Refused(problem) | Answer::Other(problem) = answer {
        return Ok(Some(Outcome::Refused(problem)));
    }
    app.catch_up(&app.payments, read::PAYMENTS).await;
    let repeated = matches!(answer, Answer::Repeated);
    if repeated && let Some(problem) = refusal(app, command).await? {
        return Ok(Some(Outcome::Refused(problem)));
    }
    // Of these commands one alone creates something.
    let created = matches!(
        event.data,
        StreamEvent::Service(PaymentsEvent::StandingOrderCreated(_))
    );
    Ok(there.await?.map(|there| match created {
        true => Outcome::Done(there),
        false => Outcome::Before(there),
    }))
}

/// Waits until an account is opened.
///
/// # Errors
/// When the read model can't be read.
pub(crate) async fn of_account(
    app: &App,
    mut waiting: Waiting,
    sent: &Position,
    command: CommandId,
    account: AccountId,
) -> Result<Option<Outcome<Account>>, Problem> {
    while let Some(seen) = waiting.next().await {
        if !is_answer(&seen, sent) || !seen.last {
            continue;
        }
        let Some(event) = read_event::<AccountsEvent>(&seen) else {
            return Ok(None);
        };
        let exists = |data: &AccountsEvent| matches!(data, AccountsEvent::NothingToDo(_));
        let answer = answer(&seen, &event.data, exists);
        if let Answer::Refused(problem) = answer {
            return Ok(Some(Outcome::Refused(problem)));
        }
        app.catch_up(&app.accounts, read::ACCOUNTS).await;
        let there = app.models.account(account).await?;
        return Ok(match (answer, there) {
            (Answer::Accepted, there) => there.map(Outcome::Done),
            (Answer::Repeated, Some(there)) => Some(Outcome::Before(there)),
            (Answer::Repeated, None) => refusal(app, command).await?.map(Outcome::Refused),
            (Answer::Other(problem) | Answer::Refused(problem), _) => Some(Outcome::Refused(problem)),
        });
    }
    Ok(None)
}

fn is_terminal(event: &PaymentsEvent) -> bool {
    matches!(
        event,
        PaymentsEvent::PaymentCompleted(_)
            | PaymentsEvent::PaymentRejected(_)
            | PaymentsEvent::PaymentReturned(_)
    )
}

/// Folds what came by into the payment that a read would show. Only a payment whose beginning came by is folded.
fn fold_event(
    fold: &mut Option<Payment>,
    seen: &Arc<Seen>,
    event: &EventEnvelope<StreamEvent<PaymentsEvent>>,
    data: &PaymentsEvent,
) {
    if let PaymentsEvent::PaymentInitiated(terms) = data {
        *fold = Some(initiated(terms, event, &seen.position));
        return;
    }
    if let PaymentsEvent::PaymentScheduled(terms) = data {
        *fold = Some(scheduled(terms, event, &seen.position));
        return;
    }
    let Some(payment) = fold else { return };
    if matches!(data, PaymentsEvent::PaymentUnchanged(_)) {
        return;
    }
    payment.position = seen.position.clone();
    let (state, code) = match data {
        PaymentsEvent::PaymentAdvanced(advanced) => {
            if let Some(fraud) = &advanced.fraud {
                payment.fraud = Some(fraud_view(fraud));
            }
            if let Some(review) = advanced.review {
                payment.review_decision = Some(review_name(review).to_owned());
            }
            return;
        }
        PaymentsEvent::PaymentCompleted(_) => ("completed", None),
        PaymentsEvent::PaymentRejected(rejected) => {
            if let Some(fraud) = &rejected.fraud {
                payment.fraud = Some(fraud_view(fraud));
            }
            ("rejected", Some(rejected.code.to_string()))
        }
        PaymentsEvent::PaymentReturned(returned) => {
            let to = match returned.to {
                ReturnedTo::Debtor => "debtor",
                ReturnedTo::Suspense => "suspense",
            };
            payment.returned_to = Some(to.to_owned());
            ("returned", Some(returned.code.to_string()))
        }
        _ => return,
    };
    payment.state = state.to_owned();
    payment.code = code;
    payment.ended_at = Some(read::timestamp(event.time));
}

fn initiated(
    terms: &PaymentInitiated,
    event: &EventEnvelope<StreamEvent<PaymentsEvent>>,
    position: &Position,
) -> Payment {
    let decimal = |minor| Money::new(minor, terms.currency).to_decimal().to_string();
    let kind = match terms.kind {
        PaymentKind::InternalTransfer => "internal-transfer",
        PaymentKind::Refund => "refund",
    };
    let place = personal::of_payment_or_order(terms.payment_id, terms.occurrence);
    Payment {
        payment_id: terms.payment_id.0,
        kind: kind.to_owned(),
        customer: terms.customer.0,
        debtor: terms.debtor.0,
        creditor: terms.creditor.0,
        amount: decimal(terms.amount),
        currency: terms.currency.to_string(),
        booking_date: terms.booking_date,
        execution_date: None,
        due_at: None,
        remittance: (terms.remittance.clone()).map(|sealed| Remittance::new(place, sealed)),
        standing_order: terms.occurrence.map(|occurrence| occurrence.order_id.0),
        occurrence: terms.occurrence.map(|occurrence| i64::from(occurrence.number)),
        refunds: terms.refunds.map(|original| original.0),
        state: "pending".to_owned(),
        code: None,
        returned_to: None,
        fraud: None,
        review_decision: None,
        case_opened: false,
        refunded: decimal(0),
        correlation_id: event.correlation_id,
        initiated_at: read::timestamp(event.time),
        ended_at: None,
        position: position.clone(),
        initiated_ms: event.time,
    }
}

fn scheduled(
    terms: &PaymentScheduled,
    event: &EventEnvelope<StreamEvent<PaymentsEvent>>,
    position: &Position,
) -> Payment {
    let decimal = |minor| Money::new(minor, terms.currency).to_decimal().to_string();
    let place = personal::of_payment(terms.payment_id);
    Payment {
        payment_id: terms.payment_id.0,
        kind: "internal-transfer".to_owned(),
        customer: terms.customer.0,
        debtor: terms.debtor.0,
        creditor: terms.creditor.0,
        amount: decimal(terms.amount),
        currency: terms.currency.to_string(),
        booking_date: terms.execution_date,
        execution_date: Some(terms.execution_date),
        due_at: Some(read::timestamp(terms.due_at)),
        remittance: (terms.remittance.clone()).map(|sealed| Remittance::new(place, sealed)),
        standing_order: None,
        occurrence: None,
        refunds: None,
        state: "scheduled".to_owned(),
        code: None,
        returned_to: None,
        fraud: None,
        review_decision: None,
        case_opened: false,
        refunded: decimal(0),
        correlation_id: event.correlation_id,
        initiated_at: read::timestamp(event.time),
        ended_at: None,
        position: position.clone(),
        initiated_ms: event.time,
    }
}

fn fraud_view(fraud: &FraudDecision) -> FraudView {
    let decision = match fraud.decision {
        Decision::Approve => "approve",
        Decision::Review => "review",
        Decision::Decline => "decline",
    };
    FraudView {
        decision: decision.to_owned(),
        reasons: fraud.reasons.iter().map(ToString::to_string).collect(),
        rules: fraud.rules.to_string(),
    }
}

fn review_name(review: ReviewDecision) -> &'static str {
    match review {
        ReviewDecision::Approve => "approve",
        ReviewDecision::Reject => "reject",
    }
}
