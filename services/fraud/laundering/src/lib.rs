//! Rules that find money laundering in the payments between accounts, over months. They raise alerts for people to look
//! at, and never stand in a payment's way.
//!
//! Each account is a state of its own ([`AccountState`]) of bounded memory, that is changed by [`Message`]s alone, in
//! event time. A payment is a message to its debtor and one to its creditor; the debtor may send a [`Probe`] along the
//! accounts that money went to. So the rules run on a log that is partitioned by account, and here within one process
//! ([`InProcess`]). `docs/laundering.md` has the rules and what they find.

mod account;
mod alert;
mod cycle;
mod dormant;
mod fan_in;
mod in_process;
mod message;
mod payment;
mod rules;
mod structuring;
mod window;

pub use account::AccountState;
pub use alert::Alert;
pub use in_process::InProcess;
pub use message::{Message, Outcome, Probe};
pub use payment::{AMOUNT_MINOR_MAX, Account, Payment, PaymentId, PaymentRefused};
pub use rules::{Cycle, DormantWake, FanIn, Rule, Rules, Structuring};
pub use window::ENTRIES_MAX;

/// Seconds of a day, the unit of all windows.
pub const DAY_S: i64 = 86_400;
