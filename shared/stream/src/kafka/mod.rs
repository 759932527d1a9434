//! The log on Apache Kafka, through rdkafka.
//!
//! - [`KafkaLog`]: what a worker runs on.
//! - [`EventReader`]: committed records of a whole topic, for projections, the checker and exports.
//! - [`Watermarks`]: where a topic's partitions begin and end.
//! - [`CommittedOffsets`]: how far a group has come.
//! - [`CommandProducer`]: a plain idempotent producer, for gateways and importers.
//! - [`topics`]: creates the declared topics, starts new groups, reports drift.
//!
//! What librdkafka does was measured, not believed: `docs/librdkafka.md`.

mod clock;
mod closing;
mod commands;
mod committed;
mod consumer;
mod faults;
mod log;
mod patience;
mod producer;
mod reader;
mod records;
mod report;
mod settings;
pub mod topics;
mod watermarks;

pub use commands::{CommandProducer, Delivered};
pub use committed::CommittedOffsets;
pub use log::KafkaLog;
pub use reader::{Batch, EventReader};
pub use settings::{KafkaSettings, SESSION_TIMEOUT, TRANSACTION_TIMEOUT, TRANSACTION_TIMEOUT_MAX};
pub use watermarks::Watermarks;
