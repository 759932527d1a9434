//! How a payment begins.

use tributary_contracts::{
    accounts::Details,
    envelope::BusinessDate,
    payments::{InitiateRefund, InitiateTransfer, PaymentInitiated, PaymentKind},
    sealed::{SEALED_BYTES_MAX, Sealed},
};
use tributary_ids::{AccountId, CustomerId, HoldId, PaymentId};
use tributary_money::Money;

use super::{Context, Decision, step};
use crate::{Payment, PaymentBook, Rejection, ScheduledPayment, sagas};

/// Longest code: ISO 20022's `Max35Text`.
const CODE_BYTES_MAX: usize = 35;

pub(super) fn transfer(
    book: &PaymentBook,
    command: &InitiateTransfer,
    context: &Context,
) -> Result<Decision, Rejection> {
    let amount = positive(&command.amount, command.currency)?;
    sides(command.debtor, command.creditor)?;
    sealed("remittance", command.remittance.as_ref(), command.customer)?;
    details(&command.details)?;
    if let Some(occurrence) = command.occurrence
        && occurrence.payment() != command.payment_id
    {
        return Err(Rejection::OccurrenceMismatch);
    }
    let event = PaymentInitiated {
        payment_id: command.payment_id,
        kind: PaymentKind::InternalTransfer,
        customer: command.customer,
        debtor: command.debtor,
        creditor: command.creditor,
        amount: amount.minor,
        currency: command.currency,
        hold_id: hold_of(command.payment_id),
        hold_expires_at: hold_expiry(PaymentKind::InternalTransfer, context),
        booking_date: command.booking_date,
        remittance: command.remittance.clone(),
        details: command.details.clone(),
        occurrence: command.occurrence,
        refunds: None,
        progress: sagas::of(PaymentKind::InternalTransfer).begin(context.time_ms),
    };
    begin(book, event, context)
}

pub(super) fn refund(
    book: &PaymentBook,
    command: &InitiateRefund,
    context: &Context,
) -> Result<Decision, Rejection> {
    let amount = positive(&command.amount, command.currency)?;
    code("reason", &command.reason)?;
    let event = PaymentInitiated {
        payment_id: command.refund_id,
        kind: PaymentKind::Refund,
        customer: command.customer,
        debtor: command.debtor,
        creditor: command.creditor,
        amount: amount.minor,
        currency: command.currency,
        hold_id: hold_of(command.refund_id),
        hold_expires_at: hold_expiry(PaymentKind::Refund, context),
        booking_date: command.booking_date,
        remittance: None,
        details: Details {
            purpose: Some(command.reason.clone()),
            ..Details::default()
        },
        occurrence: None,
        refunds: Some(command.refunds),
        progress: sagas::of(PaymentKind::Refund).begin(context.time_ms),
    };
    begin(book, event, context)
}

/// A scheduled payment whose day has come. What it says of itself was checked when it was scheduled.
pub(super) fn scheduled(
    id: PaymentId,
    scheduled: &ScheduledPayment,
    booking_date: BusinessDate,
    context: &Context,
) -> Decision {
    begun(
        PaymentInitiated {
            payment_id: id,
            kind: PaymentKind::InternalTransfer,
            customer: scheduled.customer,
            debtor: scheduled.debtor,
            creditor: scheduled.creditor,
            amount: scheduled.amount,
            currency: scheduled.currency,
            hold_id: hold_of(id),
            hold_expires_at: hold_expiry(PaymentKind::InternalTransfer, context),
            booking_date,
            remittance: scheduled.remittance.clone(),
            details: scheduled.details.clone(),
            occurrence: None,
            refunds: None,
            progress: sagas::of(PaymentKind::InternalTransfer).begin(context.time_ms),
        },
        context,
    )
}

fn hold_of(payment: PaymentId) -> HoldId {
    HoldId::named(&format!("payment/{payment}"))
}

fn hold_expiry(kind: PaymentKind, context: &Context) -> i64 {
    context.time_ms + sagas::hold_lifetime_ms(sagas::of(kind))
}

fn begin(book: &PaymentBook, event: PaymentInitiated, context: &Context) -> Result<Decision, Rejection> {
    let id = event.payment_id;
    if let Some(known) = book.payment(id) {
        return match has_terms(known, &event) {
            true => Ok(Decision::unchanged(id, "PAYMENT_EXISTS")),
            false => Err(Rejection::PaymentConflict),
        };
    }
    if book.scheduled(id).is_some() {
        return Err(Rejection::PaymentConflict);
    }
    Ok(begun(event, context))
}

fn begun(event: PaymentInitiated, context: &Context) -> Decision {
    let payment = Payment::initiated(&event, context.time_ms, context.correlation_id);
    let send = step::commands(event.payment_id, &payment, &event.progress);
    Decision {
        send,
        ..Decision::event(event)
    }
}

fn has_terms(payment: &Payment, event: &PaymentInitiated) -> bool {
    let sides = (
        event.kind,
        event.customer,
        event.debtor,
        event.creditor,
        event.refunds,
    );
    let money = (event.amount, event.currency, event.booking_date, &event.details);
    let remittance = event.remittance.as_ref().map(Sealed::tag);
    sides
        == (
            payment.kind,
            payment.customer,
            payment.debtor,
            payment.creditor,
            payment.refunds,
        )
        && money
            == (
                payment.amount,
                payment.currency,
                payment.booking_date,
                &payment.details,
            )
        && remittance == payment.remittance_tag.as_deref()
}

pub(super) fn sides(debtor: AccountId, creditor: AccountId) -> Result<(), Rejection> {
    match debtor == creditor {
        true => Err(Rejection::TransferToSelf),
        false => Ok(()),
    }
}

pub(super) fn positive(text: &str, currency: tributary_money::Currency) -> Result<Money, Rejection> {
    match Money::parse(text, currency)? {
        amount if amount.minor > 0 => Ok(amount),
        _ => Err(Rejection::AmountNotPositive),
    }
}

fn bounded(field: &'static str, text: &str, bytes_max: usize) -> Result<(), Rejection> {
    match text.len() {
        0 => Err(Rejection::FieldEmpty { field }),
        bytes if bytes > bytes_max => Err(Rejection::FieldTooLong { field, bytes_max }),
        _ => Ok(()),
    }
}

pub(super) fn code(field: &'static str, text: &str) -> Result<(), Rejection> {
    bounded(field, text, CODE_BYTES_MAX)
}

/// What is inside nobody here can see: only that it is ciphertext, and that erasing the customer erases it.
pub(super) fn sealed(
    field: &'static str,
    sealed: Option<&Sealed>,
    customer: CustomerId,
) -> Result<(), Rejection> {
    let Some(sealed) = sealed else { return Ok(()) };
    bounded(field, &sealed.ciphertext, SEALED_BYTES_MAX)?;
    if !sealed.is_well_formed() {
        return Err(Rejection::FieldNotSealed { field });
    }
    match sealed.subject == customer.0 {
        true => Ok(()),
        false => Err(Rejection::SealedForAnother { field }),
    }
}

/// The ledger has the last word on these, but by then the money is reserved: what is too long is refused here.
pub(super) fn details(details: &Details) -> Result<(), Rejection> {
    let fields = [
        ("details.purpose", &details.purpose),
        ("details.counterparty_bank", &details.counterparty_bank),
        ("details.reference", &details.reference),
    ];
    for (field, text) in fields {
        text.as_ref().map_or(Ok(()), |text| code(field, text))?;
    }
    Ok(())
}
