//! Invariants 1 and 13: entries balance, alone and in sum, reversals mirror what they take back, and nothing books
//! into a closed day.

use std::hash::{BuildHasher, Hash, Hasher};

use chrono::Days;
use hashbrown::{DefaultHashBuilder, HashMap};
use tributary_contracts::{
    accounts::{AccountsEvent, DayClosed, EntryKind, EntryPosted, GlAccount, LedgerAccount, Leg},
    envelope::BusinessDate,
};
use tributary_ids::{CommandId, EventId};
use tributary_money::Currency;

use super::accounts::Accounts;
use crate::violation::{At, Findings, Invariant};

/// Business days for which entries are remembered for their reversal. The ledger reverses for 90; what is older may
/// not be reversed, so a reversal of what was forgotten is one too many as well.
const REMEMBERED_DAYS: u64 = 120;

/// Days of the business calendar between two sweeps of what is older than that.
const SWEEP_DAYS: u64 = 30;

/// What the entry moves its account by, minor units. Wider than the contract's own sum, which a corrupt entry could
/// overflow.
pub(crate) fn movement(entry: &EntryPosted) -> i128 {
    let own = LedgerAccount::Customer(entry.account_id);
    entry
        .legs
        .iter()
        .filter(|leg| leg.account == own)
        .map(signed)
        .sum()
}

/// Minor units, credits positive.
pub(super) fn signed(leg: &Leg) -> i128 {
    i128::from(leg.side.sign()) * i128::from(leg.amount)
}

/// An entry that can still be reversed, by 24 bytes rather than in whole: there are as many as postings.
#[derive(Debug)]
struct Booked {
    /// Hash of account, currency, value date and legs as their reversal will have them.
    mirrored: u64,
    day: BusinessDate,
    reversed: bool,
}

/// Sums and days of all partitions.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Minor units, credits positive, from the legs. 128 bits hold 2^64 entries of the largest amount.
    general: HashMap<(i32, GlAccount, Currency), i128>,
    /// All customers' accounts, from the legs.
    customers: HashMap<Currency, i128>,
    last_closed: HashMap<i32, BusinessDate>,
    swept: HashMap<i32, BusinessDate>,
    reversible: HashMap<(i32, u64), Booked>,
    hasher: DefaultHashBuilder,
}

impl Entries {
    /// The first day that is open in a partition, once one was closed.
    pub(super) fn open_day(&self, partition: i32) -> Option<BusinessDate> {
        self.last_closed.get(&partition).and_then(|day| day.succ_opt())
    }

    /// Sums of the general ledger: partition, account, currency, minor units with credits positive.
    pub(super) fn general(&self) -> impl Iterator<Item = (i32, GlAccount, Currency, i128)> {
        self.general
            .iter()
            .map(|((partition, account, currency), sum)| (*partition, *account, *currency, *sum))
    }

    pub(super) fn observe(&mut self, event: &AccountsEvent, id: EventId, at: At, found: &mut Findings) {
        match event {
            AccountsEvent::EntryPosted(entry) => {
                self.sum_up(entry, at, found);
                self.check_day(entry.booking_date, at, found);
                self.follow_reversals(entry, id, at, found);
            }
            AccountsEvent::AccountOpened(opened) => self.check_day(opened.booking_date, at, found),
            AccountsEvent::AccountClosed(closed) => self.check_day(closed.booking_date, at, found),
            AccountsEvent::DayClosed(closed) => self.close_day(closed, at, found),
            _ => {}
        }
    }

    fn sum_up(&mut self, entry: &EntryPosted, at: At, found: &mut Findings) {
        found.check(Invariant::Balanced);
        let mut sum = 0;
        for leg in &entry.legs {
            let signed = signed(leg);
            sum += signed;
            match leg.account {
                LedgerAccount::Customer(account) => {
                    *self.customers.entry(entry.currency).or_default() += signed;
                    if account != entry.account_id {
                        found.violate(Invariant::Balanced, "LEG_OF_ANOTHER_ACCOUNT", &[at], || {
                            format!(
                                "an entry of account {} has a leg of account {account}",
                                entry.account_id
                            )
                        });
                    }
                }
                LedgerAccount::Gl(account) => {
                    let key = (at.partition, account, entry.currency);
                    *self.general.entry(key).or_default() += signed;
                }
            }
            if leg.amount <= 0 {
                found.violate(Invariant::Balanced, "LEG_NOT_POSITIVE", &[at], || {
                    format!("a leg of account {} is {}", leg.account, leg.amount)
                });
            }
        }
        if sum != 0 || entry.legs.len() < 2 {
            let legs = entry.legs.len();
            found.violate(Invariant::Balanced, "ENTRY_UNBALANCED", &[at], || {
                format!(
                    "{legs} legs of an entry of account {} sum to {sum}",
                    entry.account_id
                )
            });
        }
    }

    fn check_day(&self, booking: BusinessDate, at: At, found: &mut Findings) {
        found.check(Invariant::ClosedDays);
        if let Some(closed) = self.last_closed.get(&at.partition)
            && booking <= *closed
        {
            found.violate(Invariant::ClosedDays, "BOOKED_INTO_CLOSED_DAY", &[at], || {
                format!("booked into {booking}, though {closed} is closed")
            });
        }
    }

    fn close_day(&mut self, day: &DayClosed, at: At, found: &mut Findings) {
        found.check(Invariant::ClosedDays);
        if day.partition != at.partition {
            found.violate(Invariant::ClosedDays, "DAY_OF_ANOTHER_PARTITION", &[at], || {
                format!("a closing for partition {}", day.partition)
            });
            return;
        }
        let last = self.last_closed.get(&at.partition).copied();
        if last.is_some_and(|last| day.date <= last) {
            found.violate(Invariant::ClosedDays, "DAY_CLOSED_AGAIN", &[at], || {
                format!("{} closes after {last:?}", day.date)
            });
            return;
        }
        self.last_closed.insert(at.partition, day.date);
        self.sweep(at.partition, day.date);
    }

    /// Looks at every entry, so it isn't done at every closing.
    fn sweep(&mut self, partition: i32, day: BusinessDate) {
        let swept = self.swept.entry(partition).or_insert(day);
        if swept
            .checked_add_days(Days::new(SWEEP_DAYS))
            .is_some_and(|due| day < due)
        {
            return;
        }
        *swept = day;
        if let Some(oldest) = day.checked_sub_days(Days::new(REMEMBERED_DAYS)) {
            self.reversible
                .retain(|(of, _), booked| *of != partition || booked.day >= oldest);
        }
    }

    fn follow_reversals(&mut self, entry: &EntryPosted, id: EventId, at: At, found: &mut Findings) {
        match entry.kind {
            EntryKind::Credit | EntryKind::Debit | EntryKind::Settlement => {
                let booked = Booked {
                    mirrored: self.fingerprint(entry, -1),
                    day: entry.booking_date,
                    reversed: false,
                };
                self.reversible
                    .insert((at.partition, self.hasher.hash_one(id)), booked);
            }
            EntryKind::Reversal => self.check_reversal(entry, at, found),
            EntryKind::OpeningBalance
            | EntryKind::TransferOut
            | EntryKind::TransferIn
            | EntryKind::TransferReturn => {}
        }
        if (entry.kind == EntryKind::Reversal) != entry.reverses.is_some() {
            found.violate(Invariant::OneEffect, "REVERSAL_OF_NOTHING", &[at], || {
                format!("an entry of kind {:?} reverses {:?}", entry.kind, entry.reverses)
            });
        }
    }

    fn check_reversal(&mut self, entry: &EntryPosted, at: At, found: &mut Findings) {
        let mirrored = self.fingerprint(entry, 1);
        let original = entry.reverses.as_deref().and_then(entry_id);
        let key = original.map(|id| (at.partition, self.hasher.hash_one(id)));
        let Some(booked) = key.and_then(|key| self.reversible.get_mut(&key)) else {
            found.violate(Invariant::OneEffect, "REVERSAL_OF_NOTHING", &[at], || {
                format!("there is no entry {:?} to reverse", entry.reverses)
            });
            return;
        };
        if booked.reversed {
            found.violate(Invariant::OneEffect, "REVERSED_TWICE", &[at], || {
                format!("entry {:?} was reversed before", entry.reverses)
            });
        }
        booked.reversed = true;
        if booked.mirrored != mirrored {
            found.violate(Invariant::OneEffect, "REVERSAL_DIFFERS", &[at], || {
                format!("the legs don't mirror those of entry {:?}", entry.reverses)
            });
        }
    }

    /// Hash of what an entry and its reversal share, with the sides kept (1) or swapped (-1).
    fn fingerprint(&self, entry: &EntryPosted, sign: i128) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (entry.account_id, entry.currency, entry.value_date).hash(&mut hasher);
        for leg in &entry.legs {
            (leg.account, sign * signed(leg)).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// All postings of a currency sum to zero, and so do the balances that the events state: the legs and the
    /// running balances are two ways to the same sum. Only where the whole log was seen.
    pub(super) fn finish(&self, accounts: &Accounts, found: &mut Findings) {
        let mut stated: HashMap<Currency, i128> = HashMap::new();
        for (_, account) in accounts.iter() {
            *stated.entry(account.currency).or_default() += account.posted;
        }
        let mut general: HashMap<Currency, i128> = HashMap::new();
        for (_, _, currency, sum) in self.general() {
            *general.entry(currency).or_default() += sum;
        }
        let mut currencies: Vec<Currency> = stated.keys().chain(general.keys()).copied().collect();
        currencies.sort_unstable();
        currencies.dedup();
        for currency in currencies {
            found.check(Invariant::Balanced);
            let of = |sums: &HashMap<Currency, i128>| sums.get(&currency).copied().unwrap_or_default();
            let (general, customers, stated) = (of(&general), of(&self.customers), of(&stated));
            if general + customers != 0 {
                found.violate(Invariant::Balanced, "CURRENCY_UNBALANCED", &[], || {
                    format!("{currency}: all legs sum to {}", general + customers)
                });
            }
            if general + stated != 0 {
                found.violate(Invariant::Balanced, "BALANCES_UNBALANCED", &[], || {
                    format!(
                        "{currency}: balances and general ledger sum to {}",
                        general + stated
                    )
                });
            }
        }
    }
}

/// Reads `<command id>:<index>`.
fn entry_id(text: &str) -> Option<EventId> {
    let (command, index) = text.split_once(':')?;
    let command: CommandId = command.parse().ok()?;
    Some(command.event(index.parse().ok()?))
}
