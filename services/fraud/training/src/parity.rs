//! Features of the running service beside the batch's, row by row and bit by bit.

use std::fmt;

use serde::Serialize;
use tributary_fraud_domain::{FEATURES, FeatureVector};

use crate::handbook::Transaction;

/// Differences that are told; all are counted.
const TOLD: usize = 10;

/// A feature that isn't what the batch computes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The transaction's id.
    pub transaction: u64,
    pub feature: &'static str,
    pub streamed: f64,
    pub batch: f64,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Parity {
    pub rows: u64,
    /// Rows of which the service has told no features.
    pub missing: u64,
    /// Rows of which at least one feature differs.
    pub differing: u64,
    /// The first differences.
    pub differences: Vec<Difference>,
}

impl Parity {
    /// Whether every bit of every feature of every row is the same.
    pub fn holds(&self) -> bool {
        self.missing == 0 && self.differing == 0
    }
}

/// Holds what the service computed against the batch's features of the same transactions.
pub fn compare(
    transactions: &[Transaction],
    streamed: &[Option<FeatureVector>],
    batch: &[FeatureVector],
) -> Parity {
    let mut parity = Parity {
        rows: transactions.len() as u64,
        ..Parity::default()
    };
    // What is not there at all is missing too.
    let streamed = streamed.iter().chain(std::iter::repeat(&None));
    for ((transaction, streamed), batch) in transactions.iter().zip(streamed).zip(batch) {
        let Some(streamed) = streamed else {
            parity.missing += 1;
            continue;
        };
        let differences = FEATURES
            .iter()
            .zip(streamed.0.iter().zip(&batch.0))
            .filter(|(_, (streamed, batch))| streamed.to_bits() != batch.to_bits())
            .map(|(feature, (streamed, batch))| Difference {
                transaction: transaction.id,
                feature: feature.name,
                streamed: *streamed,
                batch: *batch,
            });
        let room = TOLD.saturating_sub(parity.differences.len());
        let mut differences = differences.peekable();
        parity.differing += u64::from(differences.peek().is_some());
        parity.differences.extend(differences.take(room));
    }
    parity
}

impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = FEATURES.len();
        if self.holds() {
            return write!(
                f,
                "online = offline: {count} features of {} rows, bit for bit",
                self.rows
            );
        }
        write!(
            f,
            "online and offline DIFFER: of {} rows {} have other features and {} have none",
            self.rows, self.differing, self.missing
        )?;
        for difference in &self.differences {
            let Difference {
                transaction,
                feature,
                streamed,
                batch,
            } = difference;
            write!(
                f,
                "\n  transaction {transaction}: {feature} is {streamed} in the stream, {batch} in the batch"
            )?;
        }
        Ok(())
    }
}
