//! The published language of the bank: topics, commands, events, their encoding and their JSON Schemas.
//!
//! Services depend on this crate, never on one another. Values are JSON, headers carry the four required attributes
//! of CloudEvents (`ce_specversion ce_id ce_source ce_type`, the version in the type) and `traceparent`.

pub mod accounts;
pub mod codec;
mod date;
pub mod envelope;
pub mod fraud;
pub mod json;
pub mod laundering;
pub mod partition;
pub mod payments;
pub mod record;
pub mod runtime;
pub mod saga;
pub mod schema;
pub mod sealed;
pub mod topics;
