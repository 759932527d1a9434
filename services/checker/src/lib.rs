//! An independent check of the bank's invariants over its logs.
//!
//! - [`BankCheck`]: the fold that finds violations; pure, fed record by record. [`LedgerCheck`] is the ledger's part.
//! - [`check_all`], [`watch`]: what drives it from Kafka, for a whole log at once or beside a running bank.
//! - [`Alarms`]: what a running bank must be told of that is no violation.
//! - [`Report`]: what was checked and found. A run whose report isn't clean must fail.
//! - [`ReadModelCheck`]: where others compare their read models with the fold.
//!
//! `docs/invariants.md` says what each violation means.

mod alarm;
mod bank;
mod check;
mod flow;
mod fraud;
mod kafka;
mod laundering;
mod metrics;
mod payments;
mod read_model;
mod remembered;
mod report;
mod violation;

pub use alarm::{Alarm, AlarmKind, Alarms, GRACE, LogClock};
pub use bank::{BankCheck, BankCut, SERVICES};
pub use check::{Account, Cut, LedgerCheck, NextOffsets, Totals};
pub use kafka::{CheckError, End, Status, Watch, check_all, watch};
pub use payments::{OrderStanding, PaymentStanding, Standing};
pub use read_model::{Compared, ReadModelCheck};
pub use report::{Line, Report};
pub use violation::{Findings, Invariant, KEPT_MAX, Violation};
