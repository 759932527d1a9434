//! JSON Schemas of every message, generated from the types, and what may change between two versions of them.

use serde_json::Value;

use crate::{
    accounts::{AccountsCommand, AccountsEvent},
    codec::Message,
    runtime::{RuntimeEvent, RuntimeMessage},
};

/// CloudEvents type and schema of the data of every message there is.
pub fn all() -> Vec<(&'static str, Value)> {
    [
        AccountsCommand::schemas(),
        AccountsEvent::schemas(),
        RuntimeMessage::schemas(),
        RuntimeEvent::schemas(),
    ]
    .into_iter()
    .flatten()
    .map(|(ce_type, schema)| (ce_type, schema.to_value()))
    .collect()
}
