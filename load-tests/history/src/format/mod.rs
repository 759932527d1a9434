//! The format that histories are published and stored in: JSON Lines, one row a line, the header first.
//!
//! A file `.jsonl` is plain, a file `.jsonl.zst` compressed. Both are read and written as streams.

mod check;
mod reader;
mod writer;

pub(crate) use check::check;
pub(crate) use reader::StoredHistory;
pub use reader::{FormatReader, Line, StoredRow};
pub use writer::Writer;

use std::path::Path;

use crate::fault::HistoryError;

/// Whether the file is compressed; an error when it is no file of this format by its name.
fn is_compressed(path: &Path) -> Result<bool, HistoryError> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    match (name.ends_with(".jsonl"), name.ends_with(".jsonl.zst")) {
        (true, _) => Ok(false),
        (_, true) => Ok(true),
        _ => Err(HistoryError::UnknownKind(path.to_owned())),
    }
}
