//! The one place that knows how messages are encoded: JSON values, CloudEvents headers.

use std::fmt::Write;

use arrayvec::ArrayString;
use schemars::Schema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::value::RawValue;

use crate::{
    envelope::{BodyHash, CommandEnvelope, EventEnvelope},
    json::{self, Data},
    record::{Headers, Record},
};

pub const CE_SPECVERSION: &str = "ce_specversion";
pub const CE_ID: &str = "ce_id";
pub const CE_SOURCE: &str = "ce_source";
pub const CE_TYPE: &str = "ce_type";
/// W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

/// Why a record can't be read. Each has a stable code with an entry in `docs/errors.md`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the record has no readable {CE_TYPE} header")]
    NoType,
    #[error("no message of type {0} is known here")]
    UnknownType(String),
    #[error("version of {0} is not supported")]
    UnsupportedVersion(String),
    /// The text names place and expectation, never the value: it may be personal data.
    #[error("malformed JSON: {0}")]
    Malformed(String),
}

impl DecodeError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoType => "TYPE_MISSING",
            Self::UnknownType(_) => "TYPE_UNKNOWN",
            Self::UnsupportedVersion(_) => "SCHEMA_VERSION_UNSUPPORTED",
            Self::Malformed(_) => "MALFORMED",
        }
    }

    /// Of serde's error, without the offending value, which serde quotes: only what kind it was, and where.
    pub fn malformed(error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Eof => "ends too early",
            serde_json::error::Category::Data => "not of the type's schema",
            serde_json::error::Category::Io => "not readable",
        };
        Self::Malformed(format!("{what}, line {} column {}", error.line(), error.column()))
    }

    /// For a type that `known` doesn't hold: another version of a known one, or nothing known at all.
    pub fn unknown(ce_type: &str, known: &[&str]) -> Self {
        let name = |full: &str| full.rsplit_once(".v").map(|(name, _)| name.to_owned());
        let wanted = name(ce_type);
        match known
            .iter()
            .any(|known| wanted.is_some() && name(known) == wanted)
        {
            true => Self::UnsupportedVersion(ce_type.to_owned()),
            false => Self::UnknownType(ce_type.to_owned()),
        }
    }
}

/// What is read by the type that a record's header names.
pub trait Typed: Sized {
    /// That there is such a type here.
    fn knows(ce_type: &str) -> Result<(), DecodeError>;

    /// Reads the data of a message of that type.
    fn read<'d, D: Deserializer<'d>>(ce_type: &str, data: D) -> Result<Self, D::Error>;
}

/// Reads the data of a message of that type.
pub fn decode_typed<T: Typed>(ce_type: &str, data: &str) -> Result<T, DecodeError> {
    T::knows(ce_type)?;
    json::read_typed(ce_type, data).map_err(|error| DecodeError::malformed(&error))
}

/// A set of message types, one variant each.
pub trait Message: Serialize + Typed {
    /// CloudEvents types of all variants.
    const TYPES: &'static [&'static str];

    /// The variant's CloudEvents type, with its version.
    fn ce_type(&self) -> &'static str;

    /// Reads the data of a message of that type.
    fn decode(ce_type: &str, data: &str) -> Result<Self, DecodeError> {
        decode_typed(ce_type, data)
    }

    /// JSON Schema of each variant's data.
    fn schemas() -> Vec<(&'static str, Schema)>;
}

/// Declares an enum of payload structs as a [`Message`].
#[macro_export]
macro_rules! messages {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $ce_type:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(untagged)]
        $vis enum $name { $($(#[$vdoc])* $variant($variant),)* }

        impl $crate::codec::Typed for $name {
            fn knows(ce_type: &str) -> Result<(), $crate::codec::DecodeError> {
                let types = <Self as $crate::codec::Message>::TYPES;
                match types.contains(&ce_type) {
                    true => Ok(()),
                    false => Err($crate::codec::DecodeError::unknown(ce_type, types)),
                }
            }

            fn read<'d, D: serde::Deserializer<'d>>(ce_type: &str, data: D) -> Result<Self, D::Error> {
                match ce_type {
                    $($ce_type => <$variant as serde::Deserialize>::deserialize(data).map(Self::$variant),)*
                    _ => Err(serde::de::Error::custom("no message of this type is known here")),
                }
            }
        }

        impl $crate::codec::Message for $name {
            const TYPES: &'static [&'static str] = &[$($ce_type,)*];

            fn ce_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => $ce_type,)* }
            }

            fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($ce_type, schemars::schema_for!($variant)),)*]
            }
        }

        $(impl From<$variant> for $name {
            fn from(data: $variant) -> Self {
                Self::$variant(data)
            }
        })*
    };
}

/// A command's envelope, read, with its data still as text.
#[derive(Debug)]
pub struct RawCommand<'r> {
    pub ce_type: &'r str,
    pub envelope: CommandEnvelope<&'r RawValue>,
}

impl<'r> RawCommand<'r> {
    pub fn read(record: &'r Record) -> Result<Self, DecodeError> {
        let (ce_type, envelope) = raw(record)?;
        Ok(Self { ce_type, envelope })
    }

    pub fn body_hash(&self) -> BodyHash {
        BodyHash::of(self.ce_type, self.envelope.data.get().as_bytes())
    }
}

/// An event's envelope, read, with its data still as text.
#[derive(Debug)]
pub struct RawEvent<'r> {
    pub ce_type: &'r str,
    pub envelope: EventEnvelope<&'r RawValue>,
}

impl<'r> RawEvent<'r> {
    pub fn read(record: &'r Record) -> Result<Self, DecodeError> {
        let (ce_type, envelope) = raw(record)?;
        Ok(Self { ce_type, envelope })
    }
}

fn raw<'r, E: Deserialize<'r>>(record: &'r Record) -> Result<(&'r str, E), DecodeError> {
    let ce_type = record.ce_type()?;
    let envelope = serde_json::from_slice(&record.value).map_err(|error| DecodeError::malformed(&error))?;
    Ok((ce_type, envelope))
}

/// A command whose envelope could be read, and maybe its data: the runtime looks at the first whatever the second is.
#[derive(Debug)]
pub struct ReadCommand<'r, M> {
    pub ce_type: &'r str,
    pub envelope: CommandEnvelope<Data<'r, M>>,
}

impl<'r, M: Typed> ReadCommand<'r, M> {
    pub fn read(record: &'r Record) -> Result<Self, DecodeError> {
        let ce_type = record.ce_type()?;
        if let Some(envelope) = json::read_envelope(ce_type, &record.value) {
            return Ok(Self { ce_type, envelope });
        }
        let RawCommand { ce_type, envelope } = RawCommand::read(record)?;
        let envelope = envelope.map_data(|raw| Data {
            message: decode_typed(ce_type, raw.get()),
            text: raw.get(),
        });
        Ok(Self { ce_type, envelope })
    }
}

impl<M> ReadCommand<'_, M> {
    pub fn body_hash(&self) -> BodyHash {
        BodyHash::of(self.ce_type, self.envelope.data.text.as_bytes())
    }
}

/// Reads an event record whole.
pub fn read_event<M: Typed>(record: &Record) -> Result<EventEnvelope<M>, DecodeError> {
    let ce_type = record.ce_type()?;
    match json::read_envelope::<EventEnvelope<Data<'_, M>>>(ce_type, &record.value) {
        Some(envelope) => envelope.try_map_data(|data| data.message),
        None => raw::<EventEnvelope<&RawValue>>(record)?
            .1
            .try_map_data(|raw| decode_typed(ce_type, raw.get())),
    }
}

/// Room for the headers of most messages, trace included.
const HEADER_BYTES: usize = 256;

/// Room for the values of most messages.
const VALUE_BYTES: usize = 768;

/// Headers of a message: CloudEvents' required attributes, and the trace it belongs to.
pub fn headers(
    id: &dyn std::fmt::Display,
    source: &str,
    ce_type: &str,
    traceparent: Option<&str>,
) -> Headers {
    let mut headers = Headers::with_capacity(HEADER_BYTES);
    headers.push(CE_SPECVERSION, b"1.0");
    // The bank's ids fit in without an allocation.
    let mut short = ArrayString::<64>::new();
    match write!(short, "{id}") {
        Ok(()) => headers.push(CE_ID, short.as_bytes()),
        Err(_) => headers.push(CE_ID, id.to_string().as_bytes()),
    }
    headers.push(CE_SOURCE, source.as_bytes());
    headers.push(CE_TYPE, ce_type.as_bytes());
    if let Some(traceparent) = traceparent {
        headers.push(TRACEPARENT, traceparent.as_bytes());
    }
    headers
}

/// The bytes of a message's value.
///
/// Panics never in practice: the contracts' types have string keys and no failing `Serialize`.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(VALUE_BYTES);
    #[expect(
        clippy::expect_used,
        reason = "contract types serialize to memory without failure"
    )]
    json::write(&mut bytes, value).expect("contract types always serialize");
    bytes
}

/// A message's data, encoded before its envelope is known: it stands in it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded(String);

impl Encoded {
    /// Of a contract's type, as [`encode`] writes it.
    pub fn of<T: Serialize>(data: &T) -> Self {
        #[expect(clippy::expect_used, reason = "JSON is UTF-8")]
        let text = String::from_utf8(encode(data)).expect("what is encoded is text");
        Self(text)
    }
}

/// As serde_json's own raw values, which are made by serde_json only, and more slowly.
impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct(json::RAW, 1)?;
        raw.serialize_field(json::RAW, &self.0)?;
        raw.end()
    }
}

/// Reads a value that stands alone, such as a snapshot's header or a test's literal.
pub fn decode<'d, T: Deserialize<'d>>(bytes: &'d [u8]) -> Result<T, DecodeError> {
    json::read(bytes).map_err(|error| DecodeError::malformed(&error))
}
