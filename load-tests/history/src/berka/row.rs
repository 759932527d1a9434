//! One row of a file of transactions, read strictly.

use chrono::NaiveDate;
use tributary_money::{Currency, Money};

use super::files::{Fields, Record};
use crate::{Contra, fault::Fault};

pub(super) const COLUMNS: [&str; 10] = [
    "trans_id",
    "account_id",
    "date",
    "type",
    "operation",
    "amount",
    "balance",
    "k_symbol",
    "bank",
    "account",
];

/// Code that stands for the bank of a transfer that names none.
pub const UNNAMED_BANK: &str = "UNKNOWN";

/// Most that an amount or a balance can be, in haler: far above any account, far below where sums overflow.
const HALER_MAX: u64 = 1_000_000_000_000_000;

/// A row that is well-formed. Amounts are haler, 1/100 CZK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) id: u64,
    pub(super) account: u32,
    pub(super) date: NaiveDate,
    /// Positive credits the customer.
    pub(super) amount: i64,
    /// Recorded balance after the row.
    pub(super) balance: i64,
    pub(super) kind: Kind,
    pub(super) bank: Option<[u8; 2]>,
    /// Personal data.
    pub(super) counterparty: Option<Box<str>>,
    /// Index of the file.
    pub(super) file: u16,
    pub(super) line: u32,
}

/// What is wrong with a row, and what of it can be relied on all the same.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) fault: Fault,
    pub(super) account: Option<u32>,
    pub(super) date: Option<NaiveDate>,
}

/// Type, operation and k_symbol, as indexes into the lists of what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    direction: u8,
    operation: u8,
    symbol: u8,
}

const DIRECTIONS: [&str; 3] = ["PRIJEM", "VYDAJ", "VYBER"];
const OPERATIONS: [&str; 6] = [
    "",
    "VKLAD",
    "PREVOD Z UCTU",
    "VYBER",
    "VYBER KARTOU",
    "PREVOD NA UCET",
];
/// The operations from the first to this one bring money, the others take it.
const LAST_CREDIT: u8 = 2;
const TRANSFERS: [&str; 2] = ["PREVOD Z UCTU", "PREVOD NA UCET"];
const SYMBOLS: [&str; 8] = [
    "",
    "UROK",
    "SANKC. UROK",
    "SLUZBY",
    "SIPO",
    "DUCHOD",
    "POJISTNE",
    "UVER",
];

fn index_of(known: &[&str], text: &str) -> Option<u8> {
    let index = known.iter().position(|word| *word == text)?;
    u8::try_from(index).ok()
}

impl Kind {
    fn read(fields: &Fields<'_>) -> Result<Self, Fault> {
        let text = |index| fields.text(index).unwrap_or_default();
        let kind = Self {
            direction: index_of(&DIRECTIONS, text(3)).ok_or(Fault::Type)?,
            operation: index_of(&OPERATIONS, text(4)).ok_or(Fault::Operation)?,
            // Published files have a blank in some rows, nothing in others.
            symbol: index_of(&SYMBOLS, text(7).trim()).ok_or(Fault::Symbol)?,
        };
        let brings = kind.operation <= LAST_CREDIT;
        let without_operation = kind.operation == 0 && kind.symbol() != "UROK";
        if brings != kind.is_credit() || without_operation {
            return Err(Fault::Contradiction);
        }
        Ok(kind)
    }

    fn is_credit(self) -> bool {
        self.direction == 0
    }

    fn operation(self) -> &'static str {
        OPERATIONS[usize::from(self.operation)]
    }

    fn symbol(self) -> &'static str {
        SYMBOLS[usize::from(self.symbol)]
    }

    /// `VYDAJ/PREVOD NA UCET/SIPO`
    pub(super) fn text(self) -> String {
        let words = [
            DIRECTIONS[usize::from(self.direction)],
            self.operation(),
            self.symbol(),
        ];
        words
            .iter()
            .filter(|word| !word.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join("/")
    }
}

impl Transaction {
    /// Reads a record of file number `file`.
    pub(super) fn read(record: &Record<'_>, file: u16, currency: Currency) -> Result<Self, Malformed> {
        let fields = &record.fields;
        // A field that the line ends with may be cut off, one that another follows is whole.
        let account = if fields.len() > 2 { fields.number(1) } else { None };
        let date = if fields.len() > 3 {
            fields.text(2).and_then(read_date)
        } else {
            None
        };
        let malformed = |fault| Malformed { fault, account, date };
        if let Some(fault) = &record.fault {
            return Err(malformed(fault.clone()));
        }
        let kind = Kind::read(fields).map_err(malformed)?;
        let amount = read_haler(fields.text(5), currency)
            .filter(|amount| *amount >= 0 && fields.text(5).is_some_and(|text| !text.starts_with('-')))
            .ok_or_else(|| malformed(Fault::Amount))?;
        Ok(Self {
            id: fields.number(0).ok_or_else(|| malformed(Fault::TransactionId))?,
            account: account.ok_or_else(|| malformed(Fault::AccountId))?,
            date: date.ok_or_else(|| malformed(Fault::Date))?,
            amount: if kind.is_credit() { amount } else { -amount },
            balance: read_haler(fields.text(6), currency).ok_or_else(|| malformed(Fault::Balance))?,
            kind,
            bank: read_bank(fields.text(8)).map_err(malformed)?,
            counterparty: read_counterparty(fields.text(9)).map_err(malformed)?,
            file,
            line: u32::try_from(record.position.line).map_err(|_| malformed(Fault::LineTooLong))?,
        })
    }

    /// Whether the two rows say the same, wherever they stand.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let mut there = other.clone();
        (there.file, there.line) = (self.file, self.line);
        *self == there
    }

    /// What stands on the other side.
    pub(super) fn contra(&self) -> Contra {
        match self.kind.symbol() {
            "UROK" => Contra::InterestPaid,
            "SANKC. UROK" => Contra::PenaltyInterest,
            "SLUZBY" => Contra::Fee,
            _ if TRANSFERS.contains(&self.kind.operation()) => {
                Contra::Bank(self.bank_code().unwrap_or_else(|| UNNAMED_BANK.to_owned()))
            }
            _ => Contra::Cash,
        }
    }

    pub(super) fn bank_code(&self) -> Option<String> {
        self.bank
            .map(|code| code.iter().copied().map(char::from).collect())
    }
}

/// A day written YYMMDD, of the twentieth century.
pub(super) fn read_date(text: &str) -> Option<NaiveDate> {
    if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u32 = text.parse().ok()?;
    let year = i32::try_from(1900 + number / 10_000).ok()?;
    NaiveDate::from_ymd_opt(year, number / 100 % 100, number % 100)
}

fn read_haler(text: Option<&str>, currency: Currency) -> Option<i64> {
    let haler = Money::parse(text?, currency).ok()?.minor;
    (haler.unsigned_abs() <= HALER_MAX).then_some(haler)
}

fn read_bank(text: Option<&str>) -> Result<Option<[u8; 2]>, Fault> {
    match text.unwrap_or_default().as_bytes() {
        [] => Ok(None),
        [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
            Ok(Some([*first, *second]))
        }
        _ => Err(Fault::Bank),
    }
}

/// 0 is what published files write for none.
fn read_counterparty(text: Option<&str>) -> Result<Option<Box<str>>, Fault> {
    match text.unwrap_or_default() {
        "" | "0" => Ok(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(text.into())),
        _ => Err(Fault::CounterpartyAccount),
    }
}
