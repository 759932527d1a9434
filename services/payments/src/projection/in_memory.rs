//! The read model without a database: the same fold, into rows in memory, where a simulation has no PostgreSQL.

use std::collections::{BTreeMap, HashMap};

use tributary_contracts::payments::{PaymentsEvent, Subject};
use tributary_ids::{PaymentId, StandingOrderId};
use tributary_projection::{ApplyError, LoggedEvent, Offsets, Payload};

use super::{
    PaymentsModel,
    fold::{Begun, Fold, Row, State},
    orders::{OccurrenceRow, OrderRow},
};

/// Payments, standing orders, their occurrences and refusals, as the tables of the same names hold them, and where each
/// partition goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaymentsRows {
    /// What is written once, and what changes.
    payments: HashMap<PaymentId, (Box<Begun>, Row)>,
    orders: HashMap<StandingOrderId, OrderRow>,
    occurrences: BTreeMap<(StandingOrderId, u32), OccurrenceRow>,
    /// Rows by their text, with how often each is there: once.
    refusals: BTreeMap<String, u32>,
    next: Offsets,
}

/// A payment's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentState {
    /// As the column `state` has it.
    pub state: &'static str,
    /// Minor units.
    pub amount: i64,
    /// Minor units that refunds have claimed of it.
    pub refunded: i64,
}

/// A standing order's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// Of its next payment, minor units.
    pub amount: i64,
    /// Occurrences that were executed.
    pub executed: u32,
    /// When the next is due, milliseconds since the epoch; none once it has ended.
    pub next_due_ms: Option<i64>,
}

impl PaymentsRows {
    /// Folds a batch and moves the offsets, or neither: what the projection does in one transaction of the database.
    ///
    /// # Errors
    /// [`ApplyError::Corrupt`]: an event contradicts the rows or itself.
    pub fn apply(&mut self, events: &[LoggedEvent<PaymentsEvent>], next: &Offsets) -> Result<(), ApplyError> {
        let mut fold = Fold::default();
        for event in events {
            let Payload::Service(data) = &event.envelope.data else {
                continue;
            };
            match data.subject() {
                Subject::Payment(id) => {
                    let row = self.payments.get(&id).map(|(_, row)| row.clone());
                    fold.payments.extend(row.map(|row| (id, row)));
                }
                Subject::Order(id) => {
                    let row = self.orders.get(&id).cloned();
                    fold.orders.extend(row.map(|row| (id, row)));
                }
            }
        }
        PaymentsModel::fold(&mut fold, events)?;
        for (id, mut row) in fold.payments {
            let begun = row.begun.take();
            match self.payments.get_mut(&id) {
                Some((_, known)) => *known = row,
                None => self.payments.extend(begun.map(|begun| (id, (begun, row)))),
            }
        }
        self.orders.extend(fold.orders);
        let occurrences = fold.occurrences.into_iter();
        self.occurrences
            .extend(occurrences.map(|occurrence| (occurrence.key(), occurrence)));
        for refusal in fold.refusals.as_str().lines() {
            *self.refusals.entry(refusal.to_owned()).or_default() += 1;
        }
        self.next.extend(next);
        Ok(())
    }

    /// Where each partition goes on.
    pub fn next(&self) -> &Offsets {
        &self.next
    }

    /// All payments, in no particular order.
    pub fn payments(&self) -> impl Iterator<Item = (PaymentId, PaymentState)> {
        self.payments.iter().map(|(id, (_, row))| {
            let state = PaymentState {
                state: row.state.as_str(),
                amount: row.amount,
                refunded: row.refunded,
            };
            (*id, state)
        })
    }

    /// Payments that a person has to look at, in order of their ids.
    pub fn quarantined(&self) -> Vec<PaymentId> {
        let quarantined = |(_, row): &(Box<Begun>, Row)| row.state == State::Quarantined;
        let mut ids: Vec<PaymentId> = self.payments.keys().copied().collect();
        ids.retain(|id| self.payments.get(id).is_some_and(quarantined));
        ids.sort_unstable();
        ids
    }

    /// All standing orders, in no particular order.
    pub fn orders(&self) -> impl Iterator<Item = (StandingOrderId, OrderState)> {
        self.orders.iter().map(|(id, row)| (*id, row.state()))
    }
}
