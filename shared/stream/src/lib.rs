//! Exactly-once stream processing on Kafka: consume, decide on per-partition state, produce and commit, all in one
//! transaction per batch.
//!
//! - [`log`]: what a worker asks of a log, as data: one [`log::Action`] in, one [`log::Input`] out.
//! - [`kafka`]: the log on rdkafka. [`memory`]: an honest in-memory broker for tests and simulation.
//! - [`conformance`]: what every log has to do, as tests that run on both.
//! - `worker`: the state machine, `step(now, input) -> action`; the same on both logs.
//! - `service`: what a service brings: decide, evolve, and its names.
//! - [`snapshot`]: states written down, so that a restore need not read the whole log; [`golden`]: what finds out that an
//!   older one would be misread.
//! - [`relay`]: what only passes on, from one topic to another, without a state.
//! - [`TestDriver`]: a service as it runs in production, on the in-memory broker; [`Stepper`]: its decisions and its fold
//!   alone, one record at a time.

mod backoff;
pub mod conformance;
pub mod driver;
pub mod golden;
pub mod instance;
pub mod kafka;
pub mod log;
pub mod memory;
mod process;
pub mod relay;
pub mod service;
pub mod snapshot;
mod state;
mod stepper;
pub mod test_driver;
pub mod worker;

pub use state::{PartitionState, StreamEvent};
pub use stepper::Stepper;
pub use test_driver::{TestDriver, TestRelay};
