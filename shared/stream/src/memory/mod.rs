//! An honest in-memory twin of Kafka, for tests and simulation.
//!
//! [`MemoryBroker`] holds topics, transactions and groups, and behaves as a broker does towards a `read_committed`
//! consumer and a transactional producer: control markers take offsets, the last stable offset holds readers back,
//! aborted records are passed over, an old epoch, generation or member is fenced, time-outs abort and expel.
//! [`MemoryLog`] is a client of it that performs a worker's actions through the same stages as the real one.
//!
//! There is no thread, clock or randomness inside: time is what [`MemoryBroker::set_time`] says, and faults are what a
//! [`FaultPlan`] says. So a run can be repeated exactly.

mod broker;
mod clients;
mod commit;
mod error;
mod faults;
mod groups;
mod inspect;
mod log;
mod partition;
mod producer;
mod transactions;

pub use clients::MemoryBroker;
pub use error::BrokerError;
pub use faults::{FaultPlan, FaultPoint, InjectedFault, NoFaults, Script};
pub use inspect::{Entry, EntryContent, OpenTransaction, RecordState, TransactionStatus};
pub use log::{MemoryLog, MemoryLogSettings};
pub use producer::MemoryProducer;

#[cfg(test)]
mod tests;
