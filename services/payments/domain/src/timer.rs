//! Which events arm and disarm timers: every awaited step has one, named after it; its aggregate is the payment's id.

use tributary_contracts::{
    payments::PaymentsEvent,
    runtime::{TimerChange, TimerId},
};

use crate::sagas;

/// What the event changes about timers.
pub fn timer_changes(event: &PaymentsEvent) -> impl Iterator<Item = TimerChange> + use<> {
    let aggregate = event.payment().to_string();
    let mut changes = Vec::new();
    if let Some(progress) = event.progress() {
        // A step has one name in all sagas, so the longest saga's steps are all there are.
        for step in sagas::INTERNAL_TRANSFER.no_longer_awaited(progress) {
            changes.push(TimerChange::Disarm {
                aggregate: aggregate.clone(),
                name: step.to_owned(),
            });
        }
        for ask in &progress.asked {
            changes.push(TimerChange::Arm(TimerId {
                due: ask.deadline,
                aggregate: aggregate.clone(),
                name: ask.step.to_string(),
            }));
        }
    }
    changes.into_iter()
}
