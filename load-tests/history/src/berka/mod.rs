//! The published files of the Berka bank (the "financial" data of PKDD'99) as a history.
//!
//! Read are `account.asc`, `disp.asc` and every `trans*.asc` of a directory. The files give an account's rows of one
//! day in no particular order; it is found from the recorded balances. What is wrong is reported by file and line and
//! parks its account from that day on, whole days, so that a repaired file goes on where the broken one stopped.

mod accounts;
mod blame;
mod chain;
mod files;
mod order;
mod registers;
mod row;

use std::{collections::HashMap, path::Path, sync::Arc};

use tributary_money::Currency;

use self::{
    accounts::{Placed, Sorter},
    files::{Table, transaction_files},
    registers::Registers,
    row::{COLUMNS, Transaction},
};
use crate::{
    Counterparty, Header, HistoryRow, Open, Posting,
    fault::{BadRow, Fault, HistoryError, Parked, Position},
    model::sequence,
};

pub use row::UNNAMED_BANK;

/// Source of every row that these files give.
pub const SOURCE: &str = "berka";
/// Product of the accounts: the recorded interest and fees are the bank's, so it has none of its own.
pub const PRODUCT: &str = "recorded";

fn external_account(number: u32) -> String {
    format!("{SOURCE}/{number}")
}

/// The transactions of a directory, in order, in some 70 bytes each.
#[derive(Debug)]
pub(crate) struct Berka {
    /// Of the files, by the index that their transactions have.
    names: Vec<Arc<str>>,
    transactions: Vec<Transaction>,
    placed: Vec<Placed>,
    openings: HashMap<u32, Opened>,
    currency: Currency,
}

/// What an account begins with.
#[derive(Debug)]
struct Opened {
    balance: i64,
    district: u32,
    owner: u32,
}

/// What reading a directory gives.
pub(crate) struct Reading {
    pub(crate) header: Header,
    pub(crate) berka: Berka,
    pub(crate) bad: Vec<BadRow>,
    pub(crate) parked: Vec<Parked>,
    pub(crate) overlaps: u64,
}

/// Reads a directory.
pub(crate) fn read(directory: &Path) -> Result<Reading, HistoryError> {
    let currency = czk();
    let registers = Registers::read(directory)?;
    let mut files = TransactionFiles {
        names: Vec::new(),
        currency,
        transactions: Vec::new(),
        bad: Vec::new(),
    };
    for name in transaction_files(directory)? {
        files.read(directory, &name, &registers)?;
    }
    let overlaps = files.drop_doubled();
    let TransactionFiles {
        names,
        mut transactions,
        bad,
        ..
    } = files;
    transactions.sort_unstable_by_key(|row| (row.account, row.date, row.id));
    let sorted = Sorter::new(&names, &transactions, registers, bad).sort();
    Ok(Reading {
        header: Header::new(SOURCE, currency),
        berka: Berka {
            names,
            transactions,
            placed: sorted.placed,
            openings: sorted.openings,
            currency,
        },
        bad: sorted.bad,
        parked: sorted.parked,
        overlaps,
    })
}

#[expect(clippy::expect_used, reason = "a constant that a test reads")]
pub(crate) fn czk() -> Currency {
    "CZK".parse().expect("CZK is in ISO 4217")
}

/// The rows of all files, as far as each is well-formed by itself.
struct TransactionFiles {
    names: Vec<Arc<str>>,
    currency: Currency,
    transactions: Vec<Transaction>,
    bad: Vec<Misfit>,
}

/// A bad row, and what its account and day can be relied on to be.
struct Misfit {
    row: BadRow,
    account: Option<u32>,
    date: Option<chrono::NaiveDate>,
}

impl TransactionFiles {
    fn read(&mut self, directory: &Path, name: &str, registers: &Registers) -> Result<(), HistoryError> {
        let mut table = Table::open(directory, name, &COLUMNS)?;
        let file = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        self.names.push(name.into());
        while let Some(record) = table.next_record()? {
            match Transaction::read(&record, file, self.currency) {
                Ok(row) => match registers.accounts.get(&row.account) {
                    None => self.misfit(record.position, Fault::UnknownAccount, None, None),
                    Some(account) if account.fault.is_none() && row.date < account.opened => {
                        self.misfit(record.position, Fault::BeforeOpening, Some(row.account), None);
                    }
                    Some(_) => self.transactions.push(row),
                },
                Err(malformed) => {
                    let account = malformed
                        .account
                        .filter(|number| registers.accounts.contains_key(number));
                    self.misfit(record.position, malformed.fault, account, malformed.date);
                }
            }
        }
        Ok(())
    }

    fn misfit(
        &mut self,
        position: Position,
        fault: Fault,
        account: Option<u32>,
        date: Option<chrono::NaiveDate>,
    ) {
        let row = BadRow {
            position,
            account: account.map(external_account),
            fault,
        };
        self.bad.push(Misfit { row, account, date });
    }

    /// Keeps the first of the rows that have the same id. Where another file says just the same again, the periods
    /// of the two overlap, and that is only counted; every other doubled row is a bad one.
    fn drop_doubled(&mut self) -> u64 {
        self.transactions
            .sort_unstable_by_key(|row| (row.id, row.file, row.line));
        let mut overlaps = 0;
        let mut doubled = Vec::new();
        self.transactions.dedup_by(|later, first| {
            if later.id != first.id {
                return false;
            }
            if later.file != first.file && later.says_the_same(first) {
                overlaps += 1;
            } else {
                doubled.push((position(&self.names, first), later.clone()));
            }
            true
        });
        for (first, row) in doubled {
            let fault = Fault::DuplicateTransaction(first);
            self.misfit(
                position(&self.names, &row),
                fault,
                Some(row.account),
                Some(row.date),
            );
        }
        overlaps
    }
}

fn position(names: &[Arc<str>], row: &Transaction) -> Position {
    Position {
        file: Arc::clone(&names[usize::from(row.file)]),
        line: row.line.into(),
    }
}

impl Berka {
    /// The rows by day, then account, and where each stands; an account's opening comes right before its first posting.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Position, HistoryRow)> {
        self.placed.iter().flat_map(|placed| {
            let row = &self.transactions[placed.transaction as usize];
            let opened = if placed.opens {
                self.openings.get(&row.account)
            } else {
                None
            };
            let open = opened.map(|opened| HistoryRow::Open(self.open(row, opened)));
            open.into_iter()
                .chain([HistoryRow::Posting(posting(row, placed))])
                .map(|of| (position(&self.names, row), of))
        })
    }

    fn open(&self, first: &Transaction, opened: &Opened) -> Open {
        Open {
            account: external_account(first.account),
            owner: format!("{SOURCE}/client/{}", opened.owner),
            date: first.date,
            currency: self.currency,
            product: PRODUCT.to_owned(),
            branch: Some(format!("{SOURCE}/district/{}", opened.district)),
            opening_balance: opened.balance,
        }
    }
}

fn posting(row: &Transaction, placed: &Placed) -> Posting {
    let rounding = i64::from(placed.rounding);
    let counterparty = Counterparty {
        bank: row.bank_code(),
        account: row.counterparty.as_deref().map(str::to_owned),
    };
    Posting {
        account: external_account(row.account),
        sequence: sequence(row.date, placed.position.into()),
        date: row.date,
        value_date: None,
        amount: row.amount,
        rounding,
        contra: row.contra(),
        kind: row.kind.text(),
        reference: row.id.to_string(),
        counterparty: (counterparty.bank.is_some() || counterparty.account.is_some()).then_some(counterparty),
        balance_after: Some(row.balance),
        forced: row.amount + rounding < 0 && row.balance < 0,
    }
}
