use std::{
    io::{self, BufRead},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use chrono::NaiveDate;
use tributary_fraud_domain::{AMOUNT_MINOR_MAX, MINOR_PER_UNIT};
use tributary_history::{Lines, Position};

use super::{Fault, HandbookError, Transaction};
use crate::rows;

/// The first line of such a file.
pub const HEADER: &str =
    "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD,TX_FRAUD_SCENARIO";

/// How far an amount may lie from a whole number of minor units, in those: published files have amounts like
/// `90.39999999999999`.
const NOISE_MINOR_MAX: f64 = 1e-6;

/// A line below the header.
pub struct ReadRow {
    pub position: Position,
    /// The row, or what is wrong with it.
    pub row: Result<Transaction, Fault>,
}

/// Reads a file as a stream.
pub struct Reader {
    path: PathBuf,
    name: Arc<str>,
    lines: Lines<Box<dyn BufRead>>,
}

impl Reader {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// When the file can't be read or isn't such a file.
    pub fn open(path: &Path) -> Result<Self, HandbookError> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let compressed = name.ends_with(".csv.zst");
        if !compressed && !name.ends_with(".csv") {
            return Err(HandbookError::UnknownKind(path.to_owned()));
        }
        let io = |error| HandbookError::Io {
            path: path.to_owned(),
            error,
        };
        let mut lines = rows::open(path, compressed).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => HandbookError::MissingFile(path.to_owned()),
            _ => io(error),
        })?;
        let header = lines.next_line().map_err(io)?.and_then(|line| line.bytes);
        if header != Some(HEADER.as_bytes()) {
            return Err(HandbookError::BadHeader(path.to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            name: name.into(),
            lines,
        })
    }

    /// The next row. None at the end.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next_row(&mut self) -> Result<Option<ReadRow>, HandbookError> {
        let line = self.lines.next_line().map_err(|error| HandbookError::Io {
            path: self.path.clone(),
            error,
        })?;
        let Some(line) = line else { return Ok(None) };
        let position = Position {
            file: Arc::clone(&self.name),
            line: line.number,
        };
        Ok(Some(ReadRow {
            position,
            row: read(line.bytes),
        }))
    }
}

fn read(line: Option<&[u8]>) -> Result<Transaction, Fault> {
    let text = str::from_utf8(line.ok_or(Fault::LineTooLong)?).map_err(|_| Fault::Encoding)?;
    let [id, time, customer, terminal, amount, fraud, scenario] =
        rows::fields(text).map_err(Fault::FieldCount)?;
    number::<u32>(scenario).ok_or(Fault::Scenario)?;
    Ok(Transaction {
        id: number(id).ok_or(Fault::TransactionId)?,
        at_s: read_time(time).ok_or(Fault::Time)?,
        customer: number(customer).ok_or(Fault::Customer)?,
        terminal: number(terminal).ok_or(Fault::Terminal)?,
        amount_minor: read_amount(amount).ok_or(Fault::Amount)?,
        fraud: match fraud {
            "0" => false,
            "1" => true,
            _ => return Err(Fault::Label),
        },
    })
}

/// Digits only.
pub(crate) fn number<N: FromStr>(text: &str) -> Option<N> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `2018-04-01 00:00:31`
fn read_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if bytes.len() != 19 || marks.iter().any(|(index, mark)| bytes[*index] != *mark) {
        return None;
    }
    let part = |from: usize, to: usize| number::<u32>(text.get(from..to)?);
    let date = NaiveDate::from_ymd_opt(number(text.get(0..4)?)?, part(5, 7)?, part(8, 10)?)?;
    let time = date.and_hms_opt(part(11, 13)?, part(14, 16)?, part(17, 19)?)?;
    Some(time.and_utc().timestamp()).filter(|at_s| *at_s >= 0)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "amounts lie far below 2^53 minor units"
)]
pub(crate) fn read_amount(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let minor = text.parse::<f64>().ok()? * MINOR_PER_UNIT as f64;
    let whole = minor.round();
    let fits = whole <= AMOUNT_MINOR_MAX as f64 && (minor - whole).abs() <= NOISE_MINOR_MAX;
    fits.then_some(whole as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_minor_units_but_for_the_noise_of_floats() {
        assert_eq!(read_amount("57.16"), Some(5_716));
        assert_eq!(read_amount("90.39999999999999"), Some(9_040));
        assert_eq!(read_amount("192.10000000000002"), Some(19_210));
        assert_eq!(read_amount("0"), Some(0));
        assert_eq!(read_amount("7.5"), Some(750));
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "NaN",
            "inf",
            "1.234",
            "1.005",
            "99999999999999999",
        ] {
            assert_eq!(read_amount(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_of_one_form() {
        assert_eq!(read_time("1970-01-02 00:00:31"), Some(86_431));
        assert_eq!(read_time("2018-04-01 00:00:00"), Some(1_522_540_800));
        for wrong in [
            "2018-04-31 00:00:00",
            "2018-04-01T00:00:00",
            "2018-04-01 24:00:00",
            "2018-04-01 00:00:60",
            "2018-04-01 00:00",
            "2018-4-01 000:00:00",
            "1969-12-31 23:59:59",
            "+018-04-01 00:00:00",
            "2018-04-01 00:00:0\u{e9}",
        ] {
            assert_eq!(read_time(wrong), None, "{wrong}");
        }
    }
}
