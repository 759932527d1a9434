//! What tests of several crates need. For tests only: what they need and do not get fails them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test needs and does not get fails it"
)]

mod database;

pub use database::{Database, database};
