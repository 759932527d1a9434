//! Invariants 5 and 9 of payments: the effect is the one that was asked for, and "nothing to do" is true.

use tributary_contracts::{
    payments::{
        CreateStandingOrder, InitiateRefund, InitiateTransfer, PaymentInitiated, PaymentKind,
        PaymentScheduled, PaymentsCommand as C, PaymentsEvent as E, SchedulePayment, StandingOrderCreated,
        Subject,
    },
    runtime::{RuntimeEvent, TimerId},
};
use tributary_money::{Currency, Money};
use tributary_stream::StreamEvent;

use crate::{
    flow::{self, Payments, What},
    violation::{Findings, Invariant},
};

type Asked = flow::Asked<Payments>;
type Answer = flow::Answer<Payments>;

/// Compares an input record with its answer. `may_know`: whether a payment or order began, or may have.
pub(super) fn compare(
    asked: &Asked,
    answer: &Answer,
    may_know: &dyn Fn(Subject) -> bool,
    found: &mut Findings,
) {
    if !flow::is_answered_as_itself(asked, answer, found) {
        return;
    }
    match &asked.what {
        What::Command(command) => compare_command(command, asked, answer, may_know, found),
        What::Timer(timer) => compare_timer(timer, asked, answer, found),
        // What it may lead to is checked where the payment is folded.
        What::Answer => {}
        What::Unreadable => flow::has_no_effect(asked, answer, found),
    }
}

fn compare_command(
    command: &C,
    asked: &Asked,
    answer: &Answer,
    may_know: &dyn Fn(Subject) -> bool,
    found: &mut Findings,
) {
    let both = [asked.at, answer.at];
    let id = answer.command_id;
    let event = match answer.events.as_slice() {
        [StreamEvent::Service(event)] => event,
        [
            StreamEvent::Runtime(RuntimeEvent::TimerIgnored(_) | RuntimeEvent::TimerRearmed(_)),
            ..,
        ] => {
            return found.violate(Invariant::OneEffect, "EFFECT_NOT_AS_ASKED", &both, || {
                format!("command {id} is answered as a timer")
            });
        }
        // Several events of one command are not known of today; each is folded all the same.
        _ => return,
    };
    if let E::PaymentUnchanged(_) | E::StandingOrderUnchanged(_) = event
        && !may_know(command.subject())
    {
        return found.violate(Invariant::OneEffect, "EFFECT_MISSING", &both, || {
            format!("command {id}: nothing to do, but nothing before it did what it asks")
        });
    }
    if !fits(command, event) {
        found.violate(Invariant::OneEffect, "EFFECT_NOT_AS_ASKED", &both, || {
            format!("command {id}: what happened differs from what was asked")
        });
    }
}

fn fits(command: &C, event: &E) -> bool {
    if command.subject() != event.subject() {
        return false;
    }
    match (command, event) {
        (_, E::PaymentUnchanged(_) | E::StandingOrderUnchanged(_)) => true,
        (C::SchedulePayment(c), E::PaymentScheduled(e)) => schedule_fits(c, e),
        (C::CreateStandingOrder(c), E::StandingOrderCreated(e)) => order_fits(c, e),
        (C::AmendStandingOrder(c), E::StandingOrderAmended(e)) => {
            c.until.is_none_or(|until| until == e.until)
        }
        (C::CancelPayment(_), event) => matches!(event, E::PaymentCancelled(_)),
        (C::CancelStandingOrder(_), event) => matches!(event, E::StandingOrderCancelled(_)),
        (C::InitiateTransfer(c), E::PaymentInitiated(e)) => transfer_fits(c, e),
        (C::InitiateRefund(c), E::PaymentInitiated(e)) => refund_fits(c, e),
        (C::RefundPayment(c), E::RefundClaimed(e)) => {
            c.refund_id == e.refund_id && minor(&c.amount, c.currency) == Some(e.amount)
        }
        (C::ReleaseRefund(c), E::RefundReleased(e)) => c.refund_id == e.refund_id,
        (C::ReviewPayment(c), E::PaymentAdvanced(e)) => e.review == Some(c.decision),
        (C::ResumePayment(_), event) => matches!(event, E::PaymentResumed(_)),
        (
            C::InitiateTransfer(_)
            | C::InitiateRefund(_)
            | C::RefundPayment(_)
            | C::ReleaseRefund(_)
            | C::SchedulePayment(_)
            | C::CreateStandingOrder(_)
            | C::AmendStandingOrder(_),
            _,
        ) => false,
        // Rejected by an analyst, or quarantined.
        _ => event.progress().is_some(),
    }
}

/// Minor units. What can't be read can't have had an effect.
fn minor(text: &str, currency: Currency) -> Option<i64> {
    Money::parse(text, currency).ok().map(|money| money.minor)
}

fn transfer_fits(c: &InitiateTransfer, e: &PaymentInitiated) -> bool {
    let sides = (e.kind, e.refunds, e.customer, e.debtor, e.creditor);
    sides
        == (
            PaymentKind::InternalTransfer,
            None,
            c.customer,
            c.debtor,
            c.creditor,
        )
        && minor(&c.amount, c.currency) == Some(e.amount)
        && (c.currency, c.booking_date) == (e.currency, e.booking_date)
        && (&c.remittance, &c.details, c.occurrence) == (&e.remittance, &e.details, e.occurrence)
}

fn schedule_fits(c: &SchedulePayment, e: &PaymentScheduled) -> bool {
    (c.customer, c.debtor, c.creditor, c.currency) == (e.customer, e.debtor, e.creditor, e.currency)
        && minor(&c.amount, c.currency) == Some(e.amount)
        && (c.execution_date, c.convention) == (e.requested_date, e.convention)
        && (&c.remittance, &c.details) == (&e.remittance, &e.details)
}

fn order_fits(c: &CreateStandingOrder, e: &StandingOrderCreated) -> bool {
    (c.customer, c.debtor, c.creditor, c.currency) == (e.customer, e.debtor, e.creditor, e.currency)
        && minor(&c.amount, c.currency) == Some(e.amount)
        && (c.frequency, c.start_date, c.until) == (e.frequency, e.start_date, e.until)
        && (c.convention, &c.remittance, &c.details) == (e.convention, &e.remittance, &e.details)
}

fn refund_fits(c: &InitiateRefund, e: &PaymentInitiated) -> bool {
    let sides = (e.kind, e.refunds, e.customer, e.debtor, e.creditor);
    sides
        == (
            PaymentKind::Refund,
            Some(c.refunds),
            c.customer,
            c.debtor,
            c.creditor,
        )
        && minor(&c.amount, c.currency) == Some(e.amount)
        && (c.currency, c.booking_date) == (e.currency, e.booking_date)
}

fn compare_timer(timer: &TimerId, asked: &Asked, answer: &Answer, found: &mut Findings) {
    let honoured = match answer.events.first() {
        Some(StreamEvent::Service(event)) => {
            event.subject().to_string() == timer.aggregate
                && (event.progress().is_some() || matches!(event, E::StandingOrderExecuted(_)))
                && timer.due <= answer.time
        }
        Some(StreamEvent::Runtime(RuntimeEvent::TimerRearmed(rearmed))) => {
            rearmed.timer == *timer && timer.due > answer.time
        }
        Some(StreamEvent::Runtime(RuntimeEvent::TimerIgnored(ignored))) => ignored.timer == *timer,
        Some(StreamEvent::Runtime(RuntimeEvent::DeadLettered(_))) => true,
        _ => false,
    };
    if !honoured {
        found.violate(
            Invariant::Ended,
            "DEADLINE_NOT_HONOURED",
            &[asked.at, answer.at],
            || {
                let TimerId { due, aggregate, name } = timer;
                format!("the timer {name} of {aggregate}, due {due}, is answered by something else")
            },
        );
    }
}
