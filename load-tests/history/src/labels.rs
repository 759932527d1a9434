//! Which payments of a history are fraud: a file beside it, `docs/histories.md` has the format.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    History, HistoryRow,
    fault::{HistoryError, Position},
    lines::Lines,
};

/// Version of the labels' format.
const LABELS_VERSION: u32 = 1;

/// Longest line, in bytes.
const LINE_LENGTH_MAX: usize = 4 * 1024;

/// How a payment came to be fraud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// A burst of payments with a stolen card number, to new payees.
    CardNotPresent,
    /// A payee that charges those who paid it before.
    CompromisedPayee,
    /// Somebody else in the account, at night.
    AccountTakeOver,
    /// From victims to a mule.
    MuleFanIn,
    /// From a mule to those behind it.
    MuleFanOut,
}

impl Scenario {
    pub const ALL: [Self; 5] = [
        Self::CardNotPresent,
        Self::CompromisedPayee,
        Self::AccountTakeOver,
        Self::MuleFanIn,
        Self::MuleFanOut,
    ];

    /// As it stands in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::CardNotPresent => "card-not-present",
            Self::CompromisedPayee => "compromised-payee",
            Self::AccountTakeOver => "account-take-over",
            Self::MuleFanIn => "mule-fan-in",
            Self::MuleFanOut => "mule-fan-out",
        }
    }
}

/// Who says that it is fraud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfirmedBy {
    Analyst,
    Chargeback,
}

/// A payment that is fraud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FraudLabel {
    /// The payment's name at the source, as its transfer has it.
    pub payment: String,
    pub scenario: Scenario,
    /// The day on which the bank comes to know, never before the payment; maybe after the history's end.
    pub confirmed: NaiveDate,
    pub by: ConfirmedBy,
}

/// The labels of a history. Every other payment is honest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The history's.
    pub source: String,
    /// In the order of the payments.
    pub labels: Vec<FraudLabel>,
}

/// Fraudulent payments and what they moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FraudTally {
    pub payments: u64,
    /// Minor units.
    pub amount: i128,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    tributary_labels: u32,
    source: String,
}

impl Labels {
    /// Where the labels of a history's file are: `history.labels.jsonl` beside `history.jsonl` or `history.jsonl.zst`.
    pub fn path_beside(history: &Path) -> PathBuf {
        let name = history
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let stem = name.strip_suffix(".zst").unwrap_or(name);
        let stem = stem.strip_suffix(".jsonl").unwrap_or(stem);
        history.with_file_name(format!("{stem}.labels.jsonl"))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_to(&self, path: &Path) -> Result<(), HistoryError> {
        let write = || -> io::Result<()> {
            let mut file = BufWriter::new(File::create(path)?);
            let header = Header {
                tributary_labels: LABELS_VERSION,
                source: self.source.clone(),
            };
            serde_json::to_writer(&mut file, &header)?;
            file.write_all(b"\n")?;
            for label in &self.labels {
                serde_json::to_writer(&mut file, label)?;
                file.write_all(b"\n")?;
            }
            file.into_inner()
                .map_err(io::IntoInnerError::into_error)?
                .sync_all()
        };
        write().map_err(|error| HistoryError::Io {
            path: path.to_owned(),
            error,
        })
    }

    /// Reads a file of labels, all of which must be of payments of this history.
    ///
    /// # Errors
    /// When it can't be read, is of another history, or one of its lines is bad: a label that is missing would count as an
    /// honest payment.
    pub fn read(path: &Path, history: &History) -> Result<Self, HistoryError> {
        let io = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => HistoryError::MissingFile(path.to_owned()),
            _ => HistoryError::Io {
                path: path.to_owned(),
                error,
            },
        };
        let mut lines = Lines::new(BufReader::new(File::open(path).map_err(io)?), LINE_LENGTH_MAX);
        let first = lines
            .next_line()
            .map_err(io)?
            .ok_or_else(|| HistoryError::EmptyFile(path.to_owned()))?;
        let header: Header =
            serde_json::from_slice(first.bytes.unwrap_or_default()).map_err(|_| HistoryError::BadHeader {
                path: path.to_owned(),
                expected: format!(r#"{{"tributary_labels":{LABELS_VERSION},"source":"…"}}"#),
            })?;
        if header.tributary_labels != LABELS_VERSION {
            return Err(HistoryError::UnsupportedVersion {
                path: path.to_owned(),
                found: header.tributary_labels.into(),
            });
        }
        if header.source != history.header.source {
            return Err(HistoryError::LabelsOfAnother {
                path: path.to_owned(),
                found: header.source,
                expected: history.header.source.clone(),
            });
        }
        let mut days = days_of_payments(history)?;
        let mut labels = Vec::new();
        while let Some(line) = lines.next_line().map_err(io)? {
            let bad = |what| HistoryError::BadLabel {
                position: Position {
                    file: path.file_name().unwrap_or_default().to_string_lossy().into(),
                    line: line.number,
                },
                what,
            };
            let label: FraudLabel = serde_json::from_slice(line.bytes.unwrap_or_default())
                .map_err(|_| bad("not a label of this format"))?;
            let day = days
                .remove(&label.payment)
                .ok_or_else(|| bad("no payment of the history is called so, or it has a label already"))?;
            if label.confirmed < day {
                return Err(bad("it is confirmed before the payment was made"));
            }
            labels.push(label);
        }
        Ok(Self {
            source: header.source,
            labels,
        })
    }

    /// What was stolen how.
    ///
    /// # Errors
    /// When the history can't be read.
    pub fn tally(&self, history: &History) -> Result<BTreeMap<Scenario, FraudTally>, HistoryError> {
        let scenarios: HashMap<&str, Scenario> = self
            .labels
            .iter()
            .map(|label| (label.payment.as_str(), label.scenario))
            .collect();
        let mut tally: BTreeMap<Scenario, FraudTally> = BTreeMap::new();
        for row in history.rows()? {
            if let HistoryRow::Transfer(row) = row?
                && let Some(scenario) = scenarios.get(row.payment.as_str())
            {
                let of_scenario = tally.entry(*scenario).or_default();
                of_scenario.payments += 1;
                of_scenario.amount += i128::from(row.amount);
            }
        }
        Ok(tally)
    }
}

fn days_of_payments(history: &History) -> Result<HashMap<String, NaiveDate>, HistoryError> {
    let mut days = HashMap::new();
    for row in history.rows()? {
        if let HistoryRow::Transfer(row) = row? {
            days.insert(row.payment, row.date);
        }
    }
    Ok(days)
}
