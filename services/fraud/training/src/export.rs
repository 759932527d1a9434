//! Features as the running service computed them, in a file: a row for each transaction, numbers as the shortest decimal text
//! that gives back every bit.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tributary_fraud_domain::{FEATURES, FeatureVector};

use crate::{handbook::Transaction, rows};

/// Fields of a line: the transaction's id and its features.
const FIELDS: usize = 1 + FEATURES.len();

/// zstd's own default.
const LEVEL: i32 = 3;

/// Why a file of features can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{0}: neither a .csv nor a .csv.zst file")]
    UnknownKind(PathBuf),
    #[error("{0}: the first line doesn't name this build's features in their versions")]
    OtherFeatures(PathBuf),
    #[error("{path}:{line}: not a transaction's id and {} finite numbers", FEATURES.len())]
    BadRow { path: PathBuf, line: u64 },
    #[error("{path}: {missing} of the transactions have no features")]
    MissingRows { path: PathBuf, missing: u64 },
}

impl ExportError {
    /// Stable code, listed in `docs/fraud.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "FEATURES_IO",
            Self::UnknownKind(_) => "FEATURES_UNKNOWN_KIND",
            Self::OtherFeatures(_) => "FEATURES_OTHER_VERSIONS",
            Self::BadRow { .. } => "FEATURES_BAD_ROW",
            Self::MissingRows { .. } => "FEATURES_MISSING_ROWS",
        }
    }
}

/// `transaction_id,amount.v1,weekend.v1,...`
fn header() -> String {
    let mut header = "transaction_id".to_owned();
    for feature in FEATURES {
        header.push_str(&format!(",{}.v{}", feature.name, feature.version));
    }
    header
}

/// Whether the file is a compressed one.
fn compressed(path: &Path) -> Result<bool, ExportError> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    match (name.ends_with(".csv.zst"), name.ends_with(".csv")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(ExportError::UnknownKind(path.to_owned())),
    }
}

/// Writes the features of transactions; those that have none are left out.
///
/// # Errors
/// When the file can't be written, or its name ends neither in `.csv` nor in `.csv.zst`.
pub fn write(
    path: &Path,
    transactions: &[Transaction],
    features: &[Option<FeatureVector>],
) -> Result<(), ExportError> {
    let compressed = compressed(path)?;
    let written = File::create(path).and_then(|file| {
        if !compressed {
            return write_to(BufWriter::new(file), transactions, features)?.flush();
        }
        let encoder = zstd::Encoder::new(file, LEVEL)?;
        let lines = write_to(BufWriter::new(encoder), transactions, features)?;
        lines.into_inner().map_err(|error| error.into_error())?.finish()?;
        Ok(())
    });
    written.map_err(|error| ExportError::Io {
        path: path.to_owned(),
        error,
    })
}

fn write_to<W: Write>(
    mut out: W,
    transactions: &[Transaction],
    features: &[Option<FeatureVector>],
) -> io::Result<W> {
    writeln!(out, "{}", header())?;
    for (transaction, features) in transactions.iter().zip(features) {
        let Some(features) = features else { continue };
        write!(out, "{}", transaction.id)?;
        for number in features.0 {
            write!(out, ",{number}")?;
        }
        writeln!(out)?;
    }
    Ok(out)
}

/// Reads the features of these transactions, in their order. Others of the file are passed over.
///
/// # Errors
/// When the file can't be read, is of another build's features, has a bad row, or lacks a transaction.
pub fn read(path: &Path, transactions: &[Transaction]) -> Result<Vec<FeatureVector>, ExportError> {
    let io = |error| ExportError::Io {
        path: path.to_owned(),
        error,
    };
    let mut lines = rows::open(path, compressed(path)?).map_err(io)?;
    let first = lines.next_line().map_err(io)?.and_then(|line| line.bytes);
    if first != Some(header().as_bytes()) {
        return Err(ExportError::OtherFeatures(path.to_owned()));
    }
    let places: HashMap<u64, usize> = transactions
        .iter()
        .enumerate()
        .map(|(place, transaction)| (transaction.id, place))
        .collect();
    let mut found: Vec<Option<FeatureVector>> = vec![None; transactions.len()];
    while let Some(line) = lines.next_line().map_err(io)? {
        let bad = || ExportError::BadRow {
            path: path.to_owned(),
            line: line.number,
        };
        let (id, features) = line.bytes.and_then(read_row).ok_or_else(bad)?;
        let Some(place) = places.get(&id) else { continue };
        if found[*place].replace(features).is_some() {
            return Err(bad());
        }
    }
    let missing = found.iter().filter(|features| features.is_none()).count() as u64;
    if missing > 0 {
        return Err(ExportError::MissingRows {
            path: path.to_owned(),
            missing,
        });
    }
    Ok(found.into_iter().flatten().collect())
}

fn read_row(line: &[u8]) -> Option<(u64, FeatureVector)> {
    let fields: [&str; FIELDS] = rows::fields(str::from_utf8(line).ok()?).ok()?;
    let mut features = FeatureVector([0.0; FEATURES.len()]);
    for (place, text) in features.0.iter_mut().zip(&fields[1..]) {
        *place = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    }
    Some((fields[0].parse().ok()?, features))
}
