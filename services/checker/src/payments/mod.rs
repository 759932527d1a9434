//! Payments: each begins once, ends once and in time, settles only when it was decided that it may, and is paid back no
//! more than it was. Written from what the published events mean, as the ledger's fold is; it shares nothing with the
//! sagas' own engine.
//!
//! What the ledger and the fraud service say of the same payments is compared at causally closed cuts
//! ([`crate::BankCheck`]).

mod due;
mod effects;
mod orders;
mod payment;
mod standing;

use std::collections::BTreeSet;

use hashbrown::HashMap;
use tributary_contracts::{
    envelope::EventEnvelope,
    payments::{PaymentsEvent, Subject},
    record::Record,
    runtime::RuntimeEvent,
};
use tributary_ids::{AccountId, HoldId, PaymentId};
use tributary_stream::StreamEvent;

use crate::{
    alarm::{Alarm, AlarmKind},
    check::NextOffsets,
    flow::{EventOf, Flow, Pair, Payments},
    remembered::Remembered,
    violation::{At, Findings, Invariant},
};
use due::Due;
use orders::Orders;
pub(crate) use payment::Ending;
use payment::{Asking, Payment};
pub use standing::{OrderStanding, PaymentStanding, Standing};

/// The fold over `payments.*`.
///
/// Memory: one item a payment or standing order under way, and 90 days of record time of those that ended.
#[derive(Debug)]
pub(crate) struct PaymentsCheck {
    flow: Flow<Payments>,
    payments: HashMap<PaymentId, Payment>,
    orders: Orders,
    ended: Remembered<Subject>,
    due: Due,
    /// Payments whose end or decision must be explained by other services at the next cut.
    changed: BTreeSet<PaymentId>,
    under_way: u64,
    begun: u64,
}

impl PaymentsCheck {
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            flow: Flow::new(partitions),
            payments: HashMap::default(),
            orders: Orders::default(),
            ended: Remembered::default(),
            due: Due::default(),
            changed: BTreeSet::new(),
            under_way: 0,
            begun: 0,
        }
    }

    pub(crate) fn flow(&self) -> &Flow<Payments> {
        &self.flow
    }

    pub(crate) fn flow_mut(&mut self) -> &mut Flow<Payments> {
        &mut self.flow
    }

    pub(crate) fn observe_inbox(&mut self, record: &Record, found: &mut Findings) {
        let pair = self.flow.ask(record, found);
        self.compare(pair, found);
    }

    pub(crate) fn observe_event(&mut self, record: &Record, found: &mut Findings) {
        let Some((envelope, at)) = self.flow.read(record, found) else {
            return;
        };
        match &envelope.data {
            StreamEvent::Service(event) => {
                self.flow.check_key(&record.key, event, at, found);
                self.fold(event, &envelope, at, found);
                self.keep_due(event, envelope.time);
            }
            StreamEvent::Runtime(RuntimeEvent::TimerIgnored(ignored)) => {
                let payment = ignored.timer.aggregate.parse::<PaymentId>().ok();
                let waits = payment.and_then(|id| self.payments.get(&id));
                let (aggregate, name) = (&ignored.timer.aggregate, &ignored.timer.name);
                if waits.is_some_and(|payment| payment.awaits(name, ignored.timer.due))
                    || self.orders.awaits(aggregate, name, ignored.timer.due)
                {
                    found.violate(Invariant::Ended, "DEADLINE_SWALLOWED", &[at], || {
                        let timer = &ignored.timer;
                        format!(
                            "{}: the timer {} came and was ignored",
                            timer.aggregate, timer.name
                        )
                    });
                }
            }
            StreamEvent::Runtime(_) => {}
        }
        let pair = self.flow.answer(envelope, None, at, found);
        self.compare(pair, found);
    }

    fn compare(&mut self, pair: Option<Pair<Payments>>, found: &mut Findings) {
        if let Some((asked, answer)) = pair {
            effects::compare(&asked, &answer, &|id| self.may_know(id), found);
        }
    }

    /// Whether a payment or order is known, or may have been.
    fn may_know(&self, subject: Subject) -> bool {
        let payment = subject.payment();
        self.ended.has_forgotten()
            || payment.is_some_and(|id| self.payments.contains_key(&id))
            || self.orders.knows(subject)
    }

    fn fold(
        &mut self,
        event: &PaymentsEvent,
        envelope: &EventEnvelope<EventOf<Payments>>,
        at: At,
        found: &mut Findings,
    ) {
        let id = match event.subject() {
            Subject::Payment(id) => id,
            Subject::Order(id) => {
                let begun = |id| self.payments.contains_key(&id);
                let context = (&begun as &dyn Fn(PaymentId) -> bool, self.ended.has_forgotten());
                if self.orders.order(id, event, (envelope.time, at), context, found) {
                    self.ended.has_ended(at.partition, envelope.time, id.into());
                }
                return;
            }
        };
        match event {
            PaymentsEvent::PaymentScheduled(terms) => return self.orders.scheduled(terms, at, found),
            PaymentsEvent::PaymentCancelled(_) => {
                if self.orders.cancelled(id, at) {
                    self.ended.has_ended(at.partition, envelope.time, id.into());
                } else if !self.ended.has_forgotten() {
                    found.violate(Invariant::OneEffect, "CANCELLED_THOUGH_BEGUN", &[at], || {
                        format!("payment {id} is cancelled, and does not wait for its day")
                    });
                }
                return;
            }
            _ => {}
        }
        if let PaymentsEvent::PaymentInitiated(begun) = event {
            found.check(Invariant::OneEffect);
            self.forget(at.partition, envelope.time);
            self.orders.begun(begun, envelope.time, at, found);
            if let Some(known) = self.payments.get(&id) {
                found.violate(
                    Invariant::OneEffect,
                    "PAYMENT_BEGAN_TWICE",
                    &[known.begun, at],
                    || format!("payment {id} began before"),
                );
                return;
            }
            self.begun += 1;
            self.under_way += 1;
            self.payments.insert(id, Payment::new(begun, at));
            self.changed.extend(begun.refunds.map(|_| id));
            return;
        }
        let Some(payment) = self.payments.get_mut(&id) else {
            let may_be_unknown = matches!(
                event,
                PaymentsEvent::AnswerIgnored(_) | PaymentsEvent::PaymentUnchanged(_)
            );
            if !may_be_unknown && !self.ended.has_forgotten() {
                found.violate(Invariant::Sequence, "PAYMENT_NEVER_BEGAN", &[at], || {
                    format!("payment {id} goes on but never began")
                });
            }
            return;
        };
        let had_ended = payment.ending.is_some();
        payment.observe(id, event, at, found);
        if payment.ending.is_some() && !had_ended {
            self.under_way -= 1;
            self.ended.has_ended(at.partition, envelope.time, id.into());
        }
        self.changed.insert(id);
    }

    fn forget(&mut self, partition: i32, time: i64) {
        while let Some(subject) = self.ended.forget(partition, time) {
            self.orders.forget(subject);
            if let Subject::Payment(payment) = subject {
                self.payments.remove(&payment);
            }
        }
    }

    /// Keeps until when what the event is about must have gone on.
    fn keep_due(&mut self, event: &PaymentsEvent, time: i64) {
        let subject = event.subject();
        let payment = subject.payment().and_then(|id| self.payments.get(&id));
        let due = match payment {
            Some(payment) => payment.due(),
            None => self.orders.due(subject),
        };
        self.due.set(subject, due);
        if let Subject::Payment(id) = subject {
            let quarantined = payment.is_some_and(|payment| payment.quarantined && payment.ending.is_none());
            self.due.set_quarantined(id, quarantined);
        }
        // Its payment is to begin at once, in its own partition.
        if let PaymentsEvent::StandingOrderExecuted(executed) = event
            && !self.payments.contains_key(&executed.payment_id)
        {
            self.due.set(executed.payment_id.into(), Some(time));
        }
    }

    /// What was due before then (milliseconds since the epoch) and has not happened, and what is quarantined.
    pub(crate) fn alarms(&self, due_before: i64) -> Vec<Alarm> {
        let late = self.due.before(due_before).map(|(due, subject)| {
            let payment = subject.payment();
            let kind = match payment.is_some_and(|id| self.payments.contains_key(&id)) {
                true => AlarmKind::DeadlineMissed,
                false => AlarmKind::NotBegun,
            };
            let due = Some(due);
            Alarm { kind, subject, due }
        });
        let quarantined = self.due.quarantined().map(|payment| Alarm {
            kind: AlarmKind::Quarantined,
            subject: payment.into(),
            due: None,
        });
        late.chain(quarantined).collect()
    }

    /// Payments that changed since the last time this was asked.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<PaymentId> {
        std::mem::take(&mut self.changed)
    }

    /// Whether a payment has changed since [`Self::take_changed`].
    pub(crate) fn changed_since(&self, id: PaymentId) -> bool {
        self.changed.contains(&id)
    }

    /// What a payment is known as.
    pub(crate) fn known(&self, id: PaymentId) -> Option<Known<'_>> {
        self.payments.get(&id).map(|payment| Known { payment })
    }

    /// Whether a refund was claimed of a payment, or may have been.
    pub(crate) fn may_have_claimed(&self, original: PaymentId, refund: PaymentId) -> bool {
        match self.payments.get(&original) {
            Some(payment) => payment.claims.contains_key(&refund),
            None => self.ended.has_forgotten(),
        }
    }

    /// Nothing is under way any more. `due_before` (milliseconds since the epoch): what had to be answered by a person
    /// before that must have gone on as well.
    pub(crate) fn finish(&self, due_before: Option<i64>, found: &mut Findings) {
        self.orders.finish(due_before, found);
        let mut left: Vec<_> = self
            .payments
            .iter()
            .filter(|(_, payment)| payment.ending.is_none())
            .collect();
        left.sort_unstable_by_key(|(id, _)| **id);
        for (id, payment) in left {
            match payment.asking(due_before) {
                Asking::Nothing if payment.quarantined => {}
                Asking::Nothing => {
                    found.violate(Invariant::Ended, "PAYMENT_FORGOTTEN", &[payment.latest], || {
                        format!("payment {id} has not ended, and nothing is awaited for it")
                    });
                }
                Asking::APerson => {}
                Asking::AService(step) => {
                    found.violate(
                        Invariant::Ended,
                        "PAYMENT_LEFT_UNDER_WAY",
                        &[payment.latest],
                        || format!("payment {id} waits for {step}, which nobody is about to answer"),
                    );
                }
                Asking::Overdue(step) => {
                    found.violate(Invariant::Ended, "DEADLINE_MISSED", &[payment.latest], || {
                        format!("payment {id}: the deadline of {step} passed and nothing happened")
                    });
                }
            }
        }
    }

    /// Payments that began and have not ended.
    pub(crate) fn under_way(&self) -> u64 {
        self.under_way
    }

    /// Payments that began.
    pub(crate) fn begun(&self) -> u64 {
        self.begun
    }

    /// Whether some payment waits for a service: then it isn't at rest.
    pub(crate) fn awaits_services(&self) -> bool {
        self.payments
            .values()
            .any(|payment| payment.ending.is_none() && matches!(payment.asking(None), Asking::AService(_)))
    }

    pub(crate) fn next_offsets(&self) -> &NextOffsets {
        self.flow.next_offsets()
    }
}

/// A payment, for comparison with what other services say of it.
#[derive(Clone, Copy)]
pub(crate) struct Known<'p> {
    payment: &'p Payment,
}

impl Known<'_> {
    pub(crate) fn begun(self) -> At {
        self.payment.begun
    }

    pub(crate) fn ending(self) -> Option<(Ending, At)> {
        self.payment.ending
    }

    pub(crate) fn hold(self) -> (AccountId, HoldId) {
        (self.payment.debtor, self.payment.hold)
    }

    /// Where the ledger was asked to move the money.
    pub(crate) fn settle_asked(self) -> Option<At> {
        self.payment.settle_asked
    }

    /// What the fraud service itself is said to have decided.
    pub(crate) fn decision(self) -> Option<(tributary_contracts::fraud::Decision, At)> {
        self.payment.assessed
    }

    pub(crate) fn refunds(self) -> Option<PaymentId> {
        self.payment.refunds
    }
}
