//! The whole bank in one process, for the `bank` command and its tests.

mod local_bank;

pub use local_bank::{LEDGER_SCHEMA, LocalBank, ProjectionThread};
