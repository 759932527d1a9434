//! Folds an event into the payments of its partition.

use tributary_contracts::payments::{PaymentInitiated, PaymentsEvent, RefundClaimed, RefundReleased};
use tributary_ids::PaymentId;
use tributary_saga::Progress;
use uuid::Uuid;

use crate::{Claim, Outcome, Payment, PaymentBook, sagas};

/// An event that can't follow on the state: log or fold is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    #[error("payment {0} is not known")]
    Unknown(PaymentId),
    #[error("payment {0} began twice")]
    BeganTwice(PaymentId),
    #[error("payment {id}: {what}")]
    Saga {
        id: PaymentId,
        what: tributary_saga::Corrupt,
    },
    #[error("payment {0}: its refunds and its amount don't fit")]
    Refund(PaymentId),
}

/// What the fold may know of an event besides its data.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// Record time in milliseconds since the epoch.
    pub time_ms: i64,
    /// The story that the event belongs to.
    pub correlation_id: Uuid,
}

/// Folds an event.
///
/// # Errors
/// When the event can't follow on what came before it.
pub fn evolve(book: &mut PaymentBook, event: &PaymentsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
    let time_ms = recorded.time_ms;
    let id = event.payment();
    match event {
        PaymentsEvent::PaymentInitiated(event) => return initiated(book, event, recorded),
        PaymentsEvent::PaymentAdvanced(event) => {
            let payment = progressed(book, id, &event.progress)?;
            if let Some(fraud) = &event.fraud {
                payment.fraud = Some(fraud.decision);
            }
        }
        PaymentsEvent::PaymentCompleted(event) => {
            ended(book, id, &event.progress, Outcome::Completed, time_ms)?
        }
        PaymentsEvent::PaymentRejected(event) => {
            ended(book, id, &event.progress, Outcome::Rejected, time_ms)?
        }
        PaymentsEvent::PaymentReturned(event) => {
            ended(book, id, &event.progress, Outcome::Returned(event.to), time_ms)?;
        }
        PaymentsEvent::PaymentQuarantined(event) => drop(progressed(book, id, &event.progress)?),
        PaymentsEvent::PaymentResumed(event) => drop(progressed(book, id, &event.progress)?),
        PaymentsEvent::RefundClaimed(event) => return claimed(book, event),
        PaymentsEvent::RefundReleased(event) => return released(book, event),
        PaymentsEvent::AnswerIgnored(_) | PaymentsEvent::PaymentUnchanged(_) => {}
    }
    Ok(())
}

fn initiated(book: &mut PaymentBook, event: &PaymentInitiated, recorded: &Recorded) -> Result<(), Corrupt> {
    let id = event.payment_id;
    book.forget(recorded.time_ms);
    if book.payments.contains_key(&id) {
        return Err(Corrupt::BeganTwice(id));
    }
    book.payments.insert(
        id,
        Payment::initiated(event, recorded.time_ms, recorded.correlation_id),
    );
    progressed(book, id, &event.progress).map(drop)
}

fn progressed<'b>(
    book: &'b mut PaymentBook,
    id: PaymentId,
    progress: &Progress,
) -> Result<&'b mut Payment, Corrupt> {
    let payment = book.payments.get_mut(&id).ok_or(Corrupt::Unknown(id))?;
    payment
        .saga
        .apply(sagas::of(payment.kind), progress)
        .map_err(|what| Corrupt::Saga { id, what })?;
    Ok(payment)
}

fn ended(
    book: &mut PaymentBook,
    id: PaymentId,
    progress: &Progress,
    outcome: Outcome,
    time_ms: i64,
) -> Result<(), Corrupt> {
    progressed(book, id, progress)?.outcome = Some(outcome);
    book.has_ended(id, time_ms);
    Ok(())
}

fn claimed(book: &mut PaymentBook, event: &RefundClaimed) -> Result<(), Corrupt> {
    let id = event.payment_id;
    let payment = book.payments.get_mut(&id).ok_or(Corrupt::Unknown(id))?;
    payment.claims.push(Claim {
        refund: event.refund_id,
        amount: event.amount,
        released: false,
    });
    let left = payment.refundable();
    match left == event.refundable && left >= 0 && payment.outcome == Some(Outcome::Completed) {
        true => Ok(()),
        false => Err(Corrupt::Refund(id)),
    }
}

fn released(book: &mut PaymentBook, event: &RefundReleased) -> Result<(), Corrupt> {
    let id = event.payment_id;
    let payment = book.payments.get_mut(&id).ok_or(Corrupt::Unknown(id))?;
    let open = |claim: &&mut Claim| claim.refund == event.refund_id && !claim.released;
    let claim = payment.claims.iter_mut().find(open).ok_or(Corrupt::Refund(id))?;
    claim.released = true;
    match payment.refundable() == event.refundable {
        true => Ok(()),
        false => Err(Corrupt::Refund(id)),
    }
}
