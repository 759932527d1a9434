//! The simulated card transactions of the Fraud Detection Handbook (Le Borgne et al., ULB), as CSV, plain or `.zst`.

mod fault;
mod reader;

use std::{
    collections::{HashMap, hash_map::Entry},
    path::Path,
};

pub use fault::{BadRow, Fault, HandbookError};
pub use reader::{HEADER, ReadRow, Reader};
pub(crate) use reader::{number, read_amount};
use tributary_fraud_domain::DAY_S;

/// One transaction with its label. `TX_FRAUD_SCENARIO`, by which the simulator made up its frauds, is read and dropped, so
/// that nothing can come to depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub id: u64,
    /// Seconds since the epoch on the file's clock, which has no time zone.
    pub at_s: i64,
    pub customer: u32,
    pub terminal: u32,
    pub amount_minor: i64,
    pub fraud: bool,
}

impl Transaction {
    /// Days since the epoch.
    pub fn day(&self) -> i64 {
        self.at_s.div_euclid(DAY_S)
    }
}

/// A file of transactions, read whole.
#[derive(Debug, Default)]
pub struct Transactions {
    /// By time, those of a second by id.
    pub rows: Vec<Transaction>,
    /// Rows that were left out.
    pub bad: Vec<BadRow>,
}

impl Transactions {
    /// Reads a file, and puts the rows into order.
    ///
    /// # Errors
    /// When the file can't be read or isn't such a file.
    pub fn load(path: &Path) -> Result<Self, HandbookError> {
        let mut reader = Reader::open(path)?;
        let mut loaded = Self::default();
        let mut lines: HashMap<u64, u64> = HashMap::new();
        while let Some(ReadRow { position, row }) = reader.next_row()? {
            let fresh = row.and_then(|row| match lines.entry(row.id) {
                Entry::Vacant(vacant) => {
                    vacant.insert(position.line);
                    Ok(row)
                }
                Entry::Occupied(first) => Err(Fault::DuplicateTransaction(*first.get())),
            });
            match fresh {
                Ok(row) => loaded.rows.push(row),
                Err(fault) => loaded.bad.push(BadRow { position, fault }),
            }
        }
        loaded.rows.sort_unstable_by_key(|row| (row.at_s, row.id));
        Ok(loaded)
    }
}
