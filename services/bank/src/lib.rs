//! The whole bank in one process, for the `bank` command and its tests.

mod local_bank;
mod projections;

pub use local_bank::LocalBank;
pub use projections::{LEDGER_SCHEMA, PAYMENTS_SCHEMA, Projections, TIMELINE_SCHEMAS};
