//! Checks that the rows of a stored history go together: whose account is open, sequences and days that grow,
//! balances that follow, holds that are not overdrawn. A row that doesn't is bad, and parks its account from there on.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use chrono::{NaiveDate, NaiveTime};
use tributary_money::Currency;

use super::{FormatReader, Line, StoredHistory};
use crate::{
    Header, HistoryRow, Open, StandingOrder, Transfer,
    fault::{BadRow, Fault, HistoryError, Parked, Position},
};

/// What checking a file gives.
pub(crate) struct Checked {
    pub(crate) header: Header,
    pub(crate) history: StoredHistory,
    pub(crate) bad: Vec<BadRow>,
    pub(crate) parked: Vec<Parked>,
    pub(crate) orders: Vec<StandingOrder>,
}

/// Reads all of a file, keeping of each account no more than where it stands.
pub(crate) fn check(path: &Path) -> Result<Checked, HistoryError> {
    let (header, reader) = FormatReader::open(path)?;
    let mut checker = Checker::default();
    for stored in reader {
        let stored = stored?;
        match stored.row {
            Ok(Line::Row(row)) => checker.check(&row, stored.position),
            Ok(Line::Order(order)) => checker.orders.push((stored.position, order)),
            Err((fault, accounts)) => checker.reject(&accounts, stored.position, fault),
        }
    }
    let orders = checker.check_orders();
    let Checker { bad, parked, .. } = checker;
    let lines = bad
        .iter()
        .map(|row| row.position.line)
        .chain(parked.iter().map(|row| row.position.line));
    let history = StoredHistory {
        path: path.to_owned(),
        left_out: lines.collect(),
    };
    Ok(Checked {
        header,
        history,
        bad,
        parked,
        orders,
    })
}

#[derive(Default)]
struct Checker {
    accounts: HashMap<String, Account>,
    /// Accounts of which no further row is taken, with the bad row that is to blame.
    parked_behind: HashMap<String, Position>,
    bad: Vec<BadRow>,
    parked: Vec<Parked>,
    /// They are of the history's end, wherever they stand, and are looked at when all rows are.
    orders: Vec<(Position, StandingOrder)>,
}

/// Where an account stands.
#[derive(Clone)]
struct Account {
    currency: Currency,
    sequence: u64,
    date: NaiveDate,
    /// Of the last transfer of that day, where transfers have times.
    time: Option<NaiveTime>,
    balance: i64,
    /// What is left of each hold.
    holds: HashMap<String, i64>,
    hold_names: HashSet<String>,
}

impl Checker {
    fn check(&mut self, row: &HistoryRow, position: Position) {
        let accounts = match row {
            HistoryRow::Transfer(row) => vec![row.from.clone(), row.to.clone()],
            _ => vec![row.account().to_owned()],
        };
        if let Some(behind) = accounts
            .iter()
            .find_map(|account| self.parked_behind.get(account))
            .cloned()
        {
            // A transfer that can't be made parks its other account as well, whose balances no longer follow.
            for account in &accounts {
                self.parked_behind.insert(account.clone(), behind.clone());
            }
            let account = row.account().to_owned();
            self.parked.push(Parked {
                position,
                account,
                behind,
            });
            return;
        }
        let applied = match row {
            HistoryRow::Open(row) => self.open(row),
            HistoryRow::Transfer(row) => self.transfer(row),
            _ => match self.accounts.get_mut(row.account()) {
                None => Err(Fault::NotOpen),
                Some(account) => account.apply(row),
            },
        };
        if let Err(fault) = applied {
            self.reject(&accounts, position, fault);
        }
    }

    fn reject(&mut self, accounts: &[String], position: Position, fault: Fault) {
        for account in accounts {
            self.parked_behind
                .entry(account.clone())
                .or_insert_with(|| position.clone());
        }
        self.bad.push(BadRow {
            position,
            account: accounts.first().cloned(),
            fault,
        });
    }

    /// The orders that are in order. A bad one is left out, and parks nothing; one of a parked account is parked.
    fn check_orders(&mut self) -> Vec<StandingOrder> {
        let mut good = Vec::new();
        let mut names = HashSet::new();
        for (position, order) in std::mem::take(&mut self.orders) {
            let behind = |account: &String| self.parked_behind.get(account).cloned();
            if let Some(behind) = behind(&order.account).or_else(|| behind(&order.to)) {
                self.parked.push(Parked {
                    position,
                    account: order.account,
                    behind,
                });
                continue;
            }
            let checked = match names.insert(order.order.clone()) {
                true => self.check_order(&order),
                false => Err(Fault::DuplicateOrder),
            };
            match checked {
                Ok(()) => good.push(order),
                Err(fault) => self.bad.push(BadRow {
                    position,
                    account: Some(order.account),
                    fault,
                }),
            }
        }
        good
    }

    fn check_order(&self, order: &StandingOrder) -> Result<(), Fault> {
        if order.account == order.to {
            return Err(Fault::SameAccount);
        }
        let sides = (self.accounts.get(&order.account), self.accounts.get(&order.to));
        let (Some(from), Some(to)) = sides else {
            return Err(Fault::NotOpen);
        };
        if from.currency != to.currency {
            return Err(Fault::CurrencyMismatch);
        }
        positive(order.amount)?;
        match order.day {
            1..=31 => Ok(()),
            _ => Err(Fault::DayOfMonth),
        }
    }

    fn open(&mut self, row: &Open) -> Result<(), Fault> {
        if self.accounts.contains_key(&row.account) {
            return Err(Fault::AlreadyOpen);
        }
        let account = Account {
            currency: row.currency,
            sequence: crate::OPENING_SEQUENCE,
            date: row.date,
            time: None,
            balance: row.opening_balance,
            holds: HashMap::new(),
            hold_names: HashSet::new(),
        };
        self.accounts.insert(row.account.clone(), account);
        Ok(())
    }

    /// Neither account moves unless both can.
    fn transfer(&mut self, row: &Transfer) -> Result<(), Fault> {
        if row.from == row.to {
            return Err(Fault::SameAccount);
        }
        let [Some(from), Some(to)] = self.accounts.get_disjoint_mut([&row.from, &row.to]) else {
            return Err(Fault::NotOpen);
        };
        if from.currency != to.currency {
            return Err(Fault::CurrencyMismatch);
        }
        let amount = positive(row.amount)?;
        if from.is_past(row) || to.is_past(row) {
            return Err(Fault::DateOrder);
        }
        let debited = from.moved(row.from_sequence, row.date, -amount, row.from_balance_after)?;
        let credited = to.moved(row.to_sequence, row.date, amount, row.to_balance_after)?;
        debited.settle_into(from);
        credited.settle_into(to);
        (from.time, to.time) = (row.time, row.time);
        Ok(())
    }
}

/// Where an account stands after a row that is in order.
struct Moved {
    sequence: u64,
    date: NaiveDate,
    balance: i64,
}

impl Moved {
    fn settle_into(self, account: &mut Account) {
        if self.date != account.date {
            account.time = None;
        }
        (account.sequence, account.date, account.balance) = (self.sequence, self.date, self.balance);
    }
}

impl Account {
    /// Whether a transfer's time lies before that of the account's last one of the same day.
    fn is_past(&self, row: &Transfer) -> bool {
        row.date == self.date && row.time.is_some() && row.time < self.time
    }

    fn moved(
        &self,
        sequence: u64,
        date: NaiveDate,
        step: i64,
        recorded: Option<i64>,
    ) -> Result<Moved, Fault> {
        if sequence <= self.sequence {
            return Err(Fault::Sequence);
        }
        if date < self.date {
            return Err(Fault::DateOrder);
        }
        let balance = self.balance.checked_add(step).ok_or(Fault::Overflow)?;
        if recorded.is_some_and(|recorded| recorded != balance) {
            return Err(Fault::BalanceMismatch);
        }
        Ok(Moved {
            sequence,
            date,
            balance,
        })
    }

    /// Applies any row but an opening and a transfer, or leaves everything as it was.
    fn apply(&mut self, row: &HistoryRow) -> Result<(), Fault> {
        let (sequence, date) = (row.sequence(), row.date());
        let moved = match row {
            HistoryRow::Posting(row) => {
                let step = row.amount.checked_add(row.rounding).ok_or(Fault::Overflow)?;
                self.moved(sequence, date, step, row.balance_after)?
            }
            HistoryRow::Reversal(row) if row.of >= sequence => return Err(Fault::ReversalOfLater),
            HistoryRow::Reversal(row) => self.moved(sequence, date, row.amount, row.balance_after)?,
            HistoryRow::Reserve(row) => {
                let moved = self.moved(sequence, date, 0, None)?;
                let amount = positive(row.amount)?;
                if !self.hold_names.insert(row.hold.clone()) {
                    return Err(Fault::DuplicateHold);
                }
                self.holds.insert(row.hold.clone(), amount);
                moved
            }
            HistoryRow::Settle(row) => {
                let amount = positive(row.amount)?;
                let moved = self.moved(sequence, date, -amount, row.balance_after)?;
                let held = self.holds.get_mut(&row.hold).ok_or(Fault::UnknownHold)?;
                *held = held
                    .checked_sub(amount)
                    .filter(|left| *left >= 0)
                    .ok_or(Fault::HoldExceeded)?;
                if *held == 0 {
                    self.holds.remove(&row.hold);
                }
                moved
            }
            HistoryRow::Release(row) => {
                let moved = self.moved(sequence, date, 0, None)?;
                self.holds.remove(&row.hold).ok_or(Fault::UnknownHold)?;
                moved
            }
            HistoryRow::Open(_) | HistoryRow::Transfer(_) => return Err(Fault::AlreadyOpen),
        };
        moved.settle_into(self);
        Ok(())
    }
}

fn positive(amount: i64) -> Result<i64, Fault> {
    if amount > 0 {
        Ok(amount)
    } else {
        Err(Fault::NotPositive)
    }
}
