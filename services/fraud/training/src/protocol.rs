//! Which transactions a model learns from and which it is measured on: the protocol of the Handbook's chapter 3.

use std::{collections::HashSet, ops::Range};

use chrono::{Days, NaiveDate};
use tributary_fraud_domain::DAY_S;

use crate::handbook::Transaction;

/// Days that are trained on, days until labels are known, days that are measured.
const TRAIN_DAYS: u64 = 7;
const TEST_DAYS: u64 = 7;
pub const DELAY_DAYS: u64 = 7;

/// Days that the longest window reaches back.
pub const HISTORY_DAYS: i64 = 37;

/// A week to train on and a later one to measure on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weeks {
    /// First day of training.
    pub train_from: NaiveDate,
    /// First day of the test.
    pub test_from: NaiveDate,
}

/// Why two weeks can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error(
        "the test must begin at least 14 days after the training: a week, and 7 days until its labels are known"
    )]
    TestTooEarly,
    #[error("a week lies beyond all calendars")]
    NoSuchWeek,
    #[error("the file has no payments on {0}, which is one of the days to train on or to measure")]
    DayMissing(NaiveDate),
    #[error("the training week has no frauds, or nothing else")]
    NothingToLearn,
    #[error("the test week has no frauds, or nothing else")]
    NothingToMeasure,
}

impl ProtocolError {
    /// Stable code, listed in `docs/fraud.md`.
    pub fn code(self) -> &'static str {
        match self {
            Self::TestTooEarly => "EVALUATE_TEST_TOO_EARLY",
            Self::NoSuchWeek => "EVALUATE_NO_SUCH_WEEK",
            Self::DayMissing(_) => "EVALUATE_DAY_MISSING",
            Self::NothingToLearn => "EVALUATE_NOTHING_TO_LEARN",
            Self::NothingToMeasure => "EVALUATE_NOTHING_TO_MEASURE",
        }
    }
}

/// Indexes into the transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<usize>,
    pub test: Vec<usize>,
}

impl Weeks {
    /// The weeks of the book: 2018-07-25 to 31, and 2018-08-08 to 14.
    ///
    /// # Errors
    /// When the test begins before all labels of the training are known, or never ends.
    pub fn try_new(train_from: NaiveDate, test_from: NaiveDate) -> Result<Self, ProtocolError> {
        if test_from.checked_add_days(Days::new(TEST_DAYS)).is_none() {
            return Err(ProtocolError::NoSuchWeek);
        }
        let known = train_from.checked_add_days(Days::new(TRAIN_DAYS + DELAY_DAYS));
        match known {
            Some(known) if known <= test_from => Ok(Self {
                train_from,
                test_from,
            }),
            _ => Err(ProtocolError::TestTooEarly),
        }
    }

    /// The last day of training.
    pub fn train_to(&self) -> NaiveDate {
        self.train_from + Days::new(TRAIN_DAYS - 1)
    }

    /// The last day of the test.
    pub fn test_to(&self) -> NaiveDate {
        self.test_from + Days::new(TEST_DAYS - 1)
    }

    /// The weeks with the test as early as it may be.
    ///
    /// # Errors
    /// When there is no such week.
    pub fn closest(train_from: NaiveDate) -> Result<Self, ProtocolError> {
        let test_from = train_from.checked_add_days(Days::new(TRAIN_DAYS + DELAY_DAYS));
        Self::try_new(train_from, test_from.ok_or(ProtocolError::NoSuchWeek)?)
    }

    /// Makes sure that the file has payments on every day of both weeks: figures of a part of a week look like those of
    /// a whole one.
    ///
    /// # Errors
    /// Names the first day without any.
    pub fn covered_by(&self, transactions: &[Transaction]) -> Result<(), ProtocolError> {
        let train = self.train_from.iter_days().take(TRAIN_DAYS as usize);
        let test = self.test_from.iter_days().take(TEST_DAYS as usize);
        let missing = |day: &NaiveDate| {
            let day = day_number(*day);
            rows(transactions, &(day..day + 1)).is_empty()
        };
        match train.chain(test).find(missing) {
            Some(day) => Err(ProtocolError::DayMissing(day)),
            None => Ok(()),
        }
    }

    /// How many days the file has before the training: with less than [`HISTORY_DAYS`] windows aren't full.
    pub fn history_days(&self, transactions: &[Transaction]) -> i64 {
        let first = transactions.first().map(Transaction::day);
        first.map_or(0, |first| (day_number(self.train_from) - first).max(0))
    }

    /// Finds the rows of both weeks. From each day of the test go the customers of whom a fraud is known: one from the
    /// first day of training up to the day that lies 8 before.
    ///
    /// # Errors
    /// When a week has no frauds, or nothing else.
    pub fn split(&self, transactions: &[Transaction]) -> Result<Split, ProtocolError> {
        let days = |first: NaiveDate, count: u64| {
            let first = day_number(first);
            first..first + count.cast_signed()
        };
        let train_days = days(self.train_from, TRAIN_DAYS);
        let train = rows(transactions, &train_days);
        let mut test = Vec::new();
        for day in days(self.test_from, TEST_DAYS) {
            let known_days = train_days.start..day - DELAY_DAYS.cast_signed();
            let known: HashSet<u32> = rows(transactions, &known_days)
                .into_iter()
                .filter(|index| transactions[*index].fraud)
                .map(|index| transactions[index].customer)
                .collect();
            let of_day = rows(transactions, &(day..day + 1)).into_iter();
            test.extend(of_day.filter(|index| !known.contains(&transactions[*index].customer)));
        }
        let both = |rows: &[usize]| {
            let frauds = rows.iter().filter(|index| transactions[**index].fraud).count();
            frauds > 0 && frauds < rows.len()
        };
        if !both(&train) {
            return Err(ProtocolError::NothingToLearn);
        }
        if !both(&test) {
            return Err(ProtocolError::NothingToMeasure);
        }
        Ok(Split { train, test })
    }
}

/// Days since the epoch.
fn day_number(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() / DAY_S
}

/// The transactions are in order of time.
fn rows(transactions: &[Transaction], days: &Range<i64>) -> Vec<usize> {
    let before = |day: i64| transactions.partition_point(|row| row.day() < day);
    (before(days.start)..before(days.end)).collect()
}
