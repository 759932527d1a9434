//! Folds an event into the payments of its partition.

use tributary_contracts::payments::{
    Occurrence, PaymentInitiated, PaymentScheduled, PaymentsEvent, RefundClaimed, RefundReleased,
    StandingOrderAmended, StandingOrderCreated, StandingOrderExecuted,
};
use tributary_ids::{PaymentId, StandingOrderId};
use tributary_saga::Progress;
use uuid::Uuid;

use crate::{Claim, Outcome, Payment, PaymentBook, ScheduledPayment, StandingOrder, sagas};

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
    #[error("payment {0} is not one that waits for its day")]
    NotScheduled(PaymentId),
    #[error("standing order {0} is not known, or has ended")]
    OrderUnknown(StandingOrderId),
    #[error("standing order {0} began twice")]
    OrderBeganTwice(StandingOrderId),
    #[error("standing order {0}: an occurrence comes out of its turn")]
    Occurrence(StandingOrderId),
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
    match event {
        PaymentsEvent::PaymentScheduled(event) => return scheduled(book, event, recorded),
        PaymentsEvent::PaymentCancelled(event) => return cancelled(book, event.payment_id, time_ms),
        PaymentsEvent::StandingOrderCreated(event) => return order_created(book, event, recorded),
        PaymentsEvent::StandingOrderAmended(event) => return order_amended(book, event, time_ms),
        PaymentsEvent::StandingOrderExecuted(event) => return order_executed(book, event, time_ms),
        PaymentsEvent::StandingOrderCancelled(event) => {
            running(book, event.order_id)?.cancelled = true;
            return order_goes_on(book, event.order_id, None, time_ms);
        }
        PaymentsEvent::PaymentInitiated(event) => return initiated(book, event, recorded),
        PaymentsEvent::PaymentAdvanced(event) => {
            let payment = progressed(book, event.payment_id, &event.progress)?;
            if let Some(fraud) = &event.fraud {
                payment.fraud = Some(fraud.decision);
            }
        }
        PaymentsEvent::PaymentCompleted(event) => ended(
            book,
            event.payment_id,
            &event.progress,
            Outcome::Completed,
            time_ms,
        )?,
        PaymentsEvent::PaymentRejected(event) => ended(
            book,
            event.payment_id,
            &event.progress,
            Outcome::Rejected,
            time_ms,
        )?,
        PaymentsEvent::PaymentReturned(event) => {
            ended(
                book,
                event.payment_id,
                &event.progress,
                Outcome::Returned(event.to),
                time_ms,
            )?;
        }
        PaymentsEvent::PaymentQuarantined(event) => {
            progressed(book, event.payment_id, &event.progress)?;
        }

        PaymentsEvent::PaymentResumed(event) => {
            progressed(book, event.payment_id, &event.progress)?;
        }
        PaymentsEvent::RefundClaimed(event) => return claimed(book, event),
        PaymentsEvent::RefundReleased(event) => return released(book, event),
        PaymentsEvent::AnswerIgnored(_)
        | PaymentsEvent::PaymentUnchanged(_)
        | PaymentsEvent::StandingOrderUnchanged(_) => {}
    }
    Ok(())
}

fn initiated(book: &mut PaymentBook, event: &PaymentInitiated, recorded: &Recorded) -> Result<(), Corrupt> {
    let id = event.payment_id;
    book.forget(recorded.time_ms);
    let was_cancelled = book
        .scheduled
        .get(&id)
        .is_some_and(|scheduled| scheduled.cancelled);
    if book.payments.contains_key(&id) || was_cancelled {
        return Err(Corrupt::BeganTwice(id));
    }
    book.scheduled.remove(&id);
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

fn scheduled(book: &mut PaymentBook, event: &PaymentScheduled, recorded: &Recorded) -> Result<(), Corrupt> {
    let id = event.payment_id;
    book.forget(recorded.time_ms);
    if book.payments.contains_key(&id) || book.scheduled.contains_key(&id) {
        return Err(Corrupt::BeganTwice(id));
    }
    let scheduled = ScheduledPayment::scheduled(event, recorded.correlation_id);
    book.scheduled.insert(id, scheduled);
    Ok(())
}

fn cancelled(book: &mut PaymentBook, id: PaymentId, time_ms: i64) -> Result<(), Corrupt> {
    let scheduled = book.scheduled.get_mut(&id);
    let scheduled = scheduled.filter(|scheduled| !scheduled.cancelled);
    scheduled.ok_or(Corrupt::NotScheduled(id))?.cancelled = true;
    book.has_ended(id, time_ms);
    Ok(())
}

fn order_created(
    book: &mut PaymentBook,
    event: &StandingOrderCreated,
    recorded: &Recorded,
) -> Result<(), Corrupt> {
    let id = event.order_id;
    book.forget(recorded.time_ms);
    if book.orders.contains_key(&id) {
        return Err(Corrupt::OrderBeganTwice(id));
    }
    if event.next.number != 1 {
        return Err(Corrupt::Occurrence(id));
    }
    book.orders
        .insert(id, StandingOrder::created(event, recorded.correlation_id));
    Ok(())
}

fn running(book: &mut PaymentBook, id: StandingOrderId) -> Result<&mut StandingOrder, Corrupt> {
    let order = book.orders.get_mut(&id);
    order
        .filter(|order| order.next.is_some())
        .ok_or(Corrupt::OrderUnknown(id))
}

fn order_amended(book: &mut PaymentBook, event: &StandingOrderAmended, time_ms: i64) -> Result<(), Corrupt> {
    let order = running(book, event.order_id)?;
    // Only the end may take the next occurrence away; none is made another.
    if event.next.is_some() && event.next != order.next {
        return Err(Corrupt::Occurrence(event.order_id));
    }
    order.amount = event.amount;
    order.until = event.until;
    order_goes_on(book, event.order_id, event.next, time_ms)
}

fn order_executed(
    book: &mut PaymentBook,
    event: &StandingOrderExecuted,
    time_ms: i64,
) -> Result<(), Corrupt> {
    let order = running(book, event.order_id)?;
    let is_next = order.next.map(|next| next.number) == Some(event.occurrence);
    let follows = event
        .next
        .is_none_or(|next| Some(next.number) == event.occurrence.checked_add(1));
    match is_next && follows {
        true => order_goes_on(book, event.order_id, event.next, time_ms),
        false => Err(Corrupt::Occurrence(event.order_id)),
    }
}

fn order_goes_on(
    book: &mut PaymentBook,
    id: StandingOrderId,
    next: Option<Occurrence>,
    time_ms: i64,
) -> Result<(), Corrupt> {
    running(book, id)?.next = next;
    if next.is_none() {
        book.has_ended(id, time_ms);
    }
    Ok(())
}
