use std::{fmt, io, path::PathBuf};

use tributary_history::Position;

/// Why there is nothing to be had from a file at all.
#[derive(Debug, thiserror::Error)]
pub enum HandbookError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{0}: no such file")]
    MissingFile(PathBuf),
    #[error("{0}: neither a .csv nor a .csv.zst file")]
    UnknownKind(PathBuf),
    #[error("{0}: the first line is not the header of such a file, expected {expected}", expected = super::HEADER)]
    BadHeader(PathBuf),
}

impl HandbookError {
    /// Stable code, listed in `docs/fraud.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "HANDBOOK_IO",
            Self::MissingFile(_) => "HANDBOOK_MISSING_FILE",
            Self::UnknownKind(_) => "HANDBOOK_UNKNOWN_KIND",
            Self::BadHeader(_) => "HANDBOOK_BAD_HEADER",
        }
    }
}

/// What is wrong with a row. No text repeats a value of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the line is longer than any row can be")]
    LineTooLong,
    #[error("the line is not UTF-8")]
    Encoding,
    #[error("{0} fields instead of 7")]
    FieldCount(usize),
    #[error("the transaction's id is not a number")]
    TransactionId,
    #[error("the time is not one of the form YYYY-MM-DD hh:mm:ss, from 1970 on")]
    Time,
    #[error("the customer's id is not a number of 32 bits")]
    Customer,
    #[error("the terminal's id is not a number of 32 bits")]
    Terminal,
    #[error("the amount is not a decimal number without sign, of two decimals but for the noise of floats")]
    Amount,
    #[error("the fraud label is neither 0 nor 1")]
    Label,
    #[error("the fraud scenario is not a number")]
    Scenario,
    #[error("the transaction's id is already that of line {0}")]
    DuplicateTransaction(u64),
}

impl Fault {
    /// Stable code, listed in `docs/fraud.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LineTooLong => "HANDBOOK_LINE_TOO_LONG",
            Self::Encoding => "HANDBOOK_BAD_ENCODING",
            Self::FieldCount(_) => "HANDBOOK_FIELD_COUNT",
            Self::TransactionId => "HANDBOOK_BAD_TRANSACTION_ID",
            Self::Time => "HANDBOOK_BAD_TIME",
            Self::Customer => "HANDBOOK_BAD_CUSTOMER",
            Self::Terminal => "HANDBOOK_BAD_TERMINAL",
            Self::Amount => "HANDBOOK_BAD_AMOUNT",
            Self::Label => "HANDBOOK_BAD_LABEL",
            Self::Scenario => "HANDBOOK_BAD_SCENARIO",
            Self::DuplicateTransaction(_) => "HANDBOOK_DUPLICATE_TRANSACTION",
        }
    }
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    pub position: Position,
    pub fault: Fault,
}

/// `transactions.csv:17: HANDBOOK_BAD_LABEL: the fraud label is neither 0 nor 1`
impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.position, self.fault.code(), self.fault)
    }
}
