//! An independent check of the bank's invariants over its logs.
//!
//! - [`LedgerCheck`]: the fold that finds violations; pure, fed record by record.
//!
//! `docs/invariants.md` says what each violation means.

mod check;
mod violation;

pub use check::{Account, Cut, LedgerCheck, NextOffsets, Totals};
pub use violation::{Findings, Invariant, KEPT_MAX, Violation};
