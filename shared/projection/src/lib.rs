//! Kafka to PostgreSQL, exactly once: read models that are a fold of an events topic up to their stored offsets.
//!
//! A [`Projection`] reads a topic's committed events from all its partitions and lets a [`ReadModel`] write rows. The
//! offsets of what comes next live beside the rows and move in the same transaction, each from the value that the
//! projection expects: so a batch is applied once, whatever is killed between any two statements, and however many
//! instances run. What can't be read stops it, with its position.
//!
//! [`rebuild`] folds everything anew into a shadow schema while the old one serves, and swaps them.
//!
//! Reading is blocking and has a thread of its own ([`EventSource`]); SQL runs on tokio.

mod backoff;
mod batch;
mod copy;
mod error;
mod event;
mod feeder;
mod kafka;
mod layout;
mod memory;
mod model;
mod offsets;
mod projection;
mod rebuild;
mod schema_name;
mod session;
mod source;
mod status;
mod trouble;

pub use batch::EventBatch;
pub use copy::{CopyRow, CopyRows, text_array};
pub use error::{Poison, ProjectionError};
pub use event::{LoggedEvent, Payload, decode};
pub use feeder::{EventStream, StreamEnd};
pub use kafka::KafkaTopic;
pub use layout::projection_name;
pub use memory::MemoryTopic;
pub use model::{ApplyError, ReadModel, storable};
pub use offsets::{Offsets, stored_offsets};
pub use projection::{Projection, Settings};
pub use rebuild::{Rebuilt, discard_rebuild, rebuild};
pub use schema_name::{SchemaName, SchemaNameError};
pub use session::connect;
pub use source::{EventSource, EventTopic, SourceBatch};
pub use status::{State, Status};
