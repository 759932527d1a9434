//! Standing orders: created, amended, cancelled, and executed when an occurrence is due.

use smol_str::{SmolStr, ToSmolStr};
use tributary_contracts::{
    envelope::BusinessDate,
    payments::{
        AmendStandingOrder, CancelStandingOrder, CreateStandingOrder, Frequency, InitiateTransfer,
        OccurrenceOf, StandingOrderAmended, StandingOrderCancelled, StandingOrderCreated,
        StandingOrderExecuted, StandingOrderUnchanged,
    },
    runtime::TimerId,
};
use tributary_ids::{CommandId, StandingOrderId};
use tributary_money::Money;

use super::{Command, Context, Decision, Send, begin, schedule};
use crate::{PaymentBook, Rejection, StandingOrder, calendar, standing_order::Timetable};

pub(super) fn create(
    book: &PaymentBook,
    command: &CreateStandingOrder,
    context: &Context,
) -> Result<Decision, Rejection> {
    let amount = begin::positive(&command.amount, command.currency)?;
    begin::sides(command.debtor, command.creditor)?;
    begin::sealed("remittance", command.remittance.as_ref(), command.customer)?;
    begin::details(&command.details)?;
    if let Frequency::Monthly { day } = command.frequency
        && !(1..=31).contains(&day)
    {
        return Err(Rejection::DayOfMonthInvalid);
    }
    let timetable = Timetable {
        frequency: command.frequency,
        start_date: command.start_date,
        convention: command.convention,
    };
    // Before its dates are looked at: they may have passed when the command comes again.
    if let Some(known) = book.order(command.order_id) {
        let fits = (known.customer, known.debtor, known.creditor, known.currency)
            == (
                command.customer,
                command.debtor,
                command.creditor,
                command.currency,
            )
            && (known.timetable, known.created_with) == (timetable, (amount.minor, command.until))
            && (&known.remittance, &known.details) == (&command.remittance, &command.details);
        return match fits {
            true => Ok(unchanged(command.order_id, "ORDER_EXISTS")),
            false => Err(Rejection::OrderConflict),
        };
    }
    let calendar = schedule::calendar(command.currency)?;
    schedule::in_time(calendar, command.start_date, context)?;
    let next = timetable
        .occurrence(1, command.until, calendar)
        .ok_or(Rejection::OrderEmpty)?;
    schedule::before_cut_off(next.due_at, context)?;
    Ok(Decision::event(StandingOrderCreated {
        order_id: command.order_id,
        customer: command.customer,
        debtor: command.debtor,
        creditor: command.creditor,
        amount: amount.minor,
        currency: command.currency,
        frequency: command.frequency,
        start_date: command.start_date,
        until: command.until,
        convention: command.convention,
        remittance: command.remittance.clone(),
        details: command.details.clone(),
        next,
    }))
}

fn unchanged(order_id: StandingOrderId, code: &'static str) -> Decision {
    Decision::event(StandingOrderUnchanged {
        order_id,
        code: SmolStr::new_static(code),
    })
}

pub(super) fn amend(
    book: &PaymentBook,
    command: &AmendStandingOrder,
    context: &Context,
) -> Result<Decision, Rejection> {
    let order = book.order(command.order_id).ok_or(Rejection::OrderUnknown)?;
    if command.amount.is_none() && command.until.is_none() {
        return Err(Rejection::AmendmentEmpty);
    }
    let amount = match &command.amount {
        Some(amount) => begin::positive(amount, order.currency)?.minor,
        None => order.amount,
    };
    let next = order.next.ok_or(Rejection::OrderEnded)?;
    schedule::before_cut_off(next.due_at, context)?;
    let until = command.until.unwrap_or(order.until);
    Ok(Decision::event(StandingOrderAmended {
        order_id: command.order_id,
        amount,
        until,
        next: order
            .timetable
            .occurrence(next.number, until, schedule::calendar(order.currency)?),
    }))
}

pub(super) fn cancel(
    book: &PaymentBook,
    command: &CancelStandingOrder,
    context: &Context,
) -> Result<Decision, Rejection> {
    let order_id = command.order_id;
    let order = book.order(order_id).ok_or(Rejection::OrderUnknown)?;
    if order.cancelled {
        return Ok(unchanged(order_id, "ORDER_CANCELLED"));
    }
    let next = order.next.ok_or(Rejection::OrderEnded)?;
    schedule::before_cut_off(next.due_at, context)?;
    Ok(Decision::event(StandingOrderCancelled { order_id }))
}

/// An occurrence is due: its payment is sent to its own partition, and the order waits for the next. Where that is due as
/// well, since the bank was away, its timer comes at once.
pub(super) fn due(book: &PaymentBook, timer: &TimerId, context: &Context) -> Option<Decision> {
    let order_id: StandingOrderId = timer.aggregate.parse().ok()?;
    let order = book.order(order_id)?;
    let due = order.next.filter(|next| next.due_at == timer.due)?;
    let payment_id = order_id.payment(due.number);
    let next = calendar::of(order.currency).and_then(|calendar| {
        let number = due.number.checked_add(1)?;
        order.timetable.occurrence(number, order.until, calendar)
    });
    let mut decision = Decision::event(StandingOrderExecuted {
        order_id,
        occurrence: due.number,
        payment_id,
        amount: order.amount,
        execution_date: due.execution_date,
        next,
    });
    decision.send.push(Send {
        id: CommandId::named(&format!("payment/{payment_id}/initiate")),
        command: Command::Payments(payment(order, order_id, due.number, due.execution_date, context).into()),
        awaited: false,
    });
    Some(decision)
}

fn payment(
    order: &StandingOrder,
    order_id: StandingOrderId,
    number: u32,
    execution_date: BusinessDate,
    context: &Context,
) -> InitiateTransfer {
    let occurrence = OccurrenceOf { order_id, number };
    InitiateTransfer {
        payment_id: occurrence.payment(),
        customer: order.customer,
        debtor: order.debtor,
        creditor: order.creditor,
        amount: Money::new(order.amount, order.currency).to_decimal().to_smolstr(),
        currency: order.currency,
        booking_date: schedule::booking_date(order.currency, execution_date, context),
        remittance: order.remittance.clone(),
        details: order.details.clone(),
        occurrence: Some(occurrence),
    }
}
