//! Payments: which saga each goes by, and what every command, answer and deadline does to it. Pure functions, as in the
//! ledger's core: time comes in with the [`Context`], ids are derived, nothing is read or sent.
//!
//! A payment of a later day waits in the book until its time comes, and a standing order begins a payment at each of its.
//!
//! State first, then the sagas (one file each), the decisions, the fold, timers.

mod book;
pub mod calendar;
mod decide;
mod evolve;
mod kept_details;
mod payment;
mod rejection;
pub mod sagas;
mod scheduled;
mod standing_order;
mod timer;

pub use book::{PaymentBook, REMEMBERED_MS};
pub use decide::{
    Command, Context, Decision, SCHEDULED_DAYS_MAX, Send, decide, decide_answer, decide_timer,
    dedupes_itself, step_command,
};
pub use evolve::{Corrupt, Recorded, evolve};
pub use payment::{Claim, Outcome, Payment};
pub use rejection::Rejection;
pub use scheduled::ScheduledPayment;
pub use standing_order::{StandingOrder, Timetable};
pub use timer::timer_changes;
