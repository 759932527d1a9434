//! JSON Schemas of every message, generated from the types, and what may change between two versions of them.
//!
//! The generated documents stand in `docs/schemas`, one a file, where a test holds them against the types. They may
//! only grow: what was written under an older document has to be readable for ever, since the log is the truth. So a
//! change that [`incompatibilities`] finds needs a new version of the type beside the old one.

mod alternatives;
mod compatibility;

use schemars::{Schema, schema_for};
use serde_json::Value;

pub use compatibility::{Incompatibility, Problem, incompatibilities};

use crate::{
    accounts::{AccountsCommand, AccountsEvent},
    codec::Message,
    envelope::{CommandEnvelope, EventEnvelope},
    fraud::{FraudCommand, FraudEvent, PayeesCommand, PayeesEvent},
    laundering::{LaunderingCommand, LaunderingEvent},
    payments::{PaymentsCommand, PaymentsEvent},
    runtime::{RuntimeEvent, RuntimeMessage},
};

/// Name of the document of what surrounds the data of every command.
pub const COMMAND_ENVELOPE: &str = "tributary.command-envelope";

/// Name of the document of what surrounds the data of every event.
pub const EVENT_ENVELOPE: &str = "tributary.event-envelope";

/// CloudEvents type and schema of the data of every message there is.
pub fn all() -> Vec<(&'static str, Value)> {
    [
        AccountsCommand::schemas(),
        AccountsEvent::schemas(),
        PaymentsCommand::schemas(),
        PaymentsEvent::schemas(),
        FraudCommand::schemas(),
        FraudEvent::schemas(),
        PayeesCommand::schemas(),
        PayeesEvent::schemas(),
        LaunderingCommand::schemas(),
        LaunderingEvent::schemas(),
        RuntimeMessage::schemas(),
        RuntimeEvent::schemas(),
    ]
    .into_iter()
    .flatten()
    .map(|(ce_type, schema)| (ce_type, schema.to_value()))
    .collect()
}

/// Name and schema of every document that is published: the data of every message, and both envelopes around any data.
pub fn documents() -> Vec<(&'static str, Value)> {
    let envelope = |name, mut schema: Schema| {
        // Derived, it would be named after the data that stands in for all.
        schema.insert("title".to_owned(), Value::from(name));
        (name, schema.to_value())
    };
    let mut documents = all();
    documents.push(envelope(COMMAND_ENVELOPE, schema_for!(CommandEnvelope<Value>)));
    documents.push(envelope(EVENT_ENVELOPE, schema_for!(EventEnvelope<Value>)));
    documents
}
