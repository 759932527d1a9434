//! Exactly-once stream processing on Kafka: consume, decide on per-partition state, produce and commit, all in one
//! transaction per batch.
//!
//! - [`log`]: what a worker asks of a log, as data: one [`log::Action`] in, one [`log::Input`] out.
//! - [`kafka`]: the log on rdkafka. [`memory`]: an honest in-memory broker for tests and simulation.
//! - [`conformance`]: what every log has to do, as tests that run on both.
//! - `worker`: the state machine, `step(now, input) -> action`; the same on both logs.
//! - `service`: what a service brings: decide, evolve, and its names.

pub mod conformance;
pub mod driver;
pub mod instance;
pub mod kafka;
pub mod log;
pub mod memory;
mod process;
pub mod service;
pub mod snapshot;
mod state;
mod test_driver;
pub mod worker;

pub use state::{PartitionState, StreamEvent};
pub use test_driver::TestDriver;
