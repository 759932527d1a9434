//! What tests of several crates need. For tests only: what they need and do not get fails them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not get fails it"
)]

mod command;
mod database;
mod models;
mod published;

pub use command::output_within;
pub use database::{Database, database};
pub use models::model_by_amount;
pub use published::published;
