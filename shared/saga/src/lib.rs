//! Sagas: business transactions over several services, none of which can be undone by a database.
//!
//! A saga is data, a [`Saga`] of [`Step`]s with compensations and deadlines. What follows from an answer, a deadline or
//! a person's word is a pure function of that data and of the saga's [`State`]: an [`Advance`], which says what is asked
//! next and how the saga ends. Its [`Progress`] stands in an event, and [`State::apply`] folds it. So the same data draws the
//! diagram ([`Saga::diagram`]), and [`explore`](explore::explore) can walk through everything that may ever happen.
//!
//! The rules:
//!
//! - Before the pivot a saga can turn back. What was done, or may have been done, is then undone by its compensation, whose
//!   answer is awaited. **A time-out is never an answer.**
//! - From the pivot on it only goes forward: the same command is sent again under the same id, and when that doesn't help
//!   the saga is quarantined, where a person sees it and can resume it.
//! - Answers may come late, twice and in any order. One that nobody waits for changes nothing.

mod advance;
mod definition;
mod diagram;
pub mod explore;
mod state;

pub use advance::{Advance, End, Reply, UNANSWERED};
pub use definition::{Flaw, Saga, Silence, Step, When};
pub use state::{Corrupt, Course, State, StepState};
pub use tributary_contracts::saga::Progress;
