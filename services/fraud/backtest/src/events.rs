//! Events of the second hop in a file: JSON Lines, each what a record of `fraud-payees.events` holds.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tributary_contracts::{
    codec::{self, DecodeError},
    record::{Headers, Record},
};

use crate::BacktestError;

/// A line. Fields that are not known here are left alone, as those of events are.
#[derive(Serialize, Deserialize)]
struct EventLine<'a> {
    /// The CloudEvents type.
    #[serde(rename = "type")]
    ce_type: String,
    partition: i32,
    offset: i64,
    /// The record's value as it stands.
    #[serde(borrow)]
    event: &'a RawValue,
}

/// Writes a record of the topic as a line. What has no type or is no JSON can't be read by anybody and is left out: then it gives
/// false.
///
/// # Errors
/// When it can't be written.
pub fn write_line(out: &mut impl Write, record: &Record) -> io::Result<bool> {
    let (Ok(ce_type), Ok(event)) = (
        record.ce_type(),
        serde_json::from_slice::<&RawValue>(&record.value),
    ) else {
        return Ok(false);
    };
    let line = EventLine {
        ce_type: ce_type.to_owned(),
        partition: record.partition,
        offset: record.offset,
        event,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")?;
    Ok(true)
}

/// The records of a file.
pub struct EventLines {
    path: PathBuf,
    reader: BufReader<File>,
    line: u64,
    text: String,
}

impl EventLines {
    /// Opens a file.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(path: &Path) -> Result<Self, BacktestError> {
        let file = File::open(path).map_err(|error| BacktestError::Io {
            path: path.to_owned(),
            error,
        })?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::new(file),
            line: 0,
            text: String::new(),
        })
    }

    fn read(&mut self) -> Result<Option<Record>, BacktestError> {
        self.text.clear();
        self.line += 1;
        let read = self.reader.read_line(&mut self.text);
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => {
                return Err(BacktestError::Io {
                    path: self.path.clone(),
                    error,
                });
            }
        }
        let line: EventLine<'_> =
            serde_json::from_str(&self.text).map_err(|error| BacktestError::BadEvent {
                path: self.path.clone(),
                line: self.line,
                what: format!("no line of an event, at column {}", error.column()),
            })?;
        let mut headers = Headers::default();
        headers.push(codec::CE_TYPE, line.ce_type.as_bytes());
        Ok(Some(Record {
            partition: line.partition,
            offset: line.offset,
            timestamp_ms: 0,
            key: Vec::new(),
            headers,
            value: line.event.get().as_bytes().to_owned(),
        }))
    }

    /// Of the line that was read last.
    pub fn bad(&self, error: &DecodeError) -> BacktestError {
        BacktestError::BadEvent {
            path: self.path.clone(),
            line: self.line,
            what: error.to_string(),
        }
    }
}

impl Iterator for EventLines {
    type Item = Result<Record, BacktestError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
