//! The published files: fields between semicolons, text in quotes, a header, CRLF.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    fault::{Fault, HistoryError, Position},
    lines::Lines,
};

/// Longest line, in bytes. Real ones have some 90.
const LINE_LENGTH_MAX: usize = 1_000;
const FIELDS_MAX: usize = 32;
/// What editors write in front of a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A published file whose header is as expected.
///
/// Each line is parsed on its own, since no field spans lines: a quote that isn't closed spoils its own line only.
pub(super) struct Table {
    path: PathBuf,
    name: Arc<str>,
    lines: Lines<BufReader<File>>,
    parser: Parser,
    columns: usize,
}

/// A line below the header.
pub(super) struct Record<'a> {
    pub(super) position: Position,
    /// What is wrong with the line as such; the fields then are what can be made out of it.
    pub(super) fault: Option<Fault>,
    pub(super) fields: Fields<'a>,
}

impl Table {
    /// Opens a file of `directory` and checks that its header names `columns`, in whatever letters.
    pub(super) fn open(directory: &Path, name: &str, columns: &[&str]) -> Result<Self, HistoryError> {
        let path = directory.join(name);
        let file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => HistoryError::MissingFile(path.clone()),
            _ => HistoryError::Io {
                path: path.clone(),
                error,
            },
        })?;
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, file), LINE_LENGTH_MAX);
        let mut parser = Parser::new();
        let header = lines.next_line().map_err(|error| HistoryError::Io {
            path: path.clone(),
            error,
        })?;
        let Some(header) = header else {
            return Err(HistoryError::EmptyFile(path));
        };
        let without_mark = |bytes| <[u8]>::strip_prefix(bytes, BYTE_ORDER_MARK).unwrap_or(bytes);
        let names = header.bytes.map(|bytes| parser.parse(without_mark(bytes)));
        let expected = |(fault, fields): &(Option<Fault>, Fields<'_>)| {
            fault.is_none()
                && fields.len() == columns.len()
                && (0..columns.len()).all(|i| {
                    fields
                        .text(i)
                        .is_some_and(|name| name.trim().eq_ignore_ascii_case(columns[i]))
                })
        };
        if !names.as_ref().is_some_and(expected) {
            return Err(HistoryError::BadHeader {
                path,
                expected: columns.join(";"),
            });
        }
        Ok(Self {
            path,
            name: name.into(),
            lines,
            parser,
            columns: columns.len(),
        })
    }

    /// The next line below the header.
    pub(super) fn next_record(&mut self) -> Result<Option<Record<'_>>, HistoryError> {
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
        let (mut fault, fields) = self.parser.parse(line.bytes.unwrap_or_default());
        if line.bytes.is_none() {
            fault = Some(Fault::LineTooLong);
        } else if fault.is_none() && fields.len() != self.columns {
            fault = Some(Fault::FieldCount {
                found: fields.len(),
                expected: self.columns,
            });
        }
        Ok(Some(Record {
            position,
            fault,
            fields,
        }))
    }
}

/// Names of the files of `directory` that hold transactions, in their order.
pub(super) fn transaction_files(directory: &Path) -> Result<Vec<String>, HistoryError> {
    let io = |error| HistoryError::Io {
        path: directory.to_owned(),
        error,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("trans") && name.ends_with(".asc") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        return Err(HistoryError::NoTransactions(directory.to_owned()));
    }
    Ok(names)
}

/// The fields of a line, without quotes.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl Fields<'_> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Field `index` from 0; None when it isn't there or isn't UTF-8.
    pub(super) fn text(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        str::from_utf8(&self.bytes[start..end]).ok()
    }

    /// Field `index` as a number of digits only.
    pub(super) fn number<N: std::str::FromStr>(&self, index: usize) -> Option<N> {
        let digits = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        self.text(index).filter(digits).and_then(|text| text.parse().ok())
    }
}

struct Parser {
    csv: csv_core::Reader,
    output: Vec<u8>,
    ends: [usize; FIELDS_MAX],
}

impl Parser {
    fn new() -> Self {
        Self {
            csv: csv_core::ReaderBuilder::new()
                .delimiter(b';')
                .terminator(csv_core::Terminator::Any(b'\n'))
                .build(),
            output: vec![0; LINE_LENGTH_MAX],
            ends: [0; FIELDS_MAX],
        }
    }

    /// The fields of one line, and what is wrong with them. A line that nothing can be made of has no fields.
    fn parse(&mut self, line: &[u8]) -> (Option<Fault>, Fields<'_>) {
        self.csv.reset();
        let (_, read, mut written, mut count) = self.csv.read_record(line, &mut self.output, &mut self.ends);
        let (result, _, more, fields) = self.csv.read_record(
            &line[read..],
            &mut self.output[written..],
            &mut self.ends[count..],
        );
        written += more;
        count += fields;
        let quotes = line.iter().filter(|byte| **byte == b'"').count();
        let closed = quotes.is_multiple_of(2) && result != csv_core::ReadRecordResult::OutputEndsFull;
        let fault = match str::from_utf8(line) {
            Err(_) => Some(Fault::Encoding),
            Ok(_) if !closed => Some(Fault::Quoting),
            Ok(_) => None,
        };
        (
            fault,
            Fields {
                bytes: &self.output[..written],
                ends: &self.ends[..count],
            },
        )
    }
}
