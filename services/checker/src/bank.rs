//! The whole bank: each service's fold, and what they must say alike of the same payments.

use std::collections::BTreeMap;

use tributary_contracts::{
    accounts, fraud, laundering, payments,
    record::Record,
    topics::{
        ACCOUNTS_DLQ, ACCOUNTS_EVENTS, ACCOUNTS_INBOX, FRAUD_DLQ, FRAUD_EVENTS, FRAUD_INBOX,
        FRAUD_PAYEES_DLQ, FRAUD_PAYEES_EVENTS, FRAUD_PAYEES_INBOX, LAUNDERING_DLQ, LAUNDERING_EVENTS,
        LAUNDERING_INBOX, PAYMENTS_DLQ, PAYMENTS_EVENTS, PAYMENTS_INBOX, Topic,
    },
};
use tributary_ids::{PaymentId, StandingOrderId};

use crate::{
    alarm::Alarm,
    check::{Cut, LedgerCheck, NextOffsets, Totals},
    fraud::FraudCheck,
    laundering::LaunderingCheck,
    payments::{Ending, Known, OrderStanding, PaymentStanding, PaymentsCheck},
    violation::{Findings, Invariant},
};

/// Services whose topics the bank's fold reads: name, inbox, events, dead letters.
pub const SERVICES: [(&str, [Topic; 3]); 5] = [
    (accounts::SERVICE, [ACCOUNTS_INBOX, ACCOUNTS_EVENTS, ACCOUNTS_DLQ]),
    (payments::SERVICE, [PAYMENTS_INBOX, PAYMENTS_EVENTS, PAYMENTS_DLQ]),
    (fraud::SERVICE, [FRAUD_INBOX, FRAUD_EVENTS, FRAUD_DLQ]),
    (
        fraud::PAYEES_SERVICE,
        [FRAUD_PAYEES_INBOX, FRAUD_PAYEES_EVENTS, FRAUD_PAYEES_DLQ],
    ),
    (
        laundering::SERVICE,
        [LAUNDERING_INBOX, LAUNDERING_EVENTS, LAUNDERING_DLQ],
    ),
];

/// A point at which the whole bank is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BankCut {
    /// Stable committed input offsets by service and partition, fetched before [`BankCheck::begin_cut`] where the log is
    /// alive.
    pub committed: BTreeMap<&'static str, BTreeMap<i32, i64>>,
    /// Up to where, by partition of the ledger's events, the laundering service was told of them: its feed's committed offsets,
    /// fetched together with the others. Looked at by [`BankCheck::finish`] alone.
    pub fed: BTreeMap<i32, i64>,
    /// Nothing is under way any more: no input unanswered, no payment in transit, none that waits for a service.
    pub quiescent: bool,
    /// Holds and deadlines that were due before this moment (milliseconds since the epoch) have had their chance.
    pub expired_before: Option<i64>,
    /// The dead-letter topics still hold everything that was ever written to them.
    pub dead_letters_whole: bool,
}

impl BankCut {
    fn of(&self, service: &str) -> BTreeMap<i32, i64> {
        self.committed.get(service).cloned().unwrap_or_default()
    }
}

/// The fold over all topics. Feed it every partition in offset order and partitions in any order, then judge at cuts.
/// What it finds stands in the ledger's findings.
#[derive(Debug)]
pub struct BankCheck {
    ledger: LedgerCheck,
    payments: PaymentsCheck,
    fraud: FraudCheck,
    laundering: LaunderingCheck,
    /// Payments that must be explained by what is read before the cut ends.
    marked: Vec<PaymentId>,
    /// Time of the newest record, in milliseconds since the epoch.
    newest: Option<i64>,
}

impl BankCheck {
    /// Of topics with that many partitions each.
    pub fn new(partitions: i32) -> Self {
        Self {
            ledger: LedgerCheck::new(partitions),
            payments: PaymentsCheck::new(partitions),
            fraud: FraudCheck::new(partitions),
            laundering: LaunderingCheck::new(partitions),
            marked: Vec::new(),
            newest: None,
        }
    }

    /// Retention took what stood before `offset` from an inbox: answers to it can't be compared.
    pub fn inbox_starts_at(&mut self, topic: &str, partition: i32, offset: i64) {
        match topic {
            _ if topic == ACCOUNTS_INBOX.name => self.ledger.inbox_starts_at(partition, offset),
            _ if topic == PAYMENTS_INBOX.name => self.payments.flow_mut().inbox_starts_at(partition, offset),
            _ if topic == FRAUD_INBOX.name => self.fraud.customers.inbox_starts_at(partition, offset),
            _ if topic == FRAUD_PAYEES_INBOX.name => self.fraud.payees.inbox_starts_at(partition, offset),
            _ if topic == LAUNDERING_INBOX.name => self.laundering.flow.inbox_starts_at(partition, offset),
            _ => {}
        }
    }

    /// Folds a committed record. Topics of other services are left aside.
    pub fn observe(&mut self, topic: &str, record: &Record) {
        self.newest = self.newest.max(Some(record.timestamp_ms));
        let Self {
            ledger,
            payments,
            fraud,
            laundering,
            ..
        } = self;
        match topic {
            _ if topic == ACCOUNTS_INBOX.name => ledger.observe_inbox(record),
            _ if topic == ACCOUNTS_EVENTS.name => {
                ledger.observe_event_and(record, |entry, at, found| laundering.posted(entry, at, found));
            }
            _ if topic == ACCOUNTS_DLQ.name => ledger.observe_dead_letter(record),
            _ if topic == PAYMENTS_INBOX.name => payments.observe_inbox(record, ledger.findings_mut()),
            _ if topic == PAYMENTS_EVENTS.name => payments.observe_event(record, ledger.findings_mut()),
            _ if topic == PAYMENTS_DLQ.name => {
                payments.flow_mut().dead_letter(record, ledger.findings_mut());
            }
            _ if topic == FRAUD_INBOX.name => fraud.observe_inbox(record, ledger.findings_mut()),
            _ if topic == FRAUD_EVENTS.name => fraud.observe_event(record, ledger.findings_mut()),
            _ if topic == FRAUD_DLQ.name => fraud.customers.dead_letter(record, ledger.findings_mut()),
            _ if topic == FRAUD_PAYEES_INBOX.name => {
                fraud.observe_payees_inbox(record, ledger.findings_mut())
            }
            _ if topic == FRAUD_PAYEES_EVENTS.name => {
                fraud.observe_payees_event(record, ledger.findings_mut())
            }
            _ if topic == FRAUD_PAYEES_DLQ.name => fraud.payees.dead_letter(record, ledger.findings_mut()),
            _ if topic == LAUNDERING_INBOX.name => laundering.observe_inbox(record, ledger.findings_mut()),
            _ if topic == LAUNDERING_EVENTS.name => laundering.observe_event(record, ledger.findings_mut()),
            _ if topic == LAUNDERING_DLQ.name => laundering.flow.dead_letter(record, ledger.findings_mut()),
            _ => {}
        }
    }

    /// Nothing more comes of a topic before this offset (control markers and aborted records take offsets too).
    pub fn read_to(&mut self, topic: &str, partition: i32, offset: i64) {
        let found = self.ledger.findings_mut();
        match topic {
            _ if topic == ACCOUNTS_INBOX.name => self.ledger.inbox_read_to(partition, offset),
            _ if topic == PAYMENTS_INBOX.name => {
                self.payments.flow_mut().inbox_read_to(partition, offset, found);
            }
            _ if topic == FRAUD_INBOX.name => self.fraud.customers.inbox_read_to(partition, offset, found),
            _ if topic == FRAUD_PAYEES_INBOX.name => {
                self.fraud.payees.inbox_read_to(partition, offset, found)
            }
            _ if topic == LAUNDERING_INBOX.name => {
                self.laundering.flow.inbox_read_to(partition, offset, found);
            }
            _ => {}
        }
    }

    /// As [`LedgerCheck::begin_cut`], of all services.
    pub fn begin_cut(&mut self) {
        self.ledger.begin_cut();
        self.payments.flow_mut().mark();
        self.fraud.mark();
        self.laundering.mark();
        self.marked.extend(self.payments.take_changed());
        self.marked.extend(self.ledger.take_sent());
        self.marked.sort_unstable();
        self.marked.dedup();
    }

    /// Judges what [`Self::begin_cut`] took down.
    pub fn end_cut(&mut self, cut: &BankCut) {
        self.ledger.end_cut(&Cut {
            committed: cut.of(accounts::SERVICE),
            quiescent: cut.quiescent,
            expired_before: cut.expired_before,
            dead_letters_whole: cut.dead_letters_whole,
        });
        for id in std::mem::take(&mut self.marked) {
            // One service may have been read beyond the cut, and another not: the next cut has all that explains it.
            if !self.payments.changed_since(id) && !self.ledger.sent_since(id) {
                self.compare(id);
            }
        }
        let [of_payments, of_customers, of_payees] =
            [payments::SERVICE, fraud::SERVICE, fraud::PAYEES_SERVICE].map(|service| cut.of(service));
        let whole = cut.dead_letters_whole;
        self.laundering.judge(&mut self.ledger);
        let found = self.ledger.findings_mut();
        // Nobody waits for it: the bank is at rest also while it is behind.
        self.laundering
            .flow
            .judge(&cut.of(laundering::SERVICE), whole, found);
        self.payments.flow_mut().judge(&of_payments, whole, found);
        self.fraud.customers.judge(&of_customers, whole, found);
        self.fraud.payees.judge(&of_payees, whole, found);
        self.fraud.judge_versions(found);
        if cut.quiescent {
            self.payments.flow().finish(&of_payments, found);
            self.fraud.customers.finish(&of_customers, found);
            self.fraud.payees.finish(&of_payees, found);
            self.payments.finish(cut.expired_before, found);
        }
    }

    /// Judges the log as it was read, sums included: for the end of a run.
    pub fn finish(&mut self, cut: &BankCut) {
        self.begin_cut();
        self.end_cut(cut);
        self.laundering.finish(&cut.fed, self.ledger.findings_mut());
        self.check_sums(cut.expired_before);
    }

    /// Sums of postings, balances and holds.
    pub fn check_sums(&mut self, expired_before: Option<i64>) {
        self.ledger.check_sums(expired_before);
    }

    /// What payments, ledger and fraud service say of one payment. A payment that the payments service doesn't know came
    /// to the ledger another way.
    fn compare(&mut self, id: PaymentId) {
        let Some(payment) = self.payments.known(id) else {
            return;
        };
        let disagreement = disagreement(id, payment, &self.ledger, &self.payments, &self.fraud);
        if let Some(Disagreement {
            invariant,
            code,
            what,
        }) = disagreement
        {
            let mut at = vec![payment.ending().map_or(payment.begun(), |(_, at)| at)];
            let (account, hold) = payment.hold();
            at.extend(self.ledger.sent_at(id));
            at.extend(self.ledger.open_hold(account, hold));
            let found = self.ledger.findings_mut();
            found.violate(invariant, code, &at, || format!("payment {id} {what}"));
        }
    }

    /// What was checked and found so far.
    pub fn findings(&self) -> &Findings {
        self.ledger.findings()
    }

    /// Lets a check of something else add what it found.
    pub fn findings_mut(&mut self) -> &mut Findings {
        self.ledger.findings_mut()
    }

    /// Time of the newest record that was folded, in milliseconds since the epoch.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// What a person must hear of: what was due before then (milliseconds since the epoch) and has not happened, and what is
    /// quarantined. To be asked at a cut, when everything was read that stood in the log at that time and [`GRACE`] after.
    ///
    /// [`GRACE`]: crate::GRACE
    pub fn alarms(&self, due_before: i64) -> Vec<Alarm> {
        self.payments.alarms(due_before)
    }

    /// The ledger's part of the fold.
    pub fn ledger(&self) -> &LedgerCheck {
        &self.ledger
    }

    /// Payments by the log, those that wait for their day included, in no particular order. What ended long ago may have
    /// been forgotten: [`Self::has_forgotten`].
    pub fn payments(&self) -> impl Iterator<Item = (PaymentId, PaymentStanding)> {
        self.payments.payments()
    }

    /// Standing orders by the log, in no particular order.
    pub fn standing_orders(&self) -> impl Iterator<Item = (StandingOrderId, OrderStanding)> {
        self.payments.orders()
    }

    /// Whether payments or standing orders that ended long ago were forgotten.
    pub fn has_forgotten(&self) -> bool {
        self.payments.forgot()
    }

    pub(crate) fn ledger_mut(&mut self) -> &mut LedgerCheck {
        &mut self.ledger
    }

    /// Events of all services that were folded.
    pub fn events(&self) -> u64 {
        self.ledger.events()
            + self.payments.flow().events()
            + self.fraud.customers.events()
            + self.fraud.payees.events()
            + self.laundering.flow.events()
    }

    /// What was folded, by what it is.
    pub fn totals(&self) -> Totals {
        let ledger = self.ledger.totals();
        let dead_letters = self.payments.flow().dead_lettered()
            + self.fraud.customers.dead_lettered()
            + self.fraud.payees.dead_lettered()
            + self.laundering.flow.dead_lettered();
        Totals {
            events: self.events(),
            dead_letters: ledger.dead_letters + dead_letters,
            inputs_unanswered: self.inputs_waiting() as u64,
            payments_begun: self.payments.begun(),
            payments_under_way: self.payments.under_way(),
            ..ledger
        }
    }

    /// Whether nothing seems to be under way.
    pub fn is_quiet(&self) -> bool {
        self.inputs_waiting() == 0
            && self.ledger.totals().payments_in_transit == 0
            && !self.payments.awaits_services()
    }

    /// Answers of a service's partition that wait for their input to be read.
    pub fn answers_waiting(&self, service: &str, partition: i32) -> usize {
        match service {
            payments::SERVICE => self.payments.flow().unasked(partition),
            fraud::SERVICE => self.fraud.customers.unasked(partition),
            fraud::PAYEES_SERVICE => self.fraud.payees.unasked(partition),
            laundering::SERVICE => self.laundering.flow.unasked(partition),
            _ => self.ledger.answers_waiting(partition),
        }
    }

    /// Input records of a service that were read and wait for their answer to be read.
    pub fn inputs_waiting_of(&self, service: &str) -> usize {
        match service {
            payments::SERVICE => self.payments.flow().unanswered(),
            fraud::SERVICE => self.fraud.customers.unanswered(),
            fraud::PAYEES_SERVICE => self.fraud.payees.unanswered(),
            laundering::SERVICE => self.laundering.flow.unanswered(),
            _ => self.ledger.inputs_waiting(),
        }
    }

    /// Of services that somebody waits for.
    fn inputs_waiting(&self) -> usize {
        SERVICES
            .iter()
            .filter(|(service, _)| *service != laundering::SERVICE)
            .map(|(service, _)| self.inputs_waiting_of(service))
            .sum()
    }

    /// Where a service's events go on, by partition: the fold is that of everything before.
    pub fn next_offsets(&self, service: &str) -> &NextOffsets {
        match service {
            payments::SERVICE => self.payments.next_offsets(),
            fraud::SERVICE => self.fraud.customers.next_offsets(),
            fraud::PAYEES_SERVICE => self.fraud.payees.next_offsets(),
            laundering::SERVICE => self.laundering.flow.next_offsets(),
            _ => self.ledger.next_offsets(),
        }
    }
}

struct Disagreement {
    invariant: Invariant,
    code: &'static str,
    what: &'static str,
}

fn disagreement(
    id: PaymentId,
    payment: Known<'_>,
    ledger: &LedgerCheck,
    payments: &PaymentsCheck,
    fraud: &FraudCheck,
) -> Option<Disagreement> {
    let tell = |invariant, code, what| {
        Some(Disagreement {
            invariant,
            code,
            what,
        })
    };
    let (account, hold) = payment.hold();
    match payment.ending().map(|(ending, _)| ending) {
        Some(Ending::Completed) if !(ledger.may_have_sent(id) && ledger.may_have_credited(id)) => {
            return tell(
                Invariant::Transit,
                "COMPLETED_WITHOUT_CREDIT",
                "is said to be completed, and its money is not with the creditor",
            );
        }
        Some(Ending::Returned) if !(ledger.may_have_sent(id) && ledger.may_have_returned(id)) => {
            return tell(
                Invariant::Transit,
                "RETURNED_WITHOUT_RETURN",
                "is said to be returned, and its money did not come back",
            );
        }
        Some(Ending::Rejected) if ledger.sent_at(id).is_some() => {
            return tell(
                Invariant::Transit,
                "REJECTED_THOUGH_SETTLED",
                "is said to be rejected, and its money left the debtor's account",
            );
        }
        _ => {}
    }
    if payment.ending().is_some() && ledger.open_hold(account, hold).is_some() {
        return tell(
            Invariant::Holds,
            "HOLD_OF_ENDED_PAYMENT",
            "has ended, and its money is still reserved",
        );
    }
    if ledger.sent_at(id).is_some() && payment.settle_asked().is_none() {
        return tell(
            Invariant::Decided,
            "SETTLED_UNASKED",
            "was settled by the ledger before it was decided that it may",
        );
    }
    if let Some((decision, _)) = payment.decision()
        && !fraud.may_have_decided(id, decision)
    {
        return tell(
            Invariant::Decided,
            "DECISION_OF_NOBODY",
            "goes by a decision that the fraud service did not make",
        );
    }
    if let Some(original) = payment.refunds()
        && !payments.may_have_claimed(original, id)
    {
        return tell(
            Invariant::OneEffect,
            "REFUND_WITHOUT_CLAIM",
            "pays back a payment of which it has claimed nothing",
        );
    }
    None
}
