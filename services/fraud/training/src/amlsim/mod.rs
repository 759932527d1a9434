//! Samples of AMLSim (IBM), a simulator of payments between accounts with money laundering among them: a folder of
//! `nodes.csv`, the accounts with their labels, and `transactions.csv`, each plain or `.zst`.

mod fault;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    path::Path,
    sync::Arc,
};

pub use fault::{AmlsimError, BadRow, Fault};
use tributary_history::Position;

use crate::{
    handbook::{number, read_amount},
    rows,
};

/// The first line of `nodes.csv`.
pub const NODES_HEADER: &str = "nodeid,isFraud,init_balance,fraudStep";

/// The first line of `transactions.csv`.
pub const TRANSACTIONS_HEADER: &str = "sourceNodeId,targetNodeId,value,time";

/// Latest time, in days.
const DAY_MAX: u32 = 100_000;

/// One payment. Those of a day have no order but that of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its line, which is all that it has for an id.
    pub line: u64,
    /// The simulator's step, a day.
    pub day: u32,
    pub source: u32,
    pub target: u32,
    pub amount_minor: i64,
}

/// A sample, read whole.
#[derive(Debug, Default)]
pub struct Sample {
    /// The folder's name.
    pub name: String,
    /// Each account, and whether it is labelled as one of a laundering pattern.
    pub accounts: BTreeMap<u32, bool>,
    /// By day, those of a day by line.
    pub transactions: Vec<Transaction>,
    /// Rows that were left out.
    pub bad: Vec<BadRow>,
}

impl Sample {
    /// Reads a folder. The step from which the simulator made an account launder is read and dropped, so that nothing can
    /// come to depend on it.
    ///
    /// # Errors
    /// When a file can't be read or isn't such a file.
    pub fn load(folder: &Path) -> Result<Self, AmlsimError> {
        let mut sample = Self {
            name: folder
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned(),
            ..Self::default()
        };
        let mut lines: BTreeMap<u32, u64> = BTreeMap::new();
        for_each_row(folder, "nodes.csv", NODES_HEADER, |position, row| {
            let read = row
                .and_then(read_node)
                .and_then(|node| match lines.entry(node.0) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(position.line);
                        Ok(node)
                    }
                    Entry::Occupied(first) => Err(Fault::DuplicateAccount(*first.get())),
                });
            match read {
                Ok((account, labelled)) => _ = sample.accounts.insert(account, labelled),
                Err(fault) => sample.bad.push(BadRow { position, fault }),
            }
        })?;
        for_each_row(
            folder,
            "transactions.csv",
            TRANSACTIONS_HEADER,
            |position, row| {
                let line = position.line;
                let read = row.and_then(|fields| read_transaction(line, fields));
                match read.and_then(|transaction| known(&sample.accounts, transaction)) {
                    Ok(transaction) => sample.transactions.push(transaction),
                    Err(fault) => sample.bad.push(BadRow { position, fault }),
                }
            },
        )?;
        sample
            .transactions
            .sort_unstable_by_key(|transaction| (transaction.day, transaction.line));
        Ok(sample)
    }

    /// Accounts that are labelled.
    pub fn labelled(&self) -> usize {
        self.accounts.values().filter(|labelled| **labelled).count()
    }

    /// Days from the first payment to the last, both included.
    pub fn days(&self) -> u32 {
        match (self.transactions.first(), self.transactions.last()) {
            (Some(first), Some(last)) => last.day - first.day + 1,
            _ => 0,
        }
    }
}

fn known(accounts: &BTreeMap<u32, bool>, transaction: Transaction) -> Result<Transaction, Fault> {
    let both = [transaction.source, transaction.target];
    match both.iter().all(|account| accounts.contains_key(account)) {
        true => Ok(transaction),
        false => Err(Fault::UnknownAccount),
    }
}

fn read_node([account, label, balance, step]: [&str; 4]) -> Result<(u32, bool), Fault> {
    let account = number(account).ok_or(Fault::Account)?;
    let labelled = match label {
        "0" => false,
        "1" => true,
        _ => return Err(Fault::Label),
    };
    read_amount(balance).ok_or(Fault::Balance)?;
    if step != "-1" {
        number::<u32>(step).ok_or(Fault::FraudStep)?;
    }
    Ok((account, labelled))
}

fn read_transaction(line: u64, [source, target, value, time]: [&str; 4]) -> Result<Transaction, Fault> {
    Ok(Transaction {
        line,
        source: number(source).ok_or(Fault::Account)?,
        target: number(target).ok_or(Fault::Account)?,
        amount_minor: read_amount(value)
            .filter(|minor| *minor > 0)
            .ok_or(Fault::Value)?,
        day: number(time).filter(|day| *day <= DAY_MAX).ok_or(Fault::Time)?,
    })
}

/// Reads a file of four fields below its header.
fn for_each_row(
    folder: &Path,
    name: &str,
    header: &'static str,
    mut row: impl FnMut(Position, Result<[&str; 4], Fault>),
) -> Result<(), AmlsimError> {
    let plain = folder.join(name);
    let compressed = folder.join(format!("{name}.zst"));
    let path = if plain.exists() { &plain } else { &compressed };
    let io = |error| AmlsimError::Io {
        path: path.clone(),
        error,
    };
    let mut lines = rows::open(path, path == &compressed).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AmlsimError::MissingFile(plain.clone()),
        _ => io(error),
    })?;
    let first = lines.next_line().map_err(io)?.and_then(|line| line.bytes);
    if first != Some(header.as_bytes()) {
        return Err(AmlsimError::BadHeader {
            path: path.clone(),
            expected: header,
        });
    }
    let file: Arc<str> = name.into();
    while let Some(line) = lines.next_line().map_err(io)? {
        let position = Position {
            file: Arc::clone(&file),
            line: line.number,
        };
        row(position, fields(line.bytes));
    }
    Ok(())
}

fn fields(line: Option<&[u8]>) -> Result<[&str; 4], Fault> {
    let text = str::from_utf8(line.ok_or(Fault::LineTooLong)?).map_err(|_| Fault::Encoding)?;
    rows::fields(text).map_err(Fault::FieldCount)
}
