use std::{fmt, io, path::PathBuf};

use tributary_history::Position;

/// Why there is nothing to be had from a folder at all.
#[derive(Debug, thiserror::Error)]
pub enum AmlsimError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{0}: no such file, neither as it is nor as .zst")]
    MissingFile(PathBuf),
    #[error("{path}: the first line is not the header of such a file, expected {expected}")]
    BadHeader { path: PathBuf, expected: &'static str },
}

impl AmlsimError {
    /// Stable code, listed in `docs/laundering.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "AMLSIM_IO",
            Self::MissingFile(_) => "AMLSIM_MISSING_FILE",
            Self::BadHeader { .. } => "AMLSIM_BAD_HEADER",
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
    #[error("{0} fields instead of 4")]
    FieldCount(usize),
    #[error("the account's id is not a number of 32 bits")]
    Account,
    #[error("the label is neither 0 nor 1")]
    Label,
    #[error("the balance is not a decimal number without sign, of two decimals")]
    Balance,
    #[error("the step of the fraud is neither a number nor -1")]
    FraudStep,
    #[error("the value is not a decimal number above zero, of two decimals")]
    Value,
    #[error("the time is not a number of days up to 100,000")]
    Time,
    #[error("the account is already that of line {0}")]
    DuplicateAccount(u64),
    #[error("an account that nodes.csv doesn't have")]
    UnknownAccount,
}

impl Fault {
    /// Stable code, listed in `docs/laundering.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LineTooLong => "AMLSIM_LINE_TOO_LONG",
            Self::Encoding => "AMLSIM_BAD_ENCODING",
            Self::FieldCount(_) => "AMLSIM_FIELD_COUNT",
            Self::Account => "AMLSIM_BAD_ACCOUNT",
            Self::Label => "AMLSIM_BAD_LABEL",
            Self::Balance => "AMLSIM_BAD_BALANCE",
            Self::FraudStep => "AMLSIM_BAD_FRAUD_STEP",
            Self::Value => "AMLSIM_BAD_VALUE",
            Self::Time => "AMLSIM_BAD_TIME",
            Self::DuplicateAccount(_) => "AMLSIM_DUPLICATE_ACCOUNT",
            Self::UnknownAccount => "AMLSIM_UNKNOWN_ACCOUNT",
        }
    }
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    pub position: Position,
    pub fault: Fault,
}

/// `transactions.csv:17: AMLSIM_BAD_VALUE: the value is not ...`
impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.position, self.fault.code(), self.fault)
    }
}
