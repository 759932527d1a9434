//! Writes histories.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{is_compressed, reader::order_line};
use crate::{Header, HistoryRow, StandingOrder, fault::HistoryError};

/// Level of compression: beyond it files get little smaller and take much longer.
const ZSTD_LEVEL: i32 = 3;

/// Writes a history row by row. What isn't finished with [`Writer::finish`] is no history.
pub struct Writer {
    path: PathBuf,
    output: Output,
}

enum Output {
    Plain(BufWriter<File>),
    Compressed(Box<zstd::Encoder<'static, BufWriter<File>>>),
}

impl Writer {
    /// Creates or replaces the file, and writes the header. The name's ending decides on compression.
    ///
    /// # Errors
    /// When the name ends in neither `.jsonl` nor `.jsonl.zst`, or the file can't be written.
    pub fn create(path: &Path, header: &Header) -> Result<Self, HistoryError> {
        let compressed = is_compressed(path)?;
        let io = |error| HistoryError::Io {
            path: path.to_owned(),
            error,
        };
        let file = BufWriter::new(File::create(path).map_err(io)?);
        let output = if compressed {
            Output::Compressed(Box::new(zstd::Encoder::new(file, ZSTD_LEVEL).map_err(io)?))
        } else {
            Output::Plain(file)
        };
        let mut writer = Self {
            path: path.to_owned(),
            output,
        };
        writer.write_line(header)?;
        Ok(writer)
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&mut self, row: &HistoryRow) -> Result<(), HistoryError> {
        self.write_line(row)
    }

    /// Appends a standing order.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write_order(&mut self, order: &StandingOrder) -> Result<(), HistoryError> {
        self.write_line(&order_line(order))
    }

    /// Writes what is buffered and syncs the file.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn finish(self) -> Result<(), HistoryError> {
        let Self { path, output } = self;
        let buffered = match output {
            Output::Plain(file) => Ok(file),
            Output::Compressed(encoder) => encoder.finish(),
        };
        buffered
            .and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error))
            .and_then(|file| file.sync_all())
            .map_err(|error| HistoryError::Io { path, error })
    }

    fn write_line(&mut self, value: &impl Serialize) -> Result<(), HistoryError> {
        let output: &mut dyn Write = match &mut self.output {
            Output::Plain(file) => file,
            Output::Compressed(encoder) => encoder,
        };
        serde_json::to_writer(&mut *output, value)
            .map_err(io::Error::from)
            .and_then(|()| output.write_all(b"\n"))
            .map_err(|error| HistoryError::Io {
                path: self.path.clone(),
                error,
            })
    }
}
