//! Payments services with a bug in what waits for its day.

use smallvec::SmallVec;
use tributary_contracts::{
    payments::{InitiateTransfer, PaymentsCommand, PaymentsEvent},
    runtime::{TimerChange, TimerId},
    topics::PAYMENTS_INBOX,
};
use tributary_ids::PaymentId;
use tributary_money::Money;
use tributary_payments::Payments;
use tributary_stream::service::{Awaited, Context, Corrupt, Decision, FollowUp, Recorded, Refusal, Service};

use super::{
    logs,
    services::{Decided, State, Twist},
};

/// A restore overlooks which occurrences were executed, and the payment's id doesn't follow from the occurrence alone. Orders
/// are never amended, which would tell the fold.
pub(super) struct PaysTwice;

fn is_overlooked(event: &PaymentsEvent) -> bool {
    matches!(event, PaymentsEvent::StandingOrderExecuted(_)) && logs::is_restoring()
}

impl Twist for PaysTwice {
    type Of = Payments;

    fn decide(state: &State<Self>, command: &PaymentsCommand, context: &Context) -> Decided<Self> {
        match command {
            PaymentsCommand::AmendStandingOrder(_) => Err(Refusal {
                code: "ORDER_ENDED",
                detail: String::new(),
            }),
            command => Payments::decide(state, command, context),
        }
    }

    fn decide_timer(state: &State<Self>, timer: &TimerId, context: &Context) -> Decision<PaymentsEvent> {
        let mut decision = Payments::decide_timer(state, timer, context);
        let [PaymentsEvent::StandingOrderExecuted(executed)] = decision.events.as_mut_slice() else {
            return decision;
        };
        executed.payment_id = PaymentId::named(&format!("{}/{}", executed.payment_id, context.time_ms));
        let order = state.order(executed.order_id).unwrap();
        let transfer = InitiateTransfer {
            payment_id: executed.payment_id,
            customer: order.customer,
            debtor: order.debtor,
            creditor: order.creditor,
            amount: Money::new(order.amount, order.currency)
                .to_decimal()
                .to_string()
                .into(),
            currency: order.currency,
            booking_date: executed.execution_date,
            remittance: None,
            details: order.details.clone(),
            occurrence: None,
        };
        let key = transfer.payment_id.to_string();
        let command = PaymentsCommand::from(transfer);
        let send = FollowUp::new(PAYMENTS_INBOX, key, &command).awaited(Awaited::ByNobody);
        decision.send = SmallVec::from_iter([send]);
        decision
    }

    fn evolve(state: &mut State<Self>, event: &PaymentsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        match event {
            event if is_overlooked(event) => Ok(()),
            event => Payments::evolve(state, event, recorded),
        }
    }

    fn timer_changes(event: &PaymentsEvent) -> SmallVec<[TimerChange; 1]> {
        match event {
            event if is_overlooked(event) => SmallVec::new(),
            event => Payments::timer_changes(event),
        }
    }
}

/// A restore arms no timer of a scheduled payment.
pub(super) struct ForgetsDays;

impl Twist for ForgetsDays {
    type Of = Payments;

    fn timer_changes(event: &PaymentsEvent) -> SmallVec<[TimerChange; 1]> {
        match event {
            PaymentsEvent::PaymentScheduled(_) if logs::is_restoring() => SmallVec::new(),
            event => Payments::timer_changes(event),
        }
    }
}

/// A restore overlooks which payments were cancelled.
pub(super) struct PaysCancelled;

impl Twist for PaysCancelled {
    type Of = Payments;

    fn evolve(state: &mut State<Self>, event: &PaymentsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        match event {
            PaymentsEvent::PaymentCancelled(_) if logs::is_restoring() => Ok(()),
            event => Payments::evolve(state, event, recorded),
        }
    }

    fn timer_changes(event: &PaymentsEvent) -> SmallVec<[TimerChange; 1]> {
        match event {
            PaymentsEvent::PaymentCancelled(_) if logs::is_restoring() => SmallVec::new(),
            event => Payments::timer_changes(event),
        }
    }
}
