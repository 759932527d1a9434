//! Open-loop load on a bank that runs: payments start when the schedule says, however long earlier ones take.
//!
//! A payment's latency counts from its **intended** start. A generator that waits for a slow answer before it asks again
//! would leave out just the requests that had to wait most (coordinated omission); here they count in full.
//!
//! - [`Population`]: the accounts, and who pays whom (uniform, or by Zipf's law).
//! - [`run`]: one rate for a while, straight to the topic or through the gateway. [`sweep`]: ever higher rates until the bank
//!   can't keep up. [`floor`]: a bare chain of as many hops.
//! - [`Report`]: what was seen, as text, JSON and HTML.

mod clock;
mod commands;
mod cost;
mod error;
mod floor;
mod hops;
mod outcomes;
mod population;
mod recorder;
mod report;
mod run;
mod sweep;
mod through;
mod watch;

pub use cost::Cost;
pub use error::LoadError;
pub use floor::{Chain, Floor, HOPS_MAX, floor};
pub use hops::HopSeen;
pub use population::{Population, Spread};
pub use report::{Latency, Report, html, text};
pub use run::{Load, Target, open_accounts, run};
pub use sweep::{Knee, Sweep, sweep};
pub use watch::proportional_bytes;
