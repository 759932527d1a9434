//! The laundering service: its alerts name payments that the ledger has made, and none is raised twice; and it is told of every
//! transfer.
//!
//! Nobody waits for it, so the bank is at rest also while it is behind.

mod transfers;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use tributary_contracts::{
    accounts::EntryPosted,
    envelope::BusinessDate,
    laundering::{AlertRaised, LaunderingCommand, LaunderingEvent},
    record::Record,
};
use tributary_ids::{AccountId, PaymentId};
use tributary_stream::StreamEvent;

use self::transfers::Transfers;
use crate::{
    check::LedgerCheck,
    flow::{self, Flow, Laundering},
    violation::{At, Findings, Invariant},
};

/// Days within which the same is not told again: the longest window of a rule. Older alerts are forgotten.
const REMEMBERED_DAYS: i64 = 120;

/// The fold over `laundering.*`. Memory: one item an alert of an account that was told of less than 120 days before its newest.
#[derive(Debug)]
pub(crate) struct LaunderingCheck {
    pub(crate) flow: Flow<Laundering>,
    transfers: Transfers,
    told: HashMap<AccountId, Vec<Told>>,
    /// Payments that alerts name and that the ledger must have made by the next judgement, and by the one that is under way.
    named: Vec<(PaymentId, At)>,
    marked: Vec<(PaymentId, At)>,
}

#[derive(Debug)]
struct Told {
    alert: AlertRaised,
    at: At,
}

impl LaunderingCheck {
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            flow: Flow::new(partitions),
            transfers: Transfers::default(),
            told: HashMap::new(),
            named: Vec::new(),
            marked: Vec::new(),
        }
    }

    pub(crate) fn observe_inbox(&mut self, record: &Record, found: &mut Findings) {
        let pair = self.flow.ask(record, found);
        flow::compare(pair, found, is_effect_of);
    }

    /// Takes an entry of the ledger.
    pub(crate) fn posted(&mut self, entry: &EntryPosted, at: At, found: &mut Findings) {
        self.transfers.posted(entry, at, found);
    }

    pub(crate) fn observe_event(&mut self, record: &Record, found: &mut Findings) {
        let Some((envelope, at)) = self.flow.read(record, found) else {
            return;
        };
        if let StreamEvent::Service(event) = &envelope.data {
            self.flow.check_key(&record.key, event, at, found);
            match event {
                LaunderingEvent::AlertRaised(alert) => self.raised(alert, at, found),
                LaunderingEvent::TransferObserved(told) => self.transfers.observed(told, at, found),
                LaunderingEvent::TransferRepeated(_)
                | LaunderingEvent::ProbeFollowed(_)
                | LaunderingEvent::CycleKnown(_) => {}
            }
        }
        let pair = self.flow.answer(envelope, None, at, found);
        flow::compare(pair, found, is_effect_of);
    }

    fn raised(&mut self, alert: &AlertRaised, at: At, found: &mut Findings) {
        found.check(Invariant::Alerts);
        let ids = alert.payments.iter().map(|payment| (payment.payment_id, at));
        self.named.extend(ids);
        let told = self.told.entry(alert.account).or_default();
        told.retain(|before| days_apart(before.alert.to, alert.to) < REMEMBERED_DAYS);
        if let Some(before) = told.iter().find(|before| is_the_same(&before.alert, alert)) {
            found.violate(Invariant::Alerts, "ALERT_TWICE", &[before.at, at], || {
                format!("account {} had an alert of {} before", alert.account, alert.rule)
            });
        }
        told.push(Told {
            alert: alert.clone(),
            at,
        });
    }

    /// Takes down what must be explained at the next judgement.
    pub(crate) fn mark(&mut self) {
        self.flow.mark();
        self.transfers.mark();
        self.marked.append(&mut self.named);
    }

    /// Judges what was taken down.
    pub(crate) fn judge(&mut self, ledger: &mut LedgerCheck) {
        self.transfers.judge(ledger.findings_mut());
        for (payment, at) in self.marked.drain(..) {
            if !ledger.may_have_sent(payment) {
                ledger
                    .findings_mut()
                    .violate(Invariant::Alerts, "ALERT_OF_NOTHING", &[at], || {
                        format!("an alert names payment {payment}, which the ledger has not made")
                    });
            }
        }
    }

    /// As [`Transfers::finish`], where all that the service was told is answered.
    pub(crate) fn finish(&self, fed: &BTreeMap<i32, i64>, found: &mut Findings) {
        if self.flow.unanswered() == 0 {
            self.transfers.finish(fed, found);
        }
    }
}

fn days_apart(one: BusinessDate, other: BusinessDate) -> i64 {
    (one - other).num_days().abs()
}

/// Whether an alert says what another of the same account has said.
fn is_the_same(one: &AlertRaised, other: &AlertRaised) -> bool {
    let ids = |alert: &AlertRaised| -> BTreeSet<PaymentId> {
        alert.payments.iter().map(|payment| payment.payment_id).collect()
    };
    one.rule == other.rule
        && match &*one.rule {
            "structuring" => days_apart(one.to, other.to) < 7,
            "cycle" => one.accounts == other.accounts,
            _ => ids(one) == ids(other),
        }
}

/// Whether a command can lead to these events.
fn is_effect_of(command: &LaunderingCommand, events: &[&LaunderingEvent]) -> bool {
    let about_one = |events: &[&LaunderingEvent], account: AccountId| {
        let is_alert = |event: &&LaunderingEvent| matches!(event, LaunderingEvent::AlertRaised(alert) if alert.account == account);
        events.iter().all(is_alert)
    };
    match (command, events) {
        (
            LaunderingCommand::ObserveTransfer(asked),
            [LaunderingEvent::TransferObserved(observed), alerts @ ..],
        ) => {
            (
                asked.account,
                asked.seq,
                asked.side,
                asked.payment_id,
                asked.counterparty,
            ) == (
                observed.account,
                observed.seq,
                observed.side,
                observed.payment_id,
                observed.counterparty,
            ) && (asked.amount, asked.currency, asked.date)
                == (observed.amount, observed.currency, observed.date)
                && about_one(alerts, asked.account)
        }
        (LaunderingCommand::ObserveTransfer(asked), [LaunderingEvent::TransferRepeated(repeated)]) => {
            (asked.account, asked.seq) == (repeated.account, repeated.seq)
        }
        (LaunderingCommand::FollowProbe(asked), [LaunderingEvent::ProbeFollowed(followed)]) => {
            let first = asked.path.first().map(|payment| payment.payment_id);
            (asked.account, first) == (followed.account, Some(followed.payment_id))
        }
        (LaunderingCommand::TellCycle(asked), [LaunderingEvent::AlertRaised(alert)]) => {
            asked.account == alert.account && asked.payments == alert.payments
        }
        (LaunderingCommand::TellCycle(asked), [LaunderingEvent::CycleKnown(known)]) => {
            asked.account == known.account
        }
        _ => false,
    }
}
