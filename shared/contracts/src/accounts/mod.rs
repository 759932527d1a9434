//! The ledger's language: `accounts.inbox` and `accounts.events`.
//!
//! Amounts in commands are decimal strings of the major unit (`"12.30"`), as people and other systems write them;
//! amounts in events are integers of the minor unit, as the ledger keeps them. Text is a [`smol_str::SmolStr`]: what
//! has up to 23 bytes costs no allocation, which counts at a million postings a second.

mod chart;
mod commands;
mod events;

pub use chart::{CHART, Class, GlAccount, GlAccountError, GlEntry, LedgerAccount};
pub use commands::*;
pub use events::*;

/// Name of the service, and prefix of its topics and consumer group.
pub const SERVICE: &str = "accounts";
