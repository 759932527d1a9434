//! What `accounts.events` says of a history's accounts.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use tributary_contracts::{
    accounts::{AccountsEvent, EntryKind},
    codec::{DecodeError, Message, RawEvent},
    record::Record,
    runtime::RuntimeEvent,
};
use tributary_ids::{AccountId, CommandId, EventId, HoldId, PaymentId};

use crate::entry::Entry;

/// Something that the ledger did not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: String,
    pub detail: String,
}

/// What the last fold brought that somebody may wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Payments that left transit, for the creditor or back.
    pub arrived: Vec<PaymentId>,
    /// Commands that were refused or dead-lettered.
    pub refused: Vec<CommandId>,
    /// Commands of which all events are there, those of `refused` among them.
    pub answered: Vec<CommandId>,
    pub events: u64,
    pub entries: u64,
}

/// A step of a hold that moves no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldStep {
    Placed,
    /// What was left was given back, by itself or together with an entry.
    Released,
}

/// A fold over the log. Everything of other accounts is passed over.
#[derive(Debug, Default)]
pub struct TopicLedger {
    accounts: HashSet<AccountId>,
    opened: HashSet<AccountId>,
    entries: HashMap<AccountId, Vec<Entry>>,
    /// What became of holds. By their own ids: the log has no row's sequence for them.
    holds: HashSet<(AccountId, HoldId, HoldStep)>,
    refused: HashMap<CommandId, Refused>,
    arrived: HashSet<PaymentId>,
    /// The entries by which payments left the accounts, and entered them.
    left: HashMap<PaymentId, EventId>,
    entered: HashMap<PaymentId, EventId>,
    /// Highest offset of each inbox partition that is answered whole.
    answered: BTreeMap<i32, i64>,
    /// Commands of these accounts that had nothing to do, by code.
    nothing_to_do: BTreeMap<String, u64>,
    events: u64,
    /// Offset after the last record of each partition.
    next: BTreeMap<i32, i64>,
}

impl TopicLedger {
    pub fn new(accounts: impl IntoIterator<Item = AccountId>) -> Self {
        Self {
            accounts: accounts.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Folds a record of `accounts.events`.
    ///
    /// # Errors
    /// When the record can't be read.
    pub fn observe(&mut self, record: &Record, news: &mut News) -> Result<(), DecodeError> {
        let RawEvent { ce_type, envelope } = RawEvent::read(record)?;
        let data = envelope.data.get();
        self.events += 1;
        self.next.insert(record.partition, record.offset + 1);
        news.events += 1;
        if RuntimeEvent::TYPES.contains(&ce_type) {
            let event = RuntimeEvent::decode(ce_type, data)?;
            self.observe_runtime(event, envelope.command_id, news);
        } else {
            let event = AccountsEvent::decode(ce_type, data)?;
            let key = std::str::from_utf8(&record.key).unwrap_or_default();
            self.observe_ledger(&event, envelope.id(), key, news);
        }
        if envelope.index + 1 == envelope.of {
            let answered = self.answered.entry(envelope.origin.partition).or_insert(-1);
            *answered = envelope.origin.offset.max(*answered);
            news.answered.push(envelope.command_id);
        }
        Ok(())
    }

    fn observe_runtime(&mut self, event: RuntimeEvent, command: CommandId, news: &mut News) {
        let refused = match event {
            RuntimeEvent::CommandRefused(refused) => Refused {
                code: refused.code,
                detail: refused.detail,
            },
            RuntimeEvent::DeadLettered(dead) => Refused {
                code: dead.code,
                detail: dead.detail,
            },
            RuntimeEvent::DuplicateIgnored(_)
            | RuntimeEvent::TimerRearmed(_)
            | RuntimeEvent::TimerIgnored(_) => {
                return;
            }
        };
        self.refused.insert(command, refused);
        news.refused.push(command);
    }

    fn observe_ledger(&mut self, event: &AccountsEvent, id: EventId, key: &str, news: &mut News) {
        match event {
            AccountsEvent::AccountOpened(opened) if self.accounts.contains(&opened.account_id) => {
                self.opened.insert(opened.account_id);
            }
            AccountsEvent::HoldPlaced(placed) if self.accounts.contains(&placed.account_id) => {
                self.holds
                    .insert((placed.account_id, placed.hold_id, HoldStep::Placed));
            }
            AccountsEvent::HoldReleased(released) if self.accounts.contains(&released.account_id) => {
                self.holds
                    .insert((released.account_id, released.hold_id, HoldStep::Released));
            }
            AccountsEvent::EntryPosted(posted) => {
                news.entries += 1;
                if matches!(posted.kind, EntryKind::TransferIn | EntryKind::TransferReturn)
                    && let Some(payment) = posted.payment_id
                {
                    self.arrived.insert(payment);
                    news.arrived.push(payment);
                }
                if self.accounts.contains(&posted.account_id) {
                    match (posted.kind, posted.payment_id) {
                        (EntryKind::TransferOut, Some(payment)) => drop(self.left.insert(payment, id)),
                        (EntryKind::TransferIn, Some(payment)) => drop(self.entered.insert(payment, id)),
                        _ => {}
                    }
                    if let Some(hold) = posted.hold
                        && (hold.released > 0 || posted.kind == EntryKind::TransferOut)
                    {
                        self.holds
                            .insert((posted.account_id, hold.hold_id, HoldStep::Released));
                    }
                    let entries = self.entries.entry(posted.account_id).or_default();
                    entries.push(Entry::of(id, posted));
                }
            }
            AccountsEvent::NothingToDo(nothing) => {
                let own = key
                    .parse()
                    .is_ok_and(|account: AccountId| self.accounts.contains(&account));
                if own {
                    *self.nothing_to_do.entry(nothing.code.to_string()).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// Whether an event of the account's opening is in the log.
    pub fn is_opened(&self, account: AccountId) -> bool {
        self.opened.contains(&account)
    }

    /// Whether the hold was placed, or released.
    pub fn has_hold(&self, account: AccountId, hold: HoldId, step: HoldStep) -> bool {
        self.holds.contains(&(account, hold, step))
    }

    /// Entries of an account in the order of the log.
    pub fn entries_of(&self, account: AccountId) -> &[Entry] {
        self.entries.get(&account).map_or(&[], Vec::as_slice)
    }

    /// All entries of the history's accounts, the accounts in no particular order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().flatten()
    }

    /// Why a command had no effect.
    pub fn refusal(&self, command: CommandId) -> Option<&Refused> {
        self.refused.get(&command)
    }

    /// Whether the payment left transit.
    pub fn has_arrived(&self, payment: PaymentId) -> bool {
        self.arrived.contains(&payment)
    }

    /// The entries of a payment, on the debtor's account and on the creditor's, as far as they are there.
    pub(crate) fn entries_of_payment(&self, payment: PaymentId) -> [Option<EventId>; 2] {
        [&self.left, &self.entered].map(|side| side.get(&payment).copied())
    }

    /// Takes note of a row that was refused elsewhere than in the log.
    pub(crate) fn note_refused(&mut self, row: CommandId, refused: Refused) {
        self.refused.insert(row, refused);
    }

    /// Whether every record of an inbox partition up to this offset is answered.
    pub fn has_answered(&self, partition: i32, offset: i64) -> bool {
        self.answered
            .get(&partition)
            .is_some_and(|answered| *answered >= offset)
    }

    /// How far the answers of a partition are behind this offset.
    pub(crate) fn behind(&self, partition: i32, offset: i64) -> u64 {
        let answered = self.answered.get(&partition).copied().unwrap_or(-1);
        u64::try_from(offset - answered).unwrap_or(0)
    }

    /// How many commands for these accounts had nothing to do.
    pub fn nothing_to_do(&self) -> u64 {
        self.nothing_to_do.values().sum()
    }

    /// Offset after the last record of each partition that has any.
    pub fn next_offsets(&self) -> &BTreeMap<i32, i64> {
        &self.next
    }

    /// Records that were folded, those of other accounts included.
    pub fn events(&self) -> u64 {
        self.events
    }
}
