//! The whole bank in one process, for the `bank` command and its tests.

mod local_bank;
mod personal_data;
mod projections;

pub use local_bank::LocalBank;
pub use personal_data::{KEY_STORE_DATABASE, master_key_file, personal_data_of};
pub use projections::{LEDGER_SCHEMA, PAYMENTS_SCHEMA, Projections, TIMELINE_SCHEMAS};
