//! Events of an account as steps that a history can tell.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use hashbrown::HashMap;
use tributary_contracts::accounts::{
    AccountOpened, AccountsEvent, Direction, EntryKind, EntryPosted, GlAccount, HoldAdjusted, HoldPlaced,
    HoldReleased,
};
use tributary_history::Contra;
use tributary_ids::{AccountId, EventId, HoldId, PaymentId};

use crate::entry::Entry;

/// What one or more rows will tell. Amounts are minor units, customers' side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Post(Post),
    Out(PaymentId),
    In(PaymentId),
    Place {
        hold: String,
        amount: i64,
    },
    Settle {
        hold: String,
        amount: i64,
        contra: Contra,
    },
    Release {
        hold: String,
    },
    Reverse {
        of: EventId,
        amount: i64,
        contra: Contra,
        reference: String,
        forced: bool,
    },
}

/// A credit or debit against the general ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) amount: i64,
    pub(super) rounding: i64,
    pub(super) contra: Contra,
    pub(super) value_date: NaiveDate,
    pub(super) kind: String,
    pub(super) reference: String,
    pub(super) bank: Option<String>,
    pub(super) forced: bool,
}

/// A step of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) what: What,
    pub(super) date: NaiveDate,
    pub(super) balance_after: i64,
    /// The entry behind it.
    pub(super) entry: Option<EventId>,
    /// The row that it came from, where it came from one.
    pub(super) sequence: Option<u64>,
}

/// An account of the log.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) opened: AccountOpened,
    pub(super) branch: Option<String>,
    pub(super) opening_balance: i64,
    pub(super) steps: Vec<Step>,
    balance: i64,
    /// The history's names of holds, and what they hold.
    holds: HashMap<HoldId, (String, u32)>,
}

/// All that the log says, in the language of histories.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) accounts: BTreeMap<AccountId, Account>,
    /// Amount of each payment.
    pub(super) payments: HashMap<PaymentId, i64>,
    /// Payments that reached their creditor.
    credited: HashMap<PaymentId, ()>,
    returned: HashMap<PaymentId, ()>,
    /// Import sources of entries; `None` for entries that no row is behind and that don't follow from one.
    pub(super) sources: BTreeMap<Option<String>, u64>,
    /// Events that change nothing that a history could tell, by what they are.
    pub(super) untold: BTreeMap<&'static str, u64>,
}

impl Steps {
    /// Payments that are neither with their creditor nor back.
    pub(super) fn in_transit(&self) -> usize {
        let ended = |payment: &&PaymentId| {
            self.credited.contains_key(*payment) || self.returned.contains_key(*payment)
        };
        self.payments.keys().filter(|payment| !ended(payment)).count()
    }

    pub(super) fn is_returned(&self, payment: PaymentId) -> bool {
        self.returned.contains_key(&payment)
    }

    /// Adds an event, `branch` being that of whoever asked for it.
    pub(super) fn add(&mut self, id: EventId, event: AccountsEvent, branch: Option<String>) {
        match event {
            AccountsEvent::AccountOpened(opened) => {
                let account = Account {
                    opening_balance: 0,
                    steps: Vec::new(),
                    balance: 0,
                    holds: HashMap::new(),
                    branch,
                    opened,
                };
                if account.opened.overdraft_limit != 0 {
                    self.leave("overdraft limits");
                }
                self.accounts.insert(account.opened.account_id, account);
            }
            AccountsEvent::EntryPosted(entry) => self.entry(id, &entry),
            AccountsEvent::HoldPlaced(placed) => self.placed(&placed),
            AccountsEvent::HoldAdjusted(adjusted) => self.adjusted(&adjusted),
            AccountsEvent::HoldReleased(released) => self.released(&released),
            AccountsEvent::AccountClosed(_) => self.leave("closings of accounts"),
            AccountsEvent::AccountBlocked(_) | AccountsEvent::AccountUnblocked(_) => self.leave("blocks"),
            AccountsEvent::OverdraftLimitSet(_) => self.leave("overdraft limits"),
            AccountsEvent::DayClosed(_) => self.leave("closings of days"),
            AccountsEvent::NothingToDo(_) | AccountsEvent::TransferRefused(_) => {}
        }
    }

    fn leave(&mut self, what: &'static str) {
        *self.untold.entry(what).or_default() += 1;
    }

    fn entry(&mut self, id: EventId, posted: &EntryPosted) {
        let entry = Entry::of(id, posted);
        let follows = matches!(
            posted.kind,
            EntryKind::OpeningBalance | EntryKind::TransferIn | EntryKind::TransferReturn
        );
        if !follows {
            let source = posted.import.as_ref().map(|import| import.source.to_string());
            *self.sources.entry(source).or_default() += 1;
        }
        if posted.kind == EntryKind::OpeningBalance {
            if let Some(account) = self.accounts.get_mut(&posted.account_id) {
                (account.opening_balance, account.balance) = (entry.movement, entry.balance_after);
            }
            return;
        }
        self.end_hold_of_transfer(posted);
        let Some(what) = self.what(posted, &entry) else {
            return;
        };
        let dates_differ = posted.value_date != posted.booking_date;
        if dates_differ && !matches!(what, What::Post(_) | What::Reverse { .. }) {
            self.leave("value dates of settlements and transfers");
        }
        let rest = posted
            .hold
            .filter(|hold| hold.released > 0 && posted.kind == EntryKind::Settlement);
        let Some(account) = self.accounts.get_mut(&posted.account_id) else {
            return;
        };
        account.balance = entry.balance_after;
        account.steps.push(Step {
            what,
            date: posted.booking_date,
            balance_after: entry.balance_after,
            entry: Some(id),
            sequence: posted.import.as_ref().map(|import| import.sequence),
        });
        if let Some(hold) = rest.and_then(|rest| account.holds.get(&rest.hold_id)) {
            let hold = hold.0.clone();
            account.push(What::Release { hold });
        }
    }

    fn what(&mut self, posted: &EntryPosted, entry: &Entry) -> Option<What> {
        let contra = entry
            .general
            .first()
            .map_or(GlAccount::ROUNDING, |(account, _)| *account);
        let reference = posted.details.reference.as_deref().unwrap_or_default().to_owned();
        let as_posting = |amount: i64, rounding: i64, contra: GlAccount| {
            What::Post(Post {
                amount,
                rounding,
                contra: contra_of(contra),
                value_date: posted.value_date,
                kind: posted.details.purpose.as_deref().unwrap_or_default().to_owned(),
                reference: reference.clone(),
                bank: posted.details.counterparty_bank.as_deref().map(str::to_owned),
                forced: posted.forced,
            })
        };
        Some(match (posted.kind, posted.payment_id) {
            (EntryKind::TransferOut, Some(payment)) => {
                self.payments.insert(payment, -entry.movement);
                What::Out(payment)
            }
            (EntryKind::TransferIn, Some(payment)) => {
                self.credited.insert(payment, ());
                What::In(payment)
            }
            (EntryKind::TransferReturn, Some(payment)) => {
                self.returned.insert(payment, ());
                // What went to suspense has left the account for good: its way out says so.
                return (entry.movement != 0).then(|| as_posting(entry.movement, 0, GlAccount::SUSPENSE));
            }
            (EntryKind::Settlement, _) if entry.movement < 0 => What::Settle {
                hold: self.hold_name(posted)?,
                amount: -entry.movement,
                contra: contra_of(contra),
            },
            (EntryKind::Reversal, _) => What::Reverse {
                of: posted.reverses.as_deref().and_then(event_id)?,
                amount: entry.movement,
                contra: contra_of(contra),
                reference,
                forced: posted.forced,
            },
            _ => {
                let amount = entry.general.first().map_or(0, |(_, amount)| *amount);
                let rounding = entry.general.get(1).map_or(0, |(_, amount)| *amount);
                as_posting(amount, rounding, contra)
            }
        })
    }

    fn hold_name(&self, posted: &EntryPosted) -> Option<String> {
        let account = self.accounts.get(&posted.account_id)?;
        Some(account.holds.get(&posted.hold?.hold_id)?.0.clone())
    }

    /// A transfer out of a hold is told as the hold's release and a transfer.
    fn end_hold_of_transfer(&mut self, posted: &EntryPosted) {
        if posted.kind == EntryKind::TransferOut
            && let Some(hold) = self.hold_name(posted)
            && let Some(account) = self.accounts.get_mut(&posted.account_id)
        {
            account.push(What::Release { hold });
        }
    }

    fn placed(&mut self, placed: &HoldPlaced) {
        if placed.direction == Direction::In {
            return self.leave("announcements of money");
        }
        if let Some(account) = self.accounts.get_mut(&placed.account_id) {
            let hold = placed.hold_id.to_string();
            account.holds.insert(placed.hold_id, (hold.clone(), 0));
            let amount = placed.amount;
            account.push(What::Place { hold, amount });
        }
    }

    /// Told as a release and a new hold, of another name: an ended hold's name isn't used again.
    fn adjusted(&mut self, adjusted: &HoldAdjusted) {
        if let Some(account) = self.accounts.get_mut(&adjusted.account_id)
            && let Some((name, times)) = account.holds.get_mut(&adjusted.hold_id)
        {
            *times += 1;
            let hold = format!("{}/adjusted/{times}", adjusted.hold_id);
            let before = std::mem::replace(name, hold.clone());
            account.push(What::Release { hold: before });
            let amount = adjusted.to;
            account.push(What::Place { hold, amount });
        }
    }

    fn released(&mut self, released: &HoldReleased) {
        // A tombstone holds nothing.
        if let Some(account) = self.accounts.get_mut(&released.account_id)
            && let Some((hold, _)) = account.holds.get(&released.hold_id)
        {
            let hold = hold.clone();
            account.push(What::Release { hold });
        }
    }
}

impl Account {
    /// Adds a step that moves no money.
    fn push(&mut self, what: What) {
        let date = self
            .steps
            .last()
            .map_or(self.opened.booking_date, |step| step.date);
        self.steps.push(Step {
            what,
            date,
            balance_after: self.balance,
            entry: None,
            sequence: None,
        });
    }
}

/// The history's word for a general ledger account.
pub(super) fn contra_of(account: GlAccount) -> Contra {
    let text = account.to_string();
    if let Some((_, bank)) = text.split_once(':') {
        return Contra::Bank(bank.to_owned());
    }
    let named = [
        (GlAccount::CASH, Contra::Cash),
        (GlAccount::INTEREST_EXPENSE, Contra::InterestPaid),
        (GlAccount::PENALTY_INTEREST, Contra::PenaltyInterest),
        (GlAccount::FEE_INCOME, Contra::Fee),
        (GlAccount::OPENING_BALANCES, Contra::OpeningBalance),
    ];
    let found = named.into_iter().find(|(known, _)| *known == account);
    found.map_or(Contra::Gl(text), |(_, contra)| contra)
}

fn event_id(text: &str) -> Option<EventId> {
    let (command, index) = text.split_once(':')?;
    let command: tributary_ids::CommandId = command.parse().ok()?;
    Some(command.event(index.parse().ok()?))
}
