//! What waits for its day: scheduled payments and standing orders. Each occurrence is executed once, in its turn, not before
//! its time, and leads to one payment; what was cancelled pays nothing any more.

use hashbrown::HashMap;
use smol_str::SmolStr;
use tributary_contracts::payments::{
    Occurrence, OccurrenceOf, PaymentInitiated, PaymentScheduled, PaymentsEvent as E, StandingOrderExecuted,
    Subject,
};
use tributary_contracts::sealed::Sealed;
use tributary_ids::{PaymentId, StandingOrderId};

use super::{OrderStanding, PaymentStanding, Standing};
use crate::violation::{At, Findings, Invariant};

/// Name of a scheduled payment's timer.
const SCHEDULED: &str = "scheduled";

/// Name of a standing order's timer.
const OCCURRENCE: &str = "occurrence";

#[derive(Debug)]
struct Scheduled {
    at: At,
    terms: PaymentScheduled,
    cancelled: Option<At>,
}

#[derive(Debug)]
struct Order {
    created: At,
    latest: At,
    /// Minor units.
    amount: i64,
    /// Tag of the ciphertext.
    remittance: Option<SmolStr>,
    executed: u32,
    /// None: it has ended.
    next: Option<Occurrence>,
}

/// A payment that an order made, and that was not seen to begin yet.
#[derive(Debug)]
struct Promised {
    at: At,
    by: StandingOrderExecuted,
    /// Tag of the order's ciphertext.
    remittance: Option<SmolStr>,
}

impl Promised {
    /// Whether the payment is of the order's amount and text. Payments of a time when orders had no text don't name their order.
    fn is(&self, begun: &PaymentInitiated) -> bool {
        let occurrence = OccurrenceOf {
            order_id: self.by.order_id,
            number: self.by.occurrence,
        };
        let is_named = match begun.occurrence {
            Some(named) => named == occurrence,
            None => begun.remittance.is_none(),
        };
        is_named && begun.amount == self.by.amount && tag(&begun.remittance) == self.remittance
    }
}

fn tag(remittance: &Option<Sealed>) -> Option<SmolStr> {
    remittance.as_ref().map(|sealed| sealed.tag().into())
}

/// The fold over scheduled payments and standing orders.
#[derive(Debug, Default)]
pub(super) struct Orders {
    scheduled: HashMap<PaymentId, Scheduled>,
    orders: HashMap<StandingOrderId, Order>,
    /// Occurrences that were executed and whose payment was not seen to begin yet.
    promised: HashMap<PaymentId, Promised>,
}

impl Orders {
    pub(super) fn knows(&self, subject: Subject) -> bool {
        match subject {
            Subject::Payment(id) => self.scheduled.contains_key(&id),
            Subject::Order(id) => self.orders.contains_key(&id),
        }
    }

    /// Payments that wait for their day, and cancelled ones, in no particular order.
    pub(super) fn payments(&self) -> impl Iterator<Item = (PaymentId, PaymentStanding)> {
        self.scheduled.iter().map(|(id, scheduled)| {
            let payment = PaymentStanding {
                standing: match scheduled.cancelled {
                    Some(_) => Standing::Cancelled,
                    None => Standing::Scheduled,
                },
                amount: scheduled.terms.amount,
                refunded: 0,
            };
            (*id, payment)
        })
    }

    /// In no particular order.
    pub(super) fn orders(&self) -> impl Iterator<Item = (StandingOrderId, OrderStanding)> {
        self.orders.iter().map(|(id, order)| {
            let order = OrderStanding {
                amount: order.amount,
                executed: order.executed,
                next_due_ms: order.next.map(|next| next.due_at),
            };
            (*id, order)
        })
    }

    /// When it falls due, in milliseconds since the epoch. None: it waits for no day.
    pub(super) fn due(&self, subject: Subject) -> Option<i64> {
        match subject {
            Subject::Payment(id) => {
                let scheduled = self.scheduled.get(&id).filter(|it| it.cancelled.is_none());
                scheduled.map(|it| it.terms.due_at)
            }
            Subject::Order(id) => self.orders.get(&id)?.next.map(|next| next.due_at),
        }
    }

    pub(super) fn forget(&mut self, subject: Subject) {
        match subject {
            Subject::Payment(id) => drop(self.scheduled.remove(&id)),
            Subject::Order(id) => drop(self.orders.remove(&id)),
        }
    }

    /// Whether this timer is waited for.
    pub(super) fn awaits(&self, aggregate: &str, name: &str, due: i64) -> bool {
        match name {
            SCHEDULED => {
                let scheduled = aggregate.parse().ok();
                let scheduled = scheduled.and_then(|id: PaymentId| self.scheduled.get(&id));
                scheduled.is_some_and(|it| it.cancelled.is_none() && it.terms.due_at == due)
            }
            OCCURRENCE => {
                let order = aggregate.parse().ok();
                let order = order.and_then(|id: StandingOrderId| self.orders.get(&id));
                order.is_some_and(|order| order.next.is_some_and(|next| next.due_at == due))
            }
            _ => false,
        }
    }

    pub(super) fn scheduled(&mut self, terms: &PaymentScheduled, at: At, found: &mut Findings) {
        let (id, terms) = (terms.payment_id, terms.clone());
        let cancelled = None;
        let scheduled = Scheduled { at, terms, cancelled };
        if let Some(before) = self.scheduled.insert(id, scheduled) {
            found.violate(
                Invariant::OneEffect,
                "PAYMENT_BEGAN_TWICE",
                &[before.at, at],
                || format!("payment {id} was scheduled before"),
            );
        }
    }

    /// Whether it was scheduled, and not cancelled yet.
    pub(super) fn cancelled(&mut self, id: PaymentId, at: At) -> bool {
        let waits = self.scheduled.get_mut(&id).filter(|it| it.cancelled.is_none());
        waits.map(|it| it.cancelled = Some(at)).is_some()
    }

    /// A payment begins: by its schedule, by an order, or by itself.
    pub(super) fn begun(&mut self, begun: &PaymentInitiated, time: i64, at: At, found: &mut Findings) {
        let id = begun.payment_id;
        if let Some(Scheduled {
            at: before,
            terms,
            cancelled,
        }) = self.scheduled.remove(&id)
        {
            let asked = (
                terms.customer,
                terms.debtor,
                terms.creditor,
                terms.amount,
                terms.currency,
            );
            let does = (
                begun.customer,
                begun.debtor,
                begun.creditor,
                begun.amount,
                begun.currency,
            );
            let code = if cancelled.is_some() {
                "PAID_AFTER_CANCELLED"
            } else if time < terms.due_at {
                "PAID_EARLY"
            } else if asked != does
                || begun.booking_date < terms.execution_date
                || begun.remittance != terms.remittance
            {
                "EFFECT_NOT_AS_ASKED"
            } else {
                return;
            };
            let places = [cancelled.unwrap_or(before), at];
            found.violate(Invariant::OneEffect, code, &places, || {
                format!("payment {id}, due {}, begins at {time}", terms.due_at)
            });
        }
        if let Some(promised) = self.promised.remove(&id)
            && !promised.is(begun)
        {
            found.violate(
                Invariant::OneEffect,
                "EFFECT_NOT_AS_ASKED",
                &[promised.at, at],
                || format!("payment {id} is of another amount, text or order than its order said"),
            );
        }
    }

    /// Folds an event of an order, and says whether the order has ended by it. `begun`: whether a payment is known to have
    /// begun; `forgot`: whether an order may have been forgotten.
    pub(super) fn order(
        &mut self,
        id: StandingOrderId,
        event: &E,
        (time, at): (i64, At),
        (begun, forgot): (&dyn Fn(PaymentId) -> bool, bool),
        found: &mut Findings,
    ) -> bool {
        found.check(Invariant::OneEffect);
        if let E::StandingOrderCreated(created) = event {
            let order = Order {
                created: at,
                latest: at,
                amount: created.amount,
                remittance: tag(&created.remittance),
                executed: 0,
                next: Some(created.next),
            };
            if let Some(before) = self.orders.insert(id, order) {
                found.violate(
                    Invariant::OneEffect,
                    "ORDER_BEGAN_TWICE",
                    &[before.created, at],
                    || format!("standing order {id} began before"),
                );
            }
            return false;
        }
        if matches!(event, E::StandingOrderUnchanged(_)) {
            return false;
        }
        let Some(order) = self.orders.get_mut(&id) else {
            if !forgot {
                found.violate(Invariant::Sequence, "ORDER_NEVER_BEGAN", &[at], || {
                    format!("standing order {id} goes on but never began")
                });
            }
            return false;
        };
        let before = std::mem::replace(&mut order.latest, at);
        let Some(due) = order.next else {
            found.violate(
                Invariant::OneEffect,
                "PAID_AFTER_CANCELLED",
                &[before, at],
                || format!("standing order {id} had ended, and goes on"),
            );
            return false;
        };
        order.next = match event {
            E::StandingOrderAmended(amended) => {
                order.amount = amended.amount;
                amended.next
            }
            E::StandingOrderExecuted(executed) => {
                let code = if executed.occurrence != order.executed + 1 || executed.occurrence != due.number {
                    Some("OCCURRENCE_OUT_OF_TURN")
                } else if time < due.due_at {
                    Some("PAID_EARLY")
                } else if (executed.amount, executed.execution_date) != (order.amount, due.execution_date) {
                    Some("EFFECT_NOT_AS_ASKED")
                } else {
                    None
                };
                if let Some(code) = code {
                    found.violate(Invariant::OneEffect, code, &[before, at], || {
                        let number = executed.occurrence;
                        format!("standing order {id}: occurrence {number} at {time}, when {due:?} is next")
                    });
                }
                order.executed = executed.occurrence;
                if !begun(executed.payment_id) {
                    let promised = Promised {
                        at,
                        by: executed.clone(),
                        remittance: order.remittance.clone(),
                    };
                    self.promised.insert(executed.payment_id, promised);
                }
                executed.next
            }
            _ => None,
        };
        order.next.is_none()
    }

    /// Nothing is under way any more. `due_before` (milliseconds since the epoch): what was due before that had its chance.
    pub(super) fn finish(&self, due_before: Option<i64>, found: &mut Findings) {
        let overdue = |due: i64| due_before.is_some_and(|before| due < before);
        let scheduled = self.scheduled.iter().filter(|(_, it)| it.cancelled.is_none());
        let scheduled = scheduled.map(|(id, it)| (id.0, it.terms.due_at, it.at));
        let orders = self.orders.iter();
        let orders = orders.filter_map(|(id, order)| Some((id.0, order.next?.due_at, order.latest)));
        let mut left: Vec<_> = scheduled
            .chain(orders)
            .filter(|(_, due, _)| overdue(*due))
            .collect();
        left.sort_unstable_by_key(|(id, _, _)| *id);
        for (id, due, at) in left {
            found.violate(Invariant::Ended, "DEADLINE_MISSED", &[at], || {
                format!("{id} was due at {due} and nothing happened")
            });
        }
        let mut promised: Vec<_> = self.promised.iter().collect();
        promised.sort_unstable_by_key(|(id, _)| **id);
        for (id, Promised { at, by, .. }) in promised {
            found.violate(Invariant::OneEffect, "OCCURRENCE_WITHOUT_PAYMENT", &[*at], || {
                let (order, number) = (by.order_id, by.occurrence);
                format!("payment {id}, occurrence {number} of standing order {order}, never began")
            });
        }
    }
}
