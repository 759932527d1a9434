//! The accounts of a generated history, and its rows so far. Every row is booked here, so that balances, sequences
//! and the forced mark are right by construction.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use tributary_money::Currency;

use crate::{
    Contra, HistoryRow, Open, POSITION_MAX, Posting, Release, Reserve, Reversal, Settle, Transfer,
    model::sequence,
};

/// What generated accounts are opened on, as those of recorded histories are.
const PRODUCT: &str = crate::berka::PRODUCT;

pub(super) struct Book {
    source: String,
    currency: Currency,
    today: NaiveDate,
    /// Seconds of the day, where transfers are to have times.
    clock_s: Option<u32>,
    accounts: Vec<Account>,
    rows: Vec<HistoryRow>,
    references: u64,
}

struct Account {
    name: String,
    balance: i64,
    /// What is left of each hold that is open.
    holds: BTreeMap<u64, i64>,
    date: NaiveDate,
    /// Rows of the account on `date`.
    position: u32,
    reversible: Option<Reversible>,
}

/// The last posting of an account that can be reversed.
struct Reversible {
    sequence: u64,
    amount: i64,
    contra: Contra,
}

impl Account {
    /// What can be spent.
    fn available(&self) -> i64 {
        self.balance - self.holds.values().sum::<i64>()
    }
}

impl Book {
    pub(super) fn new(source: &str, currency: Currency) -> Self {
        let today = NaiveDate::default();
        let (accounts, rows) = (Vec::new(), Vec::new());
        Self {
            source: source.to_owned(),
            currency,
            today,
            clock_s: None,
            accounts,
            rows,
            references: 0,
        }
    }

    pub(super) fn begin_day(&mut self, date: NaiveDate) {
        self.today = date;
    }

    /// From now on transfers have times. Within a day the clock is only put forward.
    pub(super) fn set_clock(&mut self, second_of_day: u32) {
        self.clock_s = Some(second_of_day);
    }

    pub(super) fn today(&self) -> NaiveDate {
        self.today
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The rows so far; those that come are counted from none.
    pub(super) fn take_rows(&mut self) -> Vec<HistoryRow> {
        std::mem::take(&mut self.rows)
    }

    pub(super) fn name(&self, account: usize) -> &str {
        &self.accounts[account].name
    }

    pub(super) fn balance(&self, account: usize) -> i64 {
        self.accounts[account].balance
    }

    pub(super) fn available(&self, account: usize) -> i64 {
        self.accounts[account].available()
    }

    /// Whether the account can have another dozen rows today.
    pub(super) fn has_room(&self, account: usize) -> bool {
        let account = &self.accounts[account];
        account.date != self.today || account.position + 12 < POSITION_MAX
    }

    /// Opens the next account for a customer, by the customer's number.
    pub(super) fn open(&mut self, customer: usize, branch: u32) -> usize {
        let number = self.accounts.len();
        let name = format!("{}/{}", self.source, number + 1);
        self.rows.push(HistoryRow::Open(Open {
            account: name.clone(),
            owner: format!("{}/customer/{}", self.source, customer + 1),
            date: self.today,
            currency: self.currency,
            product: PRODUCT.to_owned(),
            branch: Some(format!("{}/branch/{branch}", self.source)),
            opening_balance: 0,
        }));
        self.accounts.push(Account {
            name,
            balance: 0,
            holds: BTreeMap::new(),
            date: self.today,
            position: 0,
            reversible: None,
        });
        number
    }

    /// Books a credit or a debit whether or not the account has the money.
    pub(super) fn post(&mut self, account: usize, amount: i64, rounding: i64, contra: Contra, kind: &str) {
        let reference = self.next_reference().to_string();
        let sequence = self.next_sequence(account);
        let (date, account) = (self.today, &mut self.accounts[account]);
        account.balance += amount + rounding;
        if rounding == 0 {
            account.reversible = Some(Reversible {
                sequence,
                amount,
                contra: contra.clone(),
            });
        }
        self.rows.push(HistoryRow::Posting(Posting {
            account: account.name.clone(),
            sequence,
            date,
            value_date: None,
            amount,
            rounding,
            contra,
            kind: kind.to_owned(),
            reference,
            counterparty: None,
            balance_after: Some(account.balance),
            forced: amount + rounding < 0 && account.available() < 0,
        }));
    }

    /// Moves money that `from` has, and gives the payment's name. The two must differ.
    pub(super) fn transfer(&mut self, from: usize, to: usize, amount: i64) -> String {
        let number = self.next_reference();
        let payment = format!("{}/payment/{number}", self.source);
        let (from_sequence, to_sequence) = (self.next_sequence(from), self.next_sequence(to));
        self.accounts[from].balance -= amount;
        self.accounts[to].balance += amount;
        self.rows.push(HistoryRow::Transfer(Transfer {
            payment: payment.clone(),
            date: self.today,
            time: self
                .clock_s
                .and_then(|second| NaiveTime::from_num_seconds_from_midnight_opt(second, 0)),
            from: self.accounts[from].name.clone(),
            from_sequence,
            to: self.accounts[to].name.clone(),
            to_sequence,
            amount,
            from_balance_after: Some(self.accounts[from].balance),
            to_balance_after: Some(self.accounts[to].balance),
        }));
        payment
    }

    /// Holds money that the account has, and gives the hold's number.
    pub(super) fn reserve(&mut self, account: usize, amount: i64) -> u64 {
        let number = self.next_reference();
        let hold = self.hold_name(number);
        let sequence = self.next_sequence(account);
        let (date, account) = (self.today, &mut self.accounts[account]);
        account.holds.insert(number, amount);
        self.rows.push(HistoryRow::Reserve(Reserve {
            account: account.name.clone(),
            sequence,
            date,
            hold,
            amount,
        }));
        number
    }

    /// What is left of an open hold.
    pub(super) fn held(&self, account: usize, hold: u64) -> i64 {
        self.accounts[account].holds.get(&hold).copied().unwrap_or(0)
    }

    /// Settles `amount`, at most what is left of the hold.
    pub(super) fn settle(&mut self, account: usize, hold: u64, amount: i64, contra: Contra) {
        let name = self.hold_name(hold);
        let sequence = self.next_sequence(account);
        let (date, account) = (self.today, &mut self.accounts[account]);
        let left = account.holds.remove(&hold).unwrap_or(0) - amount;
        if left > 0 {
            account.holds.insert(hold, left);
        }
        account.balance -= amount;
        self.rows.push(HistoryRow::Settle(Settle {
            account: account.name.clone(),
            sequence,
            date,
            hold: name,
            amount,
            contra,
            balance_after: Some(account.balance),
        }));
    }

    pub(super) fn release(&mut self, account: usize, hold: u64) {
        let name = self.hold_name(hold);
        let sequence = self.next_sequence(account);
        let (date, account) = (self.today, &mut self.accounts[account]);
        account.holds.remove(&hold);
        self.rows.push(HistoryRow::Release(Release {
            account: account.name.clone(),
            sequence,
            date,
            hold: name,
        }));
    }

    /// Reverses the account's last posting that can be reversed, if there is one.
    pub(super) fn reverse(&mut self, account: usize) -> bool {
        let Some(Reversible {
            sequence: of,
            amount,
            contra,
        }) = self.accounts[account].reversible.take()
        else {
            return false;
        };
        let reference = self.next_reference().to_string();
        let sequence = self.next_sequence(account);
        let (date, account) = (self.today, &mut self.accounts[account]);
        account.balance -= amount;
        self.rows.push(HistoryRow::Reversal(Reversal {
            account: account.name.clone(),
            sequence,
            date,
            of,
            amount: -amount,
            contra,
            reference,
            balance_after: Some(account.balance),
            forced: amount > 0 && account.available() < 0,
        }));
        true
    }

    fn hold_name(&self, number: u64) -> String {
        format!("{}/hold/{number}", self.source)
    }

    fn next_reference(&mut self) -> u64 {
        self.references += 1;
        self.references
    }

    fn next_sequence(&mut self, account: usize) -> u64 {
        let (date, account) = (self.today, &mut self.accounts[account]);
        if account.date != date {
            (account.date, account.position) = (date, 0);
        }
        account.position += 1;
        sequence(date, account.position)
    }
}
