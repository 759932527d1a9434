//! The ledger's functional core: what a command does to the books of one partition, as pure functions.
//!
//! [`decide`] reads the books and says which events a command causes, or why it is refused; [`evolve`] folds an event
//! into the books. There is no clock, no randomness and no I/O: time comes in with the [`Context`], so that the same
//! code runs live, in a replay and in tests. State first, then rejections, decisions by area, the fold, timers.

mod account;
mod amount;
mod books;
mod decide;
mod entry;
mod evolve;
mod fault;
mod field;
mod hold;
mod rejection;
mod timer;
mod transit;

pub use account::{Account, Terms};
pub use books::{Books, Calendar, REMEMBERED_MS, REVERSAL_WINDOW_DAYS};
pub use decide::{Context, Decision, decide, decide_timer, dedupes_itself};
pub use entry::BookedEntry;
pub use evolve::{Recorded, evolve};
pub use fault::{Corrupt, Fault};
pub use hold::{Hold, HoldState};
pub use rejection::Rejection;
pub use timer::timer_changes;
pub use transit::Transit;
