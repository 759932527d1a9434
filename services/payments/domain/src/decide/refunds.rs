//! Refunds from the original's side: what may be claimed of it, and what comes back.

use tributary_contracts::payments::{
    InitiateRefund, PaymentKind, RefundClaimed, RefundPayment, RefundReleased, ReleaseRefund,
};
use tributary_ids::CommandId;

use super::{Command, Decision, Send, begin};
use crate::{Outcome, PaymentBook, Rejection};

pub(super) fn claim(book: &PaymentBook, command: &RefundPayment) -> Result<Decision, Rejection> {
    let amount = begin::positive(&command.amount, command.currency)?;
    begin::code("reason", &command.reason)?;
    let original = book
        .payment(command.payment_id)
        .ok_or(Rejection::PaymentUnknown)?;
    if original.kind == PaymentKind::Refund {
        return Err(Rejection::RefundOfRefund);
    }
    if original.currency != command.currency {
        return Err(Rejection::CurrencyMismatch);
    }
    if let Some(claim) = original
        .claims
        .iter()
        .find(|claim| claim.refund == command.refund_id)
    {
        return match claim.amount == amount.minor {
            true => Ok(Decision::unchanged(command.payment_id, "REFUND_EXISTS")),
            false => Err(Rejection::PaymentConflict),
        };
    }
    if original.outcome != Some(Outcome::Completed) {
        return Err(Rejection::NotCompleted);
    }
    let refundable = original.refundable() - amount.minor;
    if refundable < 0 {
        return Err(Rejection::RefundExceedsPayment);
    }
    let refund = InitiateRefund {
        refund_id: command.refund_id,
        refunds: command.payment_id,
        customer: original.customer,
        debtor: original.creditor,
        creditor: original.debtor,
        amount: command.amount.clone(),
        currency: command.currency,
        booking_date: command.booking_date,
        reason: command.reason.clone(),
    };
    let mut decision = Decision::event(RefundClaimed {
        payment_id: command.payment_id,
        refund_id: command.refund_id,
        amount: amount.minor,
        refundable,
    });
    decision.send.push(Send {
        id: CommandId::named(&format!("refund/{}/initiate", command.refund_id)),
        command: Command::Payments(refund.into()),
        awaited: false,
    });
    Ok(decision)
}

pub(super) fn release(book: &PaymentBook, command: &ReleaseRefund) -> Result<Decision, Rejection> {
    let original = book
        .payment(command.payment_id)
        .ok_or(Rejection::PaymentUnknown)?;
    let claim = original
        .claims
        .iter()
        .find(|claim| claim.refund == command.refund_id)
        .ok_or(Rejection::PaymentUnknown)?;
    if claim.released {
        return Ok(Decision::unchanged(command.payment_id, "REFUND_RELEASED"));
    }
    Ok(Decision::event(RefundReleased {
        payment_id: command.payment_id,
        refund_id: command.refund_id,
        amount: claim.amount,
        refundable: original.refundable() + claim.amount,
    }))
}
