//! What surrounds every command and event, whatever the service.

use std::borrow::Cow;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{CommandId, CustomerId, EventId};
use uuid::Uuid;

/// Where a business date is meant: a day of the calendar, without time or zone.
pub type BusinessDate = NaiveDate;

/// Longest time in milliseconds for which a command may ask to be remembered, from its append.
pub const TTL_MS_MAX: i64 = 10 * 60 * 1000;

/// A position in a log: every number can be traced back to one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    pub topic: Cow<'static, str>,
    pub partition: i32,
    pub offset: i64,
}

/// Who wants it, through which door. Kept in the event, since a log can't be completed afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Initiator {
    /// The principal that acts: an opaque id, never a name.
    pub actor: SmolStr,
    /// The customer on whose behalf it acts, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<CustomerId>,
    pub channel: Channel,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<SmolStr>,
}

/// The door through which a wish came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    Branch,
    Atm,
    Card,
    Online,
    Clearing,
    /// A recorded history that is replayed.
    Import,
    /// The bank itself: timers, end of day, follow-ups.
    System,
}

/// Where the answer to a command goes: a partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplyTo {
    pub topic: Cow<'static, str>,
    pub partition: i32,
    /// Key of the aggregate that waits, which must belong to the partition. Absent: the answer is keyed by the command's
    /// id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The command that the answer is to name, where that is not the one that bears this address: a follow-up to which
    /// the answer was handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
}

/// The value of an inbox record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandEnvelope<D> {
    pub id: CommandId,
    /// Ties together all that follows from one wish.
    pub correlation_id: Uuid,
    /// The event that this command follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// Milliseconds since the epoch until which the command is remembered and after which it is refused.
    /// Absent only where the command's own data makes a repetition harmless for ever (imports, follow-ups).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<i64>,
    pub initiator: Initiator,
    pub data: D,
}

/// The value of an event record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventEnvelope<D> {
    /// The command that caused it; the event's id is this and `index`.
    pub command_id: CommandId,
    pub index: u32,
    /// How many events this command caused. With the last one the command is done.
    pub of: u32,
    pub correlation_id: Uuid,
    /// Record time in milliseconds since the epoch: the inbox's append time, folded so that it never goes back.
    pub time: i64,
    /// The record that the event answers.
    pub origin: Position,
    /// What the command's repetition is recognised by, while it is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered: Option<Remembered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<Initiator>,
    pub data: D,
}

impl<D> CommandEnvelope<D> {
    /// The same envelope around what `make` makes of its data.
    pub fn map_data<E>(self, make: impl FnOnce(D) -> E) -> CommandEnvelope<E> {
        CommandEnvelope {
            id: self.id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            reply_to: self.reply_to,
            not_after: self.not_after,
            initiator: self.initiator,
            data: make(self.data),
        }
    }
}

impl<D> EventEnvelope<D> {
    /// The same envelope around what `make` makes of its data.
    pub fn try_map_data<E, X>(self, make: impl FnOnce(D) -> Result<E, X>) -> Result<EventEnvelope<E>, X> {
        Ok(EventEnvelope {
            command_id: self.command_id,
            index: self.index,
            of: self.of,
            correlation_id: self.correlation_id,
            time: self.time,
            origin: self.origin,
            remembered: self.remembered,
            initiator: self.initiator,
            data: make(self.data)?,
        })
    }

    pub fn id(&self) -> EventId {
        self.command_id.event(self.index)
    }
}

/// How a repeated command is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remembered {
    pub body_hash: BodyHash,
    /// Milliseconds since the epoch.
    pub not_after: i64,
}

/// Hash (XXH3, 128 bits) of a command's type and data: same id with another hash is another wish, and refused.
/// It tells retries from mistakes; it is no protection against a forger, who would have to forge the id's owner too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BodyHash(pub u128);

impl BodyHash {
    /// Of the CloudEvents type and the bytes of `data` as they stand in the record.
    pub fn of(ce_type: &str, data: &[u8]) -> Self {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(ce_type.as_bytes());
        hasher.update(&[0]);
        hasher.update(data);
        Self(hasher.digest128())
    }
}

impl Serialize for BodyHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; 32];
        let low_first = std::iter::successors(Some(self.0), |rest| Some(rest >> 4));
        for (digit, rest) in text.iter_mut().rev().zip(low_first) {
            *digit = b"0123456789abcdef"[(rest & 0xf) as usize];
        }
        serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for BodyHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for BodyHash {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BodyHash".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9a-f]{32}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_hash_is_written_as_32_hexadecimal_digits() {
        for hash in [0, 1, 0x0123_4567_89ab_cdef_0011_2233_4455_6677, u128::MAX] {
            let written = serde_json::to_string(&BodyHash(hash)).unwrap();
            assert_eq!(written, format!("\"{hash:032x}\""));
            assert_eq!(
                serde_json::from_str::<BodyHash>(&written).unwrap(),
                BodyHash(hash)
            );
        }
    }
}
