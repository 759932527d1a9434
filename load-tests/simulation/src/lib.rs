//! The whole bank in one thread: clients' commands, the production workers of ledger, payments and fraud service, their
//! read models and the checker, on an in-memory broker with a virtual clock. A seed fixes what happens, every fault
//! included, so that a run can be repeated exactly, told as a story, and made smaller.
//!
//! - [`plan`]: what is going to happen, as a list of steps, made of the seed alone.
//! - [`world`]: carries the steps out, and lets the checker judge after each.
//! - [`run`]: a seed, many seeds, a failing one made smaller.
//! - [`cast`]: who plays: the production services, or, in tests, one with a planted bug.
//!
//! `docs/simulation.md` is the guide.

pub mod cast;
mod clients;
mod judge;
pub mod plan;
mod process;
mod read_model;
pub mod run;
mod shrink;
mod snapshots;
mod story;
mod wish;
pub mod world;

pub use cast::{Cast, Part, SimulatedLog};
pub use judge::Found;
pub use plan::{Plan, Selection};
pub use run::{Outcome, Summary, core_seconds, run, run_many};
pub use shrink::{Shrunk, shrink};
