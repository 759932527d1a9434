//! Reads histories line by line.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::is_compressed;
use crate::{
    FORMAT_VERSION, Header, HistoryRow, StandingOrder,
    fault::{Fault, HistoryError, Position},
    lines::Lines,
};

/// Longest line, in bytes.
const LINE_LENGTH_MAX: usize = 64 * 1024;

/// The first version that has standing orders.
const ORDERS_SINCE: u32 = 2;

/// The first version whose transfers have times.
const TIMES_SINCE: u32 = 3;

/// Reads a file of the format as a stream. Each row is looked at by itself only; [`crate::open_history`] checks that
/// the rows go together.
pub struct FormatReader {
    path: PathBuf,
    name: Arc<str>,
    lines: Lines<Box<dyn BufRead>>,
    version: u32,
}

/// What is said of a line whose fields are not those of its row.
const UNKNOWN_FIELD: &str = "a field is missing, unknown or of the wrong type";

/// What a line below the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Row(HistoryRow),
    Order(StandingOrder),
}

/// A standing order as it stands in a line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case")]
enum OrderLine<O> {
    Order(O),
}

/// The line of an order.
pub(super) fn order_line(order: &StandingOrder) -> impl Serialize {
    OrderLine::Order(order)
}

impl Line {
    fn parse(text: &str, version: u32) -> Result<Self, (Fault, Vec<String>)> {
        // Orders are few: a line is taken for a row first.
        let error = match serde_json::from_str(text) {
            Ok(HistoryRow::Transfer(row)) if row.time.is_some() && version < TIMES_SINCE => {
                return Err((Fault::Format(UNKNOWN_FIELD.to_owned()), vec![row.from, row.to]));
            }
            Ok(row) => return Ok(Self::Row(row)),
            Err(error) => error,
        };
        if version < ORDERS_SINCE {
            return Err(malformed(text, &error));
        }
        match serde_json::from_str(text) {
            Ok(OrderLine::Order(order)) => Ok(Self::Order(order)),
            Err(_) => Err(malformed(text, &error)),
        }
    }
}

/// A line below the header.
pub struct StoredRow {
    pub position: Position,
    /// The row, or what is wrong with the line and the accounts whose rows it seems to be one of.
    pub row: Result<Line, (Fault, Vec<String>)>,
}

impl FormatReader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When the file can't be read, isn't of this format or of another version.
    pub fn open(path: &Path) -> Result<(Header, Self), HistoryError> {
        let compressed = is_compressed(path)?;
        let io = |error| HistoryError::Io {
            path: path.to_owned(),
            error,
        };
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => HistoryError::MissingFile(path.to_owned()),
            _ => io(error),
        })?;
        if file.metadata().map_err(io)?.len() == 0 {
            return Err(HistoryError::EmptyFile(path.to_owned()));
        }
        let input: Box<dyn BufRead> = if compressed {
            Box::new(BufReader::new(zstd::Decoder::new(file).map_err(io)?))
        } else {
            Box::new(BufReader::new(file))
        };
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let mut lines = Lines::new(input, LINE_LENGTH_MAX);
        let Some(first) = lines.next_line().map_err(io)? else {
            return Err(HistoryError::EmptyFile(path.to_owned()));
        };
        let header = read_header(path, first.bytes.unwrap_or_default())?;
        let version = header.tributary_history;
        Ok((
            header,
            Self {
                path: path.to_owned(),
                name: name.into(),
                lines,
                version,
            },
        ))
    }

    fn read_row(&mut self) -> Result<Option<StoredRow>, HistoryError> {
        let line = self.lines.next_line().map_err(|error| HistoryError::Io {
            path: self.path.clone(),
            error,
        })?;
        let Some(line) = line else {
            return Ok(None);
        };
        let position = Position {
            file: Arc::clone(&self.name),
            line: line.number,
        };
        let row = match line.bytes.map(str::from_utf8) {
            None => Err((Fault::LineTooLong, Vec::new())),
            Some(Err(_)) => Err((Fault::Encoding, Vec::new())),
            Some(Ok(text)) => Line::parse(text, self.version),
        };
        Ok(Some(StoredRow { position, row }))
    }
}

impl Iterator for FormatReader {
    type Item = Result<StoredRow, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_row().transpose()
    }
}

fn read_header(path: &Path, line: &[u8]) -> Result<Header, HistoryError> {
    let bad_header = || HistoryError::BadHeader {
        path: path.to_owned(),
        expected: format!(r#"{{"tributary_history":{FORMAT_VERSION},"source":"…","currency":"…"}}"#),
    };
    let header: Value = serde_json::from_slice(line).map_err(|_| bad_header())?;
    match header.get("tributary_history").and_then(Value::as_u64) {
        Some(version) if (1..=u64::from(FORMAT_VERSION)).contains(&version) => {
            serde_json::from_value(header).map_err(|_| bad_header())
        }
        Some(found) => Err(HistoryError::UnsupportedVersion {
            path: path.to_owned(),
            found,
        }),
        None => Err(bad_header()),
    }
}

/// The fault says where the line stops making sense, and none of what stands there.
fn malformed(text: &str, error: &serde_json::Error) -> (Fault, Vec<String>) {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let text = |field: &&str| value.get(*field)?.as_str().map(str::to_owned);
    // An order moves no balance, so no row is missed where one is missing.
    let accounts: &[&str] = match text(&"row").as_deref() {
        Some("order") => &[],
        _ => &["account", "from", "to"],
    };
    let accounts = accounts.iter().filter_map(text).collect();
    let what = match error.classify() {
        serde_json::error::Category::Data => UNKNOWN_FIELD.to_owned(),
        _ => format!("no JSON from column {}", error.column()),
    };
    (Fault::Format(what), accounts)
}

/// A file that was checked, of which some lines are left out.
#[derive(Debug)]
pub(crate) struct StoredHistory {
    pub(super) path: PathBuf,
    /// Lines of bad and parked rows.
    pub(super) left_out: HashSet<u64>,
}

impl StoredHistory {
    /// Reads the file once more.
    pub(crate) fn rows(
        &self,
    ) -> Result<impl Iterator<Item = Result<(Position, HistoryRow), HistoryError>>, HistoryError> {
        let (_, reader) = FormatReader::open(&self.path)?;
        let row = |stored: Result<StoredRow, HistoryError>| match stored {
            Err(error) => Some(Err(error)),
            Ok(stored) if self.left_out.contains(&stored.position.line) => None,
            Ok(StoredRow {
                position,
                row: Ok(Line::Row(row)),
            }) => Some(Ok((position, row))),
            Ok(StoredRow {
                row: Ok(Line::Order(_)),
                ..
            }) => None,
            Ok(StoredRow { position, .. }) => Some(Err(HistoryError::Changed(position))),
        };
        Ok(reader.filter_map(row))
    }
}
