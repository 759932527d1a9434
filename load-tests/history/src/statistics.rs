//! What a history adds up to, to be compared with the ledger that it was posted to.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use tributary_money::Currency;

use crate::{Contra, HistoryRow};

/// Counts and sums over the rows of a history, bad and parked rows left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// All rows, openings included.
    pub rows: u64,
    /// Accounts opened.
    pub accounts: u64,
    /// Postings, settlements, reversals and transfers (one each): what books an entry.
    pub transactions: u64,
    pub postings: u64,
    pub transfers: u64,
    pub reserves: u64,
    pub settlements: u64,
    pub releases: u64,
    pub reversals: u64,
    /// Standing orders in force at the end; no rows.
    pub orders: u64,
    /// Rows marked as forced.
    pub forced: u64,
    pub first: Option<NaiveDate>,
    pub last: Option<NaiveDate>,
    pub sums: BTreeMap<Currency, Sums>,
}

/// Statistics in the making.
#[derive(Debug, Default)]
pub struct Tally {
    statistics: Statistics,
    /// Currency of each account, which its later rows don't repeat.
    currencies: HashMap<String, Currency>,
}

/// Sums in minor units of one currency, customers' side: positive is what the customers got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// By what stands on the other side; roundings are apart.
    pub by_contra: BTreeMap<Contra, i128>,
    pub roundings: i128,
    pub roundings_count: u64,
    /// Moved by internal transfers.
    pub transferred: i128,
    /// Of all accounts at the end: the sum of `by_contra` and `roundings`.
    pub balances: i128,
}

impl Sums {
    /// The sum of one class, 0 when nothing was posted against it.
    pub fn of(&self, contra: &Contra) -> i128 {
        self.by_contra.get(contra).copied().unwrap_or(0)
    }

    /// The sum over all other banks.
    pub fn banks(&self) -> i128 {
        let of_banks = |(contra, sum): (&Contra, &i128)| matches!(contra, Contra::Bank(_)).then_some(*sum);
        self.by_contra.iter().filter_map(of_banks).sum()
    }

    fn add(&mut self, row: &HistoryRow) {
        match row {
            HistoryRow::Open(row) if row.opening_balance == 0 => {}
            HistoryRow::Open(row) => self.post(&Contra::OpeningBalance, row.opening_balance),
            HistoryRow::Posting(row) => {
                self.post(&row.contra, row.amount);
                self.roundings += i128::from(row.rounding);
                self.balances += i128::from(row.rounding);
                self.roundings_count += u64::from(row.rounding != 0);
            }
            HistoryRow::Transfer(row) => self.transferred += i128::from(row.amount),
            HistoryRow::Settle(row) => self.post(&row.contra, -row.amount),
            HistoryRow::Reversal(row) => self.post(&row.contra, row.amount),
            HistoryRow::Reserve(_) | HistoryRow::Release(_) => {}
        }
    }

    fn post(&mut self, contra: &Contra, amount: i64) {
        match self.by_contra.get_mut(contra) {
            Some(sum) => *sum += i128::from(amount),
            None => {
                self.by_contra.insert(contra.clone(), amount.into());
            }
        }
        self.balances += i128::from(amount);
    }
}

impl Tally {
    /// Counts one row. A row of an account that was not opened before is counted but in no sum.
    pub fn add(&mut self, row: &HistoryRow) {
        let totals = &mut self.statistics;
        totals.count(row);
        if let HistoryRow::Open(open) = row {
            self.currencies.insert(open.account.clone(), open.currency);
        }
        if let Some(currency) = self.currencies.get(row.account()) {
            totals.sums.entry(*currency).or_default().add(row);
        }
    }

    /// What the rows add up to.
    pub fn finish(self) -> Statistics {
        self.statistics
    }
}

impl Statistics {
    /// The sums in one currency, all 0 when no account is kept in it.
    pub fn sums_in(&self, currency: Currency) -> Sums {
        self.sums.get(&currency).cloned().unwrap_or_default()
    }

    fn count(&mut self, row: &HistoryRow) {
        self.rows += 1;
        self.first = Some(self.first.map_or(row.date(), |first| first.min(row.date())));
        self.last = Some(self.last.map_or(row.date(), |last| last.max(row.date())));
        let (of_kind, forced) = match row {
            HistoryRow::Open(_) => (&mut self.accounts, false),
            HistoryRow::Posting(row) => (&mut self.postings, row.forced),
            HistoryRow::Transfer(_) => (&mut self.transfers, false),
            HistoryRow::Reserve(_) => (&mut self.reserves, false),
            HistoryRow::Settle(_) => (&mut self.settlements, false),
            HistoryRow::Release(_) => (&mut self.releases, false),
            HistoryRow::Reversal(row) => (&mut self.reversals, row.forced),
        };
        *of_kind += 1;
        self.forced += u64::from(forced);
        self.transactions = self.postings + self.transfers + self.settlements + self.reversals;
    }
}
