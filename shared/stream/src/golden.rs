//! Golden logs: what finds out that an older snapshot would be misread.
//!
//! Each service keeps a fixed log of its own events, in which every type of event occurs. Folded, it gives a state, and the
//! digests of that state stand in the service's code ([`Service::GOLDEN`]) and in the key of its snapshots. A fold that
//! changed, or a state laid out anew, gives other digests: a test fails until they are written down, and with them the
//! key is another one. So a snapshot is never read by a fold that would not have made it, also if nobody remembered to
//! raise a number.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use tributary_contracts::{
    codec::{CE_TYPE, Message},
    record::{Headers, Record},
};

use crate::{
    service::{Corrupt, Service},
    state::PartitionState,
};

/// Set in the environment, [`check`] writes the golden log anew.
pub const UPDATE: &str = "UPDATE_GOLDEN_LOG";

/// Digests of the state that a service's golden log folds to: XXH3 in 128 bits, hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Golden {
    /// Of the state's schema: names and kinds of all its fields.
    pub schema: &'static str,
    /// Of the state itself: field by field, and byte by byte as in a snapshot.
    pub state: &'static str,
}

/// What is wrong with a golden log or its digests.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    #[error("{file}: {error}. A golden log is written anew with {UPDATE}=1")]
    File { file: String, error: std::io::Error },
    #[error("line {line} is no event: {error}")]
    Line { line: usize, error: serde_json::Error },
    #[error("an event can't be written down: {0}")]
    Unwritable(String),
    #[error("the golden log can't be folded any more, and no log of this age: {0}")]
    Corrupt(#[from] Corrupt),
    #[error("the state can't be written down: {0}")]
    Unserialisable(String),
    #[error(
        "no event of these types is in the golden log: {missing:?}. Let the test that makes it lead to them, and write it \
         anew with {UPDATE}=1"
    )]
    Incomplete { missing: Vec<String> },
    #[error(
        "the golden log folds to another state than before: {what}. If that is meant, raise FOLD_VERSION of {service} \
         (RUNTIME_FOLD_VERSION where it is the runtime's own fold), and write down:\n\n    const GOLDEN: Golden = Golden {{\n        \
         schema: \"{schema}\",\n        state: \"{state}\",\n    }};\n"
    )]
    Changed {
        service: &'static str,
        what: &'static str,
        schema: String,
        state: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Line {
    partition: i32,
    offset: i64,
    timestamp_ms: i64,
    key: String,
    headers: Vec<(String, String)>,
    value: Box<RawValue>,
}

/// Events as text, one a line.
///
/// # Errors
/// When a key, header or value is no text, as those of events are.
pub fn write(records: &[Record]) -> Result<String, GoldenError> {
    let unwritable = |error: &dyn std::fmt::Display| GoldenError::Unwritable(error.to_string());
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|error| unwritable(&error))
    };
    let mut lines = String::new();
    for record in records {
        let headers: Result<_, GoldenError> = record
            .headers
            .iter()
            .map(|(name, value)| Ok((name.to_owned(), text(value)?)))
            .collect();
        let line = Line {
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: text(&record.key)?,
            headers: headers?,
            value: serde_json::from_slice(&record.value).map_err(|error| unwritable(&error))?,
        };
        let line = serde_json::to_string(&line).map_err(|error| unwritable(&error))?;
        lines.push_str(&line);
        lines.push('\n');
    }
    Ok(lines)
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// When a line is nothing that it writes.
pub fn read(text: &str) -> Result<Vec<Record>, GoldenError> {
    let record = |(index, line): (usize, &str)| {
        let line: Line = serde_json::from_str(line).map_err(|error| GoldenError::Line {
            line: index + 1,
            error,
        })?;
        let mut headers = Headers::default();
        for (name, value) in &line.headers {
            headers.push(name, value.as_bytes());
        }
        Ok(Record {
            partition: line.partition,
            offset: line.offset,
            timestamp_ms: line.timestamp_ms,
            key: line.key.into_bytes(),
            headers,
            value: line.value.get().as_bytes().to_vec(),
        })
    };
    text.lines().enumerate().map(record).collect()
}

/// Folds events as a restore does.
///
/// # Errors
/// When the fold doesn't take them.
pub fn fold<S: Service>(records: &[Record]) -> Result<Vec<PartitionState<S>>, Corrupt> {
    let mut partitions: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
    for record in records {
        partitions
            .entry(record.partition)
            .or_default()
            .push(record.clone());
    }
    let state = |(partition, records): (i32, Vec<Record>)| {
        let next = records.last().map_or(0, |record| record.offset + 1);
        let mut state = PartitionState::new(partition);
        state.restore(&records, next)?;
        Ok(state)
    };
    partitions.into_iter().map(state).collect()
}

/// Digests of the schema and of the content of the states of all partitions. They must have nothing uncommitted.
///
/// # Errors
/// When the state has a form that JSON or a snapshot has not.
pub fn digests<T: Serialize>(states: &[T]) -> Result<(String, String), GoldenError> {
    let unserialisable = |error: &dyn std::fmt::Display| GoldenError::Unserialisable(error.to_string());
    let named = serde_json::to_vec(states).map_err(|error| unserialisable(&error))?;
    let bare = postcard::to_stdvec(states).map_err(|error| unserialisable(&error))?;
    let value: Value = serde_json::from_slice(&named).map_err(|error| unserialisable(&error))?;
    let mut fields = BTreeSet::new();
    schema_of(&value, &mut String::new(), &mut fields);
    let mut schema = xxhash_rust::xxh3::Xxh3::new();
    for field in &fields {
        schema.update(field.as_bytes());
        schema.update(b"\n");
    }
    let mut state = xxhash_rust::xxh3::Xxh3::new();
    state.update(&named);
    state.update(&bare);
    Ok((
        format!("{:032x}", schema.digest128()),
        format!("{:032x}", state.digest128()),
    ))
}

/// Path and kind of every field. Elements of a sequence share a path, so that their number doesn't matter.
fn schema_of(value: &Value, path: &mut String, fields: &mut BTreeSet<String>) {
    let kind = match value {
        // Says nothing of what may stand here instead, which other elements do.
        Value::Null => "nothing",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "sequence",
        Value::Object(_) => "fields",
    };
    fields.insert(format!("{path}: {kind}"));
    let length = path.len();
    match value {
        Value::Array(elements) => {
            path.push_str("[]");
            for element in elements {
                schema_of(element, path, fields);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                // Writing to a string can't fail.
                let _written = write!(path, ".{name}");
                schema_of(member, path, fields);
                path.truncate(length);
            }
        }
        _ => {}
    }
    path.truncate(length);
}

/// That the golden log in `file` has every type of the service's events, and folds to the digests in its code. With
/// `UPDATE_GOLDEN_LOG` set, the file is first replaced by `driven`: events that the service writes today.
///
/// # Errors
/// What is wrong, and what to do about it.
pub fn check<S: Service>(file: &Path, driven: &[Record]) -> Result<(), GoldenError> {
    let failed = |error| GoldenError::File {
        file: file.display().to_string(),
        error,
    };
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(file, write(driven)?).map_err(failed)?;
    }
    let records = read(&std::fs::read_to_string(file).map_err(failed)?)?;
    let missing = missing_types::<S::Event>(&records);
    if !missing.is_empty() {
        return Err(GoldenError::Incomplete { missing });
    }
    let (schema, state) = digests(&fold::<S>(&records)?)?;
    let what = match (schema == S::GOLDEN.schema, state == S::GOLDEN.state) {
        (true, true) => return Ok(()),
        (true, false) => "its schema is the same, its content is not",
        (false, _) => "its schema has changed",
    };
    Err(GoldenError::Changed {
        service: S::NAMES.service,
        what,
        schema,
        state,
    })
}

/// Types of these messages that none of the records has.
pub fn missing_types<M: Message>(records: &[Record]) -> Vec<String> {
    let there: BTreeSet<&str> = records
        .iter()
        .filter_map(|record| record.headers.text(CE_TYPE))
        .collect();
    M::TYPES
        .iter()
        .filter(|ce_type| !there.contains(*ce_type))
        .map(|ce_type| (*ce_type).to_owned())
        .collect()
}
