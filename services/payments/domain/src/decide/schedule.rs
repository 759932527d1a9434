//! Payments of a later day: scheduled, cancelled, and begun when they are due.

use tributary_contracts::{
    envelope::BusinessDate,
    payments::{
        BusinessDayConvention, CancelPayment, PaymentCancelled, PaymentKind, PaymentScheduled,
        SchedulePayment,
    },
    runtime::TimerId,
    sealed::Sealed,
};
use tributary_ids::PaymentId;
use tributary_money::Currency;

use super::{Context, Decision, begin};
use crate::{
    PaymentBook, Rejection,
    calendar::{self, Calendar},
};

/// Days ahead that a payment can be scheduled, or an order begin: so long does a wish stand without another look at it.
pub const SCHEDULED_DAYS_MAX: i64 = 366;

pub(super) fn schedule(
    book: &PaymentBook,
    command: &SchedulePayment,
    context: &Context,
) -> Result<Decision, Rejection> {
    let amount = begin::positive(&command.amount, command.currency)?;
    begin::sides(command.debtor, command.creditor)?;
    begin::sealed("remittance", command.remittance.as_ref(), command.customer)?;
    begin::details(&command.details)?;
    let id = command.payment_id;
    // Before its dates are looked at: they may have passed when the command comes again.
    if let Some(known) = book.scheduled(id) {
        let fits = (
            known.customer,
            known.debtor,
            known.creditor,
            known.amount,
            known.currency,
        ) == (
            command.customer,
            command.debtor,
            command.creditor,
            amount.minor,
            command.currency,
        ) && known.requested_date == command.execution_date
            && (&known.remittance, &known.details) == (&command.remittance, &command.details);
        return known_already(id, fits);
    }
    if let Some(known) = book.payment(id) {
        let fits = (known.kind, known.customer, known.debtor, known.creditor)
            == (
                PaymentKind::InternalTransfer,
                command.customer,
                command.debtor,
                command.creditor,
            )
            && (known.money(), &known.details) == (amount, &command.details)
            && known.remittance_tag.as_deref() == command.remittance.as_ref().map(Sealed::tag);
        return known_already(id, fits);
    }
    let calendar = calendar(command.currency)?;
    in_time(calendar, command.execution_date, context)?;
    let execution_date = calendar
        .adjust(command.execution_date, command.convention)
        .ok_or(Rejection::ExecutionDateTooFar)?;
    let due_at = calendar.cut_off_ms(execution_date);
    before_cut_off(due_at, context)?;
    Ok(Decision::event(PaymentScheduled {
        payment_id: id,
        customer: command.customer,
        debtor: command.debtor,
        creditor: command.creditor,
        amount: amount.minor,
        currency: command.currency,
        requested_date: command.execution_date,
        convention: command.convention,
        execution_date,
        due_at,
        remittance: command.remittance.clone(),
        details: command.details.clone(),
    }))
}

fn known_already(id: PaymentId, fits: bool) -> Result<Decision, Rejection> {
    match fits {
        true => Ok(Decision::unchanged(id, "PAYMENT_EXISTS")),
        false => Err(Rejection::PaymentConflict),
    }
}

/// The calendar of a currency: the bank guesses no business days.
pub(super) fn calendar(currency: Currency) -> Result<&'static Calendar, Rejection> {
    calendar::of(currency).ok_or(Rejection::CalendarUnknown)
}

/// That a date is neither past nor too far ahead.
pub(super) fn in_time(calendar: &Calendar, date: BusinessDate, context: &Context) -> Result<(), Rejection> {
    let today = calendar
        .day_of(context.time_ms)
        .ok_or(Rejection::ExecutionDateTooFar)?;
    match (date - today).num_days() {
        ..0 => Err(Rejection::ExecutionDatePast),
        0..=SCHEDULED_DAYS_MAX => Ok(()),
        _ => Err(Rejection::ExecutionDateTooFar),
    }
}

pub(super) fn before_cut_off(due_at: i64, context: &Context) -> Result<(), Rejection> {
    match context.time_ms < due_at {
        true => Ok(()),
        false => Err(Rejection::CutOffPassed),
    }
}

/// The business day that a payment is booked on which is made now: its own, or a later one where the bank was away then.
pub(super) fn booking_date(
    currency: Currency,
    execution_date: BusinessDate,
    context: &Context,
) -> BusinessDate {
    let now = calendar::of(currency).and_then(|calendar| {
        let today = calendar.day_of(context.time_ms)?;
        calendar.adjust(today, BusinessDayConvention::Following)
    });
    now.map_or(execution_date, |now| now.max(execution_date))
}

pub(super) fn cancel(
    book: &PaymentBook,
    command: &CancelPayment,
    context: &Context,
) -> Result<Decision, Rejection> {
    let payment_id = command.payment_id;
    match book.scheduled(payment_id) {
        Some(scheduled) if scheduled.cancelled => Ok(Decision::unchanged(payment_id, "PAYMENT_CANCELLED")),
        Some(scheduled) => {
            before_cut_off(scheduled.due_at, context)?;
            Ok(Decision::event(PaymentCancelled { payment_id }))
        }
        None if book.payment(payment_id).is_some() => Err(Rejection::NotScheduled),
        None => Err(Rejection::PaymentUnknown),
    }
}

/// The day has come: the payment begins, and goes its way as any other.
pub(super) fn due(book: &PaymentBook, timer: &TimerId, context: &Context) -> Option<Decision> {
    let id: PaymentId = timer.aggregate.parse().ok()?;
    let scheduled = book
        .scheduled(id)
        .filter(|scheduled| !scheduled.cancelled && scheduled.due_at == timer.due)?;
    let booking_date = booking_date(scheduled.currency, scheduled.execution_date, context);
    Some(begin::scheduled(id, scheduled, booking_date, context))
}
