//! What can be wrong with a history: as a whole ([`HistoryError`]) and with one row of it ([`BadRow`]).

use std::{fmt, io, path::PathBuf, sync::Arc};

/// Why there is no history to be had at all.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{0}: no such file")]
    MissingFile(PathBuf),
    #[error("{0}: the file is empty, not even a header is there")]
    EmptyFile(PathBuf),
    #[error("{path}: the first line is not the header of such a file, expected {expected}")]
    BadHeader { path: PathBuf, expected: String },
    #[error(
        "{path}: the history is of version {found}, this program reads version {}",
        crate::FORMAT_VERSION
    )]
    UnsupportedVersion { path: PathBuf, found: u64 },
    #[error("{0}: neither a directory of .asc files nor a .jsonl or .jsonl.zst file")]
    UnknownKind(PathBuf),
    #[error("{0}: no transactions here, expected trans.asc or trans_<period>.asc")]
    NoTransactions(PathBuf),
    #[error("{0}: the file changed while it was read")]
    Changed(Position),
    #[error("{path}: the labels are of {found}, the history is of {expected}")]
    LabelsOfAnother {
        path: PathBuf,
        found: String,
        expected: String,
    },
    #[error("{position}: {what}")]
    BadLabel { position: Position, what: &'static str },
}

impl HistoryError {
    /// Stable code, listed in `docs/histories.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "HISTORY_IO",
            Self::MissingFile(_) => "HISTORY_MISSING_FILE",
            Self::EmptyFile(_) => "HISTORY_EMPTY_FILE",
            Self::BadHeader { .. } => "HISTORY_BAD_HEADER",
            Self::UnsupportedVersion { .. } => "HISTORY_UNSUPPORTED_VERSION",
            Self::UnknownKind(_) => "HISTORY_UNKNOWN_KIND",
            Self::NoTransactions(_) => "HISTORY_NO_TRANSACTIONS",
            Self::Changed(_) => "HISTORY_CHANGED",
            Self::LabelsOfAnother { .. } => "HISTORY_LABELS_OF_ANOTHER",
            Self::BadLabel { .. } => "HISTORY_BAD_LABEL",
        }
    }
}

/// A line of a file; the header is line 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The file's name without its directory.
    pub file: Arc<str>,
    pub line: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A row that isn't part of the history because something is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    pub position: Position,
    /// The account's name at the source, where it could be read.
    pub account: Option<String>,
    pub fault: Fault,
}

impl BadRow {
    /// Stable code, listed in `docs/histories.md`.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }
}

/// `trans_1993.asc:17: HISTORY_BAD_DATE: the date is not a day in the form YYMMDD (account berka/576)`
impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.position, self.code(), self.fault)?;
        match &self.account {
            Some(account) => write!(f, " (account {account})"),
            None => Ok(()),
        }
    }
}

/// A row that nothing is known to be wrong with, but which stands behind a bad row of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    pub position: Position,
    pub account: String,
    /// The bad row.
    pub behind: Position,
}

/// `trans_1993.asc:19: HISTORY_PARKED: behind trans_1993.asc:17 (account berka/576)`
impl fmt::Display for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position,
            account,
            behind,
        } = self;
        write!(
            f,
            "{position}: HISTORY_PARKED: behind {behind} (account {account})"
        )
    }
}

/// What is wrong with a row. No text repeats an amount, a name or an outside account: a report may be shown around.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the line is not UTF-8")]
    Encoding,
    #[error("the line is longer than any row can be")]
    LineTooLong,
    #[error("a quote is not closed")]
    Quoting,
    #[error("{found} fields instead of {expected}")]
    FieldCount { found: usize, expected: usize },
    #[error("the transaction's id is not a number")]
    TransactionId,
    #[error("the account's id is not a number")]
    AccountId,
    #[error("the date is not a day in the form YYMMDD")]
    Date,
    #[error("the date lies before the account's opening")]
    BeforeOpening,
    #[error("the amount is not a decimal number of at most two decimals, without sign")]
    Amount,
    #[error("the balance is not a decimal number of at most two decimals")]
    Balance,
    #[error("the type is none of PRIJEM, VYDAJ, VYBER")]
    Type,
    #[error("the operation is none of those known")]
    Operation,
    #[error("the k_symbol is none of those known")]
    Symbol,
    #[error("type, operation and k_symbol contradict one another")]
    Contradiction,
    #[error("the bank is not a code of two capital letters")]
    Bank,
    #[error("the counterparty's account is not a number")]
    CounterpartyAccount,
    #[error("the transaction's id is already that of {0}")]
    DuplicateTransaction(Position),
    #[error("the account is not in account.asc")]
    UnknownAccount,
    #[error("the account's id is already that of {0}")]
    DuplicateAccount(Position),
    #[error("no owner of the account is in disp.asc")]
    NoOwner,
    #[error("the account already has the owner of {0}")]
    DuplicateOwner(Position),
    #[error("the client's id is not a number")]
    ClientId,
    #[error("the district's id is not a number")]
    DistrictId,
    #[error("the disposition's type is none of OWNER, DISPONENT")]
    DispositionType,
    #[error(
        "the recorded balance does not follow from the account's rows before it: amount or balance is wrong, or a row is missing or too many"
    )]
    BalanceMismatch,
    #[error(
        "one of {0} rows of this account that contradict one another: their recorded balances fit in no order"
    )]
    BalanceMismatchAmong(usize),
    #[error("the account has too many rows on this day to find their order")]
    OrderUndecided,
    #[error("not a row of this format: {0}")]
    Format(String),
    #[error("the account is not open at this row")]
    NotOpen,
    #[error("the account is already open")]
    AlreadyOpen,
    #[error("the sequence is not above the account's last one")]
    Sequence,
    #[error("date or time lie before those of the account's last row")]
    DateOrder,
    #[error("the amount must be positive here")]
    NotPositive,
    #[error("debtor and creditor are the same account")]
    SameAccount,
    #[error("the two accounts are kept in different currencies")]
    CurrencyMismatch,
    #[error("the hold is unknown or used up")]
    UnknownHold,
    #[error("the hold's name is already taken")]
    DuplicateHold,
    #[error("more is settled than is held")]
    HoldExceeded,
    #[error("the balance leaves the range of 64 bits")]
    Overflow,
    #[error("it reverses no earlier row")]
    ReversalOfLater,
    #[error("a standing order of this name was there before")]
    DuplicateOrder,
    #[error("the day of the month is not 1 to 31")]
    DayOfMonth,
}

impl Fault {
    /// Stable code, listed in `docs/histories.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encoding => "HISTORY_BAD_ENCODING",
            Self::LineTooLong => "HISTORY_LINE_TOO_LONG",
            Self::Quoting => "HISTORY_BAD_QUOTING",
            Self::FieldCount { .. } => "HISTORY_FIELD_COUNT",
            Self::TransactionId => "HISTORY_BAD_TRANSACTION_ID",
            Self::AccountId => "HISTORY_BAD_ACCOUNT_ID",
            Self::Date => "HISTORY_BAD_DATE",
            Self::BeforeOpening => "HISTORY_BEFORE_OPENING",
            Self::Amount => "HISTORY_BAD_AMOUNT",
            Self::Balance => "HISTORY_BAD_BALANCE",
            Self::Type => "HISTORY_UNKNOWN_TYPE",
            Self::Operation => "HISTORY_UNKNOWN_OPERATION",
            Self::Symbol => "HISTORY_UNKNOWN_SYMBOL",
            Self::Contradiction => "HISTORY_CONTRADICTION",
            Self::Bank => "HISTORY_BAD_BANK",
            Self::CounterpartyAccount => "HISTORY_BAD_COUNTERPARTY",
            Self::DuplicateTransaction(_) => "HISTORY_DUPLICATE_TRANSACTION",
            Self::UnknownAccount => "HISTORY_UNKNOWN_ACCOUNT",
            Self::DuplicateAccount(_) => "HISTORY_DUPLICATE_ACCOUNT",
            Self::NoOwner => "HISTORY_NO_OWNER",
            Self::DuplicateOwner(_) => "HISTORY_DUPLICATE_OWNER",
            Self::ClientId => "HISTORY_BAD_CLIENT_ID",
            Self::DistrictId => "HISTORY_BAD_DISTRICT_ID",
            Self::DispositionType => "HISTORY_UNKNOWN_DISPOSITION",
            Self::BalanceMismatch | Self::BalanceMismatchAmong(_) => "HISTORY_BALANCE_MISMATCH",
            Self::OrderUndecided => "HISTORY_ORDER_UNDECIDED",
            Self::Format(_) => "HISTORY_BAD_FORMAT",
            Self::NotOpen => "HISTORY_NOT_OPEN",
            Self::AlreadyOpen => "HISTORY_ALREADY_OPEN",
            Self::Sequence => "HISTORY_BAD_SEQUENCE",
            Self::DateOrder => "HISTORY_DATE_ORDER",
            Self::NotPositive => "HISTORY_NOT_POSITIVE",
            Self::SameAccount => "HISTORY_SAME_ACCOUNT",
            Self::CurrencyMismatch => "HISTORY_CURRENCY_MISMATCH",
            Self::UnknownHold => "HISTORY_UNKNOWN_HOLD",
            Self::DuplicateHold => "HISTORY_DUPLICATE_HOLD",
            Self::HoldExceeded => "HISTORY_HOLD_EXCEEDED",
            Self::Overflow => "HISTORY_OVERFLOW",
            Self::ReversalOfLater => "HISTORY_REVERSAL_OF_LATER",
            Self::DuplicateOrder => "HISTORY_DUPLICATE_ORDER",
            Self::DayOfMonth => "HISTORY_BAD_DAY_OF_MONTH",
        }
    }
}
