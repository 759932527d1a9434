//! The checker's core: a fold over the ledger's topics that says what is wrong with them. No I/O, no clock.
//!
//! It is an independent second opinion: written from what the events mean (`tributary-contracts`), sharing nothing
//! with the ledger's own domain.

mod accounts;
mod effects;
mod entries;
mod holds;
mod transit;

use std::collections::{BTreeMap, BTreeSet};

use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent, EntryPosted, GlAccount, ImportRef},
    envelope::EventEnvelope,
    partition::key_of_partition,
    record::Record,
    runtime::RuntimeEvent,
};
use tributary_ids::{AccountId, HoldId, PaymentId};
use tributary_money::Currency;

use crate::{
    flow::{EventOf, Flow, Ledger, Pair},
    violation::{At, Findings, Invariant},
};

pub use accounts::Account;
pub(crate) use entries::movement;

type LedgerEvent = EventOf<Ledger>;

/// A point at which the log is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Stable committed input offsets by partition, fetched before [`LedgerCheck::begin_cut`] where the log is alive.
    pub committed: BTreeMap<i32, i64>,
    /// Nothing is under way any more: no input unanswered, no payment in transit.
    pub quiescent: bool,
    /// A hold that was due before this moment (milliseconds since the epoch) has had its chance to lapse.
    pub expired_before: Option<i64>,
    /// The dead-letter topic still holds everything that was ever written to it.
    pub dead_letters_whole: bool,
}

/// Where events are read on, by partition.
pub type NextOffsets = BTreeMap<i32, i64>;

/// The fold. Feed it both topics, each partition in offset order and partitions in any order, then judge at cuts.
///
/// Memory: one item an account; holds and payments under way and 90 days of record time of those that ended; 24 bytes an
/// entry for 120 business days (reversals); command ids until their `not_after`, at most ten minutes.
#[derive(Debug)]
pub struct LedgerCheck {
    flow: Flow<Ledger>,
    accounts: accounts::Accounts,
    entries: entries::Entries,
    holds: holds::Holds,
    transit: transit::Transit,
    imports: Imports,
    entries_booked: u64,
    found: Findings,
}

impl LedgerCheck {
    /// Of topics with that many partitions each.
    pub fn new(partitions: i32) -> Self {
        Self {
            flow: Flow::new(partitions),
            accounts: accounts::Accounts::default(),
            entries: entries::Entries::default(),
            holds: holds::Holds::default(),
            transit: transit::Transit::default(),
            imports: Imports::default(),
            entries_booked: 0,
            found: Findings::default(),
        }
    }

    /// Retention took what stood before `offset` from the inbox: answers to it can't be compared.
    pub fn inbox_starts_at(&mut self, partition: i32, offset: i64) {
        self.flow.inbox_starts_at(partition, offset);
    }

    /// Folds a record of `accounts.inbox`.
    pub fn observe_inbox(&mut self, record: &Record) {
        let pair = self.flow.ask(record, &mut self.found);
        self.compare(pair);
    }

    /// Nothing more comes of the inbox before this offset (control markers and aborted records take offsets too).
    pub fn inbox_read_to(&mut self, partition: i32, offset: i64) {
        self.flow.inbox_read_to(partition, offset, &mut self.found);
    }

    /// Folds a record of `accounts.dlq`.
    pub fn observe_dead_letter(&mut self, record: &Record) {
        self.flow.dead_letter(record, &mut self.found);
    }

    /// Folds a record of `accounts.events`.
    pub fn observe_event(&mut self, record: &Record) {
        self.observe_event_and(record, |_, _, _| {});
    }

    /// The same, for another fold that wants to hear of entries.
    pub(crate) fn observe_event_and(
        &mut self,
        record: &Record,
        posted: impl FnOnce(&EntryPosted, At, &mut Findings),
    ) {
        if let Some((envelope, at)) = self.flow.read(record, &mut self.found) {
            if let LedgerEvent::Service(AccountsEvent::EntryPosted(entry)) = &envelope.data {
                posted(entry, at, &mut self.found);
            }
            self.fold(&record.key, envelope, at);
        }
    }

    fn fold(&mut self, key: &[u8], envelope: EventEnvelope<LedgerEvent>, at: At) {
        match &envelope.data {
            LedgerEvent::Service(event) => {
                self.flow.check_partition(key, at, &mut self.found);
                check_key(key, event, at, &mut self.found);
                self.fold_accounts(event, &envelope, at);
            }
            LedgerEvent::Runtime(RuntimeEvent::TimerIgnored(ignored)) => {
                self.holds
                    .check_timer_ignored(&ignored.timer, at, &mut self.found);
            }
            LedgerEvent::Runtime(_) => {}
        }
        let open_day = self.entries.open_day(at.partition);
        let pair = self.flow.answer(envelope, open_day, at, &mut self.found);
        self.compare(pair);
    }

    fn fold_accounts(&mut self, event: &AccountsEvent, envelope: &EventEnvelope<LedgerEvent>, at: At) {
        let Self { accounts, found, .. } = self;
        // The money moved whether its account is known or not: sums and items count it either way.
        let known = accounts.take_seq(event, at, found);
        self.entries.observe(event, envelope.id(), at, found);
        self.transit.observe(event, envelope.time, at, found);
        if !known {
            return;
        }
        self.holds.observe(event, envelope.time, at, accounts, found);
        if let AccountsEvent::EntryPosted(entry) = event {
            self.entries_booked += 1;
            accounts.post(entry, at, found);
            if let Some(import) = &entry.import {
                self.imports.take(entry.account_id, import, at, found);
            }
        }
        accounts.live(event, at, found);
    }

    fn compare(&mut self, pair: Option<Pair<Ledger>>) {
        let Some((asked, answer)) = pair else { return };
        let past = Past {
            accounts: &self.accounts,
            holds: &self.holds,
            transit: &self.transit,
            imports: &self.imports,
        };
        effects::compare(&asked, &answer, &past, &mut self.found);
    }

    /// Takes down what must be explained by what is in the log now. Afterwards read every partition of every topic past
    /// what was written by now, and end the cut: it is causally closed, since a cause is in the log before its effect.
    pub fn begin_cut(&mut self) {
        self.transit.mark();
        self.flow.mark();
    }

    /// Judges what [`Self::begin_cut`] took down. The committed offsets were fetched before that.
    pub fn end_cut(&mut self, cut: &Cut) {
        let found = &mut self.found;
        self.transit.judge(found);
        self.flow.judge(&cut.committed, cut.dead_letters_whole, found);
        if cut.quiescent {
            self.transit.finish(found);
            self.flow.finish(&cut.committed, found);
        }
    }

    /// Judges the log as it was read, sums included: looks at every account and hold, so it is for the end of a run.
    pub fn finish(&mut self, cut: &Cut) {
        self.begin_cut();
        self.end_cut(cut);
        self.check_sums(cut.expired_before);
    }

    /// Sums of postings, balances and holds.
    pub fn check_sums(&mut self, expired_before: Option<i64>) {
        self.entries.finish(&self.accounts, &mut self.found);
        self.holds.finish(expired_before, &self.accounts, &mut self.found);
    }

    /// What was checked and found so far.
    pub fn findings(&self) -> &Findings {
        &self.found
    }

    /// Lets a check of something else add what it found.
    pub fn findings_mut(&mut self) -> &mut Findings {
        &mut self.found
    }

    /// Records of `accounts.events` that were folded.
    pub fn events(&self) -> u64 {
        self.flow.events()
    }

    /// What was folded, by what it is.
    pub fn totals(&self) -> Totals {
        Totals {
            events: self.flow.events(),
            entries: self.entries_booked,
            accounts: self.accounts.count(),
            holds_open: self.holds.open_count(),
            payments_in_transit: self.transit.open_count(),
            payments_begun: 0,
            payments_under_way: 0,
            dead_letters: self.flow.dead_lettered(),
            inputs_unanswered: self.flow.unanswered() as u64,
        }
    }

    /// Answers of a partition that wait for their input to be read; the driver reads the inbox on while there are many.
    pub fn answers_waiting(&self, partition: i32) -> usize {
        self.flow.unasked(partition)
    }

    /// Input records that were read and wait for their answer to be read.
    pub fn inputs_waiting(&self) -> usize {
        self.flow.unanswered()
    }

    /// Where events go on, by partition: the fold is that of everything before.
    pub fn next_offsets(&self) -> &NextOffsets {
        self.flow.next_offsets()
    }

    /// Whether a payment has entered transit. What was forgotten may have.
    pub(crate) fn may_have_sent(&self, payment: PaymentId) -> bool {
        self.transit.may_have_sent(payment)
    }

    /// Whether a payment's money reached its creditor. What was forgotten may have.
    pub(crate) fn may_have_credited(&self, payment: PaymentId) -> bool {
        self.transit.may_have_credited(payment)
    }

    /// Whether a payment's money went back. What was forgotten may have.
    pub(crate) fn may_have_returned(&self, payment: PaymentId) -> bool {
        self.transit.may_have_returned(payment)
    }

    /// Where a payment entered transit, if it is remembered.
    pub(crate) fn sent_at(&self, payment: PaymentId) -> Option<At> {
        self.transit.sent_at(payment)
    }

    /// Payments that entered transit since the last time this was asked.
    pub(crate) fn take_sent(&mut self) -> BTreeSet<PaymentId> {
        self.transit.take_sent()
    }

    /// Whether the payment has entered transit since [`Self::take_sent`].
    pub(crate) fn sent_since(&self, payment: PaymentId) -> bool {
        self.transit.sent_since(payment)
    }

    /// Where a hold was placed that is still open.
    pub(crate) fn open_hold(&self, account: AccountId, hold: HoldId) -> Option<At> {
        self.holds.open_at(account, hold)
    }

    /// All accounts, in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter()
    }

    /// Sums of the general ledger, in no particular order: partition, account, currency, minor units with credits
    /// positive.
    pub fn general_ledger(&self) -> impl Iterator<Item = (i32, GlAccount, Currency, i128)> {
        self.entries.general()
    }
}

/// What the fold holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    pub events: u64,
    pub entries: u64,
    pub accounts: u64,
    pub holds_open: u64,
    pub payments_in_transit: u64,
    /// Payments that the payments service began.
    pub payments_begun: u64,
    /// Of these, those that have not ended; the ones that wait for a person included.
    pub payments_under_way: u64,
    pub dead_letters: u64,
    /// Input records that were read and have no event yet.
    pub inputs_unanswered: u64,
}

/// Invariant 5 of imported rows: of each source an account takes rows in ascending order. One number a source and account.
#[derive(Debug, Default)]
struct Imports {
    highest: hashbrown::HashMap<(AccountId, smol_str::SmolStr), (u64, At)>,
}

impl Imports {
    fn has(&self, account: AccountId, import: &ImportRef) -> bool {
        self.highest
            .get(&(account, import.source.clone()))
            .is_some_and(|(highest, _)| import.sequence <= *highest)
    }

    fn take(&mut self, account: AccountId, import: &ImportRef, at: At, found: &mut Findings) {
        found.check(Invariant::OneEffect);
        let key = (account, import.source.clone());
        if let Some(&(highest, before)) = self.highest.get(&key)
            && import.sequence <= highest
        {
            found.violate(Invariant::OneEffect, "ROW_IMPORTED_TWICE", &[before, at], || {
                let ImportRef { source, sequence, .. } = import;
                format!("account {account} takes row {sequence} of {source} after row {highest}")
            });
            return;
        }
        let highest = self.highest.get(&key).map_or(0, |(highest, _)| *highest);
        if let Some(after) = import.after
            && after != highest
        {
            found.violate(Invariant::OneEffect, "ROW_IMPORTED_PAST_GAP", &[at], || {
                let ImportRef { source, sequence, .. } = import;
                format!("account {account} takes row {sequence} of {source}, which follows row {after}, after row {highest}")
            });
        }
        self.highest.insert(key, (import.sequence, at));
    }
}

/// An event's key is what it is about.
fn check_key(key: &[u8], event: &AccountsEvent, at: At, found: &mut Findings) {
    let about = match event {
        AccountsEvent::NothingToDo(_) => return,
        AccountsEvent::TransferRefused(refused) => Some(refused.account_id),
        _ => event.seq().map(|(account, _)| account),
    };
    let is_key = match about {
        Some(account) => {
            let mut text = [0; 36];
            account.0.hyphenated().encode_lower(&mut text).as_bytes() == key
        }
        None => key_of_partition(at.partition).as_bytes() == key,
    };
    if !is_key {
        found.violate(Invariant::Sequence, "WRONG_KEY", &[at], || {
            format!(
                "an event of account {about:?} has key {}",
                String::from_utf8_lossy(key)
            )
        });
    }
}

/// What a "nothing to do" can refer to.
struct Past<'c> {
    accounts: &'c accounts::Accounts,
    holds: &'c holds::Holds,
    transit: &'c transit::Transit,
    imports: &'c Imports,
}

impl Past<'_> {
    /// Whether "nothing to do" may be true: what the code refers to happened. What the fold has forgotten may have.
    fn did_before(&self, command: &AccountsCommand, code: &str) -> bool {
        use AccountsCommand as C;
        match (code, command) {
            ("ACCOUNT_EXISTS", C::OpenAccount(c)) => self.accounts.get(c.account_id).is_some(),
            ("ACCOUNT_NOT_BLOCKED", C::UnblockAccount(_)) | ("LIMIT_UNCHANGED", C::SetOverdraftLimit(_)) => {
                true
            }
            ("HOLD_EXISTS", C::Reserve(c)) => self.holds.may_know(c.account_id, c.hold_id),
            ("HOLD_UNCHANGED", C::AdjustHold(c)) => self.holds.may_know(c.account_id, c.hold_id),
            ("HOLD_ALREADY_RELEASED", C::Release(c)) => self.holds.may_know(c.account_id, c.hold_id),
            ("PAYMENT_EXISTS", C::TransferOut(c)) => self.transit.may_have_sent(c.payment_id),
            ("PAYMENT_EXISTS", C::TransferIn(c)) => self.transit.may_have_arrived(c.payment_id),
            ("PAYMENT_EXISTS", C::ReturnTransfer(c)) => self.transit.may_have_returned(c.payment_id),
            ("ROW_IMPORTED_BEFORE", command) => match (command.account(), command.import()) {
                (Some(account), Some(import)) => self.imports.has(account, import),
                _ => false,
            },
            _ => false,
        }
    }
}
