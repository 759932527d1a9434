//! JSON in few steps: to every message what serde_json is, only faster.
//!
//! What is written is serde_json's own text, byte for byte. What is read is read by a reader that knows the usual form
//! only and gives up at everything else; then serde_json reads it, and its word is final, also on what is wrong. So the
//! reader has one duty: what it takes, serde_json takes as well, with the same value. Tests hold both to it.

mod data;
mod read;
mod write;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::codec::Typed;
pub use data::Data;
use read::{Reader, plain_text};
pub(crate) use write::RAW;
use write::Writer;

/// Not in the usual form, or wrong: serde_json will tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GiveUp;

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not in the usual form")
    }
}

impl std::error::Error for GiveUp {}

impl serde::de::Error for GiveUp {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl serde::ser::Error for GiveUp {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads a value, as [`serde_json::from_slice`] does.
pub(crate) fn read<'d, T: Deserialize<'d>>(json: &'d [u8]) -> Result<T, serde_json::Error> {
    read_usual(json, "", |reader| T::deserialize(reader)).or_else(|GiveUp| serde_json::from_slice(json))
}

/// Reads the data of a message of that type, as [`serde_json::from_str`] does.
pub(crate) fn read_typed<M: Typed>(ce_type: &str, json: &str) -> Result<M, serde_json::Error> {
    read_usual(json.as_bytes(), ce_type, |reader| M::read(ce_type, reader)).or_else(|GiveUp| {
        let mut reader = serde_json::Deserializer::from_str(json);
        let message = M::read(ce_type, &mut reader)?;
        reader.end().map(|()| message)
    })
}

/// Reads an envelope around [`Data`] of that type in one pass. None: it is malformed or unusual, or its data is.
pub(crate) fn read_envelope<'d, T: Deserialize<'d>>(ce_type: &'d str, json: &'d [u8]) -> Option<T> {
    read_usual(json, ce_type, |reader| T::deserialize(reader)).ok()
}

fn read_usual<'d, T>(
    json: &'d [u8],
    ce_type: &'d str,
    read: impl FnOnce(&mut Reader<'d>) -> Result<T, GiveUp>,
) -> Result<T, GiveUp> {
    let mut reader = Reader::new(json, ce_type)?;
    let value = read(&mut reader)?;
    reader.end().map(|()| value)
}

/// Appends a value's JSON, as [`serde_json::to_writer`] does.
pub(crate) fn write<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) -> Result<(), serde_json::Error> {
    let start = bytes.len();
    value.serialize(&mut Writer { bytes }).or_else(|GiveUp| {
        bytes.truncate(start);
        serde_json::to_writer(bytes, value)
    })
}
