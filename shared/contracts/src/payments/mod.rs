//! The payments service's language: `payments.inbox` and `payments.events`. The key is the payment's id, or the order's.
//!
//! Amounts in commands are decimal strings of the major unit, amounts in events integers of the minor unit, as in the
//! ledger's language. Free text and names are [`Sealed`](crate::sealed::Sealed) from the first command on.

mod commands;
mod events;
mod schedule;

pub use commands::*;
pub use events::*;
pub use schedule::*;

/// Name of the service, and prefix of its topics and consumer group.
pub const SERVICE: &str = "payments";
