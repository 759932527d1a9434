use chrono::Days;
use serde::{Deserialize, Serialize};
use tributary_contracts::{
    accounts::{GlAccount, ImportRef},
    envelope::BusinessDate,
};
use tributary_ids::{AccountId, EventId, HoldId, PaymentId};
use tributary_money::Currency;
use tributary_overlay::{Overlay, OverlayMap, layered};

use crate::{
    Rejection,
    account::{Account, Name, Terms},
    entry::{BookedEntry, EntryKey, entry_key},
    hold::{Hold, HoldState},
    transit::{Transit, TransitKey},
};

/// Days for which an entry can be reversed, counted back from the open day.
pub const REVERSAL_WINDOW_DAYS: u64 = 90;

/// Milliseconds of record time for which ended holds and payments are remembered (twice that where a payment was sent
/// from), so that late messages of theirs do nothing again: as long as an inbox keeps its records. It is real time
/// rather than the business calendar, because a message comes late in real time; a replayed year may pass in a second.
pub const REMEMBERED_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Days of the business calendar between two sweeps of what need not be remembered any more. A sweep looks at
/// everything, so it isn't made at every closing.
const SWEEP_DAYS: u64 = 30;

/// A row of a recorded history, as its account sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Import {
    New,
    /// The account has taken it, or a later one.
    TakenBefore,
}

/// The business calendar of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Nothing books into this day or one before it.
    pub last_closed: Option<BusinessDate>,
    /// The closed day at which the books were last swept.
    swept: Option<BusinessDate>,
}

impl Calendar {
    /// The first day that is still open; `None` while no day was closed, when every day is.
    pub fn open_day(&self) -> Option<BusinessDate> {
        self.last_closed.and_then(|day| day.succ_opt())
    }

    /// Whether an entry of that day is too old to be reversed.
    pub(crate) fn is_past_reversal(&self, booked: BusinessDate) -> bool {
        self.open_day()
            .and_then(|open| open.checked_sub_days(Days::new(REVERSAL_WINDOW_DAYS)))
            .is_some_and(|oldest| booked < oldest)
    }
}

/// The ledger's state in one partition: a fold over that partition's events.
///
/// Memory is bounded by what lives (accounts, open holds) and by 90 days of what lived: see [`REMEMBERED_MS`] and
/// [`REVERSAL_WINDOW_DAYS`]. What is over is dropped when a day is closed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Books {
    pub(crate) accounts: OverlayMap<AccountId, Account>,
    pub(crate) terms: OverlayMap<AccountId, Terms>,
    pub(crate) holds: OverlayMap<(AccountId, HoldId), Hold>,
    /// Highest sequence that an account has taken of a recorded history.
    pub(crate) imports: OverlayMap<(AccountId, Name), u64>,
    /// This partition's part of each general ledger account. 128 bits hold 2^63 minor units 2^64 times: no overflow.
    pub(crate) gl: OverlayMap<(GlAccount, Currency), i128>,
    pub(crate) transits: OverlayMap<TransitKey, Transit>,
    pub(crate) entries: OverlayMap<EntryKey, BookedEntry>,
    pub(crate) calendar: Overlay<Calendar>,
}

layered!(Books {
    accounts,
    terms,
    holds,
    imports,
    gl,
    transits,
    entries,
    calendar,
});

impl Books {
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    pub fn terms(&self, id: AccountId) -> Option<&Terms> {
        self.terms.get(&id)
    }

    pub fn hold(&self, account: AccountId, hold: HoldId) -> Option<&Hold> {
        self.holds.get(&(account, hold))
    }

    pub fn transit(&self, debtor: AccountId, payment: PaymentId) -> Option<&Transit> {
        self.transits.get(&(debtor, payment))
    }

    /// An entry that is still remembered.
    pub fn entry(&self, id: EventId) -> Option<&BookedEntry> {
        self.entries.get(&entry_key(id))
    }

    pub fn calendar(&self) -> Calendar {
        *self.calendar.get()
    }

    /// All accounts, in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter().map(|(id, account)| (*id, account))
    }

    /// All holds and tombstones, in no particular order.
    pub fn holds(&self) -> impl Iterator<Item = (AccountId, HoldId, &Hold)> {
        self.holds
            .iter()
            .map(|((account, id), hold)| (*account, *id, hold))
    }

    /// All payments that are remembered, by debtor and id, in no particular order.
    pub fn transits(&self) -> impl Iterator<Item = (AccountId, PaymentId, &Transit)> {
        self.transits
            .iter()
            .map(|((debtor, id), transit)| (*debtor, *id, transit))
    }

    /// Balances of the general ledger in minor units, credits positive, in no particular order.
    pub fn gl_balances(&self) -> impl Iterator<Item = (GlAccount, Currency, i128)> {
        self.gl
            .iter()
            .map(|((account, currency), balance)| (*account, *currency, *balance))
    }

    /// Credits less debits of all that stands in the books, in minor units: zero, whatever happened.
    pub fn imbalance(&self, currency: Currency) -> i128 {
        let customers = self
            .accounts()
            .filter(|(_, account)| account.currency == currency);
        let general = self.gl_balances().filter(|(_, of, _)| *of == currency);
        customers
            .map(|(_, account)| i128::from(account.posted))
            .sum::<i128>()
            + general.map(|(_, _, balance)| balance).sum::<i128>()
    }

    /// The account, or the refusal of what needs it.
    pub(crate) fn known(&self, id: AccountId) -> Result<&Account, Rejection> {
        self.accounts.get(&id).ok_or(Rejection::AccountUnknown)
    }

    /// The payment's item, as far as it is remembered at that record time.
    pub(crate) fn remembered(&self, payment: TransitKey, time_ms: i64) -> Option<&Transit> {
        self.transits.get(&payment).filter(|item| !item.is_over(time_ms))
    }

    /// What the row of a recorded history is to the account, if the command carries one.
    pub(crate) fn import(&self, account: AccountId, import: Option<&ImportRef>) -> Result<Import, Rejection> {
        let Some(import) = import else {
            return Ok(Import::New);
        };
        let source = Name::from(&import.source).ok();
        let taken = source.and_then(|source| self.imports.get(&(account, source)).copied());
        match import.after {
            _ if taken.is_some_and(|highest| import.sequence <= highest) => Ok(Import::TakenBefore),
            Some(after) if after != taken.unwrap_or(0) => Err(Rejection::ImportGap),
            _ => Ok(Import::New),
        }
    }

    /// Closes a day, and drops what need not be remembered any more.
    pub(crate) fn close_day(&mut self, date: BusinessDate, time_ms: i64) {
        let calendar = self.calendar.get_mut();
        calendar.last_closed = Some(date);
        let due = calendar
            .swept
            .and_then(|swept| swept.checked_add_days(Days::new(SWEEP_DAYS)));
        if due.is_some_and(|due| date < due) {
            return;
        }
        calendar.swept = Some(date);
        let calendar = *calendar;
        let forgotten_before = time_ms.saturating_sub(REMEMBERED_MS);
        forget(&mut self.entries, |entry| {
            calendar.is_past_reversal(entry.booking_date)
        });
        forget(&mut self.transits, |transit| transit.is_over(time_ms));
        forget(&mut self.holds, |hold| {
            hold.state != HoldState::Open && hold.ended_at < forgotten_before
        });
    }
}

fn forget<K, V>(map: &mut OverlayMap<K, V>, is_over: impl Fn(&V) -> bool)
where
    K: Eq + std::hash::Hash + Clone,
    V: Clone,
{
    let over: Vec<K> = map
        .iter()
        .filter(|(_, value)| is_over(value))
        .map(|(key, _)| key.clone())
        .collect();
    for key in &over {
        map.remove(key);
    }
}
