//! The fraud service: what it decided, and that it decides the same of a payment each time.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;
use tributary_contracts::{
    fraud::{Decision, FraudCommand, FraudEvent},
    record::Record,
    runtime::RuntimeEvent,
};
use tributary_ids::PaymentId;
use tributary_money::Money;
use tributary_stream::StreamEvent;

use crate::{
    flow::{self, Flow, Fraud, Pair, What},
    violation::{At, Findings, Invariant},
};

/// Milliseconds of record time for which a decision is remembered: a payment ends long before.
const REMEMBERED_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// The fold over `fraud.*`. Memory: one decision a payment, for 90 days of record time.
#[derive(Debug)]
pub(crate) struct FraudCheck {
    flow: Flow<Fraud>,
    decided: HashMap<PaymentId, (Decision, At)>,
    order: BTreeMap<i32, VecDeque<(i64, PaymentId)>>,
    forgot: bool,
}

impl FraudCheck {
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            flow: Flow::new(partitions),
            decided: HashMap::default(),
            order: BTreeMap::new(),
            forgot: false,
        }
    }

    pub(crate) fn flow(&self) -> &Flow<Fraud> {
        &self.flow
    }

    pub(crate) fn flow_mut(&mut self) -> &mut Flow<Fraud> {
        &mut self.flow
    }

    pub(crate) fn observe_inbox(&mut self, record: &Record, found: &mut Findings) {
        let pair = self.flow.ask(record, found);
        compare(pair, found);
    }

    pub(crate) fn observe_event(&mut self, record: &Record, found: &mut Findings) {
        let Some((envelope, at)) = self.flow.read(record, found) else {
            return;
        };
        if let StreamEvent::Service(event) = &envelope.data {
            self.flow.check_key(&record.key, event, at, found);
            let FraudEvent::PaymentAssessed(assessed) = event;
            let (id, decision) = (assessed.payment_id, assessed.decision.decision);
            self.forget(at.partition, envelope.time);
            match self.decided.get(&id) {
                None => {
                    self.decided.insert(id, (decision, at));
                    let order = self.order.entry(at.partition).or_default();
                    order.push_back((envelope.time, id));
                }
                Some((before, first)) if *before != decision => {
                    let before = *before;
                    found.violate(
                        Invariant::OneEffect,
                        "ASSESSED_DIFFERENTLY",
                        &[*first, at],
                        || format!("payment {id} was assessed as {before:?} and then as {decision:?}"),
                    );
                }
                Some(_) => {}
            }
        }
        let pair = self.flow.answer(envelope, None, at, found);
        compare(pair, found);
    }

    fn forget(&mut self, partition: i32, time: i64) {
        let Some(order) = self.order.get_mut(&partition) else {
            return;
        };
        while order
            .front()
            .is_some_and(|(at, _)| at.saturating_add(REMEMBERED_MS) < time)
        {
            if let Some((_, payment)) = order.pop_front() {
                self.decided.remove(&payment);
                self.forgot = true;
            }
        }
    }

    /// Whether the service decided so, or may have.
    pub(crate) fn may_have_decided(&self, payment: PaymentId, decision: Decision) -> bool {
        match self.decided.get(&payment) {
            Some((decided, _)) => *decided == decision,
            None => self.forgot,
        }
    }
}

fn compare(pair: Option<Pair<Fraud>>, found: &mut Findings) {
    let Some((asked, answer)) = pair else { return };
    if !flow::is_answered_as_itself(&asked, &answer, found) {
        return;
    }
    let both = [asked.at, answer.at];
    match (&asked.what, answer.events.as_slice()) {
        (What::Command(command), [StreamEvent::Service(FraudEvent::PaymentAssessed(assessed))]) => {
            let FraudCommand::AssessPayment(assess) = &**command;
            let amount = Money::parse(&assess.amount, assess.currency).ok();
            let fits = (assess.payment_id, assess.customer) == (assessed.payment_id, assessed.customer)
                && amount == Some(Money::new(assessed.amount, assessed.currency));
            if !fits {
                found.violate(Invariant::OneEffect, "EFFECT_NOT_AS_ASKED", &both, || {
                    format!("payment {} was asked about", assess.payment_id)
                });
            }
        }
        (
            What::Command(_),
            [
                StreamEvent::Runtime(
                    RuntimeEvent::CommandRefused(_)
                    | RuntimeEvent::DuplicateIgnored(_)
                    | RuntimeEvent::DeadLettered(_),
                ),
            ],
        ) => {}
        (What::Command(_), _) => found.violate(Invariant::OneEffect, "EFFECT_NOT_AS_ASKED", &both, || {
            format!("command {} is answered by something else", answer.command_id)
        }),
        (What::Timer(_) | What::Answer | What::Unreadable, _) => flow::has_no_effect(&asked, &answer, found),
    }
}
