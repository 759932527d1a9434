//! Which events arm and disarm timers. Every awaited step has one, named after it, and a scheduled payment has one for its
//! day, both under the payment's id; a standing order has one for its next occurrence.

use tributary_contracts::{
    payments::{Occurrence, PaymentsEvent},
    runtime::{TimerChange, TimerId},
};

use crate::sagas;

/// Of a scheduled payment. No step has this name.
pub(crate) const SCHEDULED: &str = "scheduled";

/// Of a standing order's next occurrence.
pub(crate) const OCCURRENCE: &str = "occurrence";

/// What the event changes about timers.
pub fn timer_changes(event: &PaymentsEvent) -> impl Iterator<Item = TimerChange> + use<> {
    let aggregate = event.subject().to_string();
    let disarm = |name: &str| TimerChange::Disarm {
        aggregate: aggregate.clone(),
        name: name.to_owned(),
    };
    let arm = |due: i64, name: &str| {
        TimerChange::Arm(TimerId {
            due,
            aggregate: aggregate.clone(),
            name: name.to_owned(),
        })
    };
    let next = |next: Option<Occurrence>| match next {
        Some(next) => arm(next.due_at, OCCURRENCE),
        None => disarm(OCCURRENCE),
    };
    let mut changes = Vec::new();
    if let Some(progress) = event.progress() {
        // A step has one name in all sagas, so the longest saga's steps are all there are.
        for step in sagas::INTERNAL_TRANSFER.no_longer_awaited(progress) {
            changes.push(disarm(step));
        }
        for ask in &progress.asked {
            changes.push(arm(ask.deadline, &ask.step));
        }
    }
    match event {
        PaymentsEvent::PaymentScheduled(event) => changes.push(arm(event.due_at, SCHEDULED)),
        PaymentsEvent::PaymentInitiated(_) | PaymentsEvent::PaymentCancelled(_) => {
            changes.push(disarm(SCHEDULED));
        }
        PaymentsEvent::StandingOrderCreated(event) => changes.push(next(Some(event.next))),
        PaymentsEvent::StandingOrderAmended(event) => changes.push(next(event.next)),
        PaymentsEvent::StandingOrderExecuted(event) => changes.push(next(event.next)),
        PaymentsEvent::StandingOrderCancelled(_) => changes.push(next(None)),
        _ => {}
    }
    changes.into_iter()
}
