//! Payments: which saga each goes by, and what every command, answer and deadline does to it. Pure functions, as in the
//! ledger's core: time comes in with the [`Context`], ids are derived, nothing is read or sent.
//!
//! State first, then the sagas (one file each), the decisions, the fold, timers.

mod book;
mod decide;
mod evolve;
mod payment;
mod rejection;
pub mod sagas;
mod timer;

pub use book::{PaymentBook, REMEMBERED_MS};
pub use decide::{
    Command, Context, Decision, Send, decide, decide_answer, decide_timer, dedupes_itself, step_command,
};
pub use evolve::{Corrupt, Recorded, evolve};
pub use payment::{Claim, Outcome, Payment};
pub use rejection::Rejection;
pub use timer::timer_changes;
