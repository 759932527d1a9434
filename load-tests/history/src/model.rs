//! The rows of a history: what happened to whose account, on which day, in which order.

use chrono::{Datelike, NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use tributary_money::Currency;

/// Newest version of the format, whose transfers may say at what time they were made. All earlier ones are read as well: 2 has no
/// times, 1 no standing orders either.
pub const FORMAT_VERSION: u32 = 3;

/// What a history without times is written as.
const UNTIMED_VERSION: u32 = 2;

/// Sequence of every [`Open`] row. It lies below all others, so that an account that an earlier period has opened
/// is not opened, nor given an opening balance, a second time.
pub const OPENING_SEQUENCE: u64 = 1;

/// Most rows that one account can have on one day.
pub const POSITION_MAX: u32 = 9_999;

/// Sequence of an account's row: `date` as yyyymmdd, then the row's `position` (from 1) within the account's day in
/// four digits. It grows from period to period and is the same in every run.
///
/// # Panics
/// When `position` isn't between 1 and [`POSITION_MAX`], or the year isn't of our era.
pub fn sequence(date: NaiveDate, position: u32) -> u64 {
    assert!(
        (1..=POSITION_MAX).contains(&position),
        "position {position} of a day"
    );
    assert!(date.year() > 0, "a year of our era");
    let day = u64::from(date.year().unsigned_abs()) * 10_000 + u64::from(date.month() * 100 + date.day());
    day * 10_000 + u64::from(position)
}

/// First line of a history: what it is and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the format, at most [`FORMAT_VERSION`].
    pub tributary_history: u32,
    /// Name of the source. An account remembers the highest sequence that it has seen of each source.
    pub source: String,
    /// The history's main currency. Accounts name their own.
    pub currency: Currency,
}

impl Header {
    /// The header of a history without times.
    pub fn new(source: impl Into<String>, currency: Currency) -> Self {
        Self {
            tributary_history: UNTIMED_VERSION,
            source: source.into(),
            currency,
        }
    }

    /// The header of a history whose transfers have times.
    pub fn timed(source: impl Into<String>, currency: Currency) -> Self {
        Self {
            tributary_history: FORMAT_VERSION,
            ..Self::new(source, currency)
        }
    }
}

/// One row. All amounts are minor units of the account's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case")]
pub enum HistoryRow {
    Open(Open),
    Posting(Posting),
    Transfer(Transfer),
    Reserve(Reserve),
    Settle(Settle),
    Release(Release),
    Reversal(Reversal),
}

impl HistoryRow {
    /// Booking date.
    pub fn date(&self) -> NaiveDate {
        match self {
            Self::Open(row) => row.date,
            Self::Posting(row) => row.date,
            Self::Transfer(row) => row.date,
            Self::Reserve(row) => row.date,
            Self::Settle(row) => row.date,
            Self::Release(row) => row.date,
            Self::Reversal(row) => row.date,
        }
    }

    /// The account that the row belongs to; of a transfer, the debtor's.
    pub fn account(&self) -> &str {
        match self {
            Self::Open(row) => &row.account,
            Self::Posting(row) => &row.account,
            Self::Transfer(row) => &row.from,
            Self::Reserve(row) => &row.account,
            Self::Settle(row) => &row.account,
            Self::Release(row) => &row.account,
            Self::Reversal(row) => &row.account,
        }
    }

    /// The row's sequence within [`Self::account`].
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Open(_) => OPENING_SEQUENCE,
            Self::Posting(row) => row.sequence,
            Self::Transfer(row) => row.from_sequence,
            Self::Reserve(row) => row.sequence,
            Self::Settle(row) => row.sequence,
            Self::Release(row) => row.sequence,
            Self::Reversal(row) => row.sequence,
        }
    }
}

/// An account's opening. Its sequence is [`OPENING_SEQUENCE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The account's name at the source, such as `berka/1787`.
    pub account: String,
    /// The owner's name at the source, such as `berka/client/2132`.
    pub owner: String,
    /// Day on which the history first sees the account.
    pub date: NaiveDate,
    pub currency: Currency,
    /// Product that the account is opened on. It pays and charges nothing by itself: interest and fees are rows.
    pub product: String,
    /// Branch that keeps the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Balance that the account brings along when the history begins in mid-life; else 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub opening_balance: i64,
}

/// What stands on the other side of a customer's entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contra {
    Cash,
    /// Another bank, by its code.
    Bank(String),
    InterestPaid,
    PenaltyInterest,
    Fee,
    OpeningBalance,
    /// Any other GL account, by its number in the chart of accounts.
    Gl(String),
}

/// The outside party of a posting, as the source names it.
///
/// The account is personal data: it is here because the source has it, and the ledger must not get it. The ledger
/// gets the bank's code, which is [`Contra::Bank`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counterparty {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
    /// Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// A credit or a debit. The balance moves by `amount + rounding`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    pub account: String,
    pub sequence: u64,
    /// Booking date.
    pub date: NaiveDate,
    /// Value date where it differs from the booking date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_date: Option<NaiveDate>,
    /// Positive credits the customer, negative debits. 0 occurs: interest of less than the smallest amount.
    pub amount: i64,
    /// What the recorded balance moved by beyond `amount`, customer's side: a leg of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rounding: i64,
    pub contra: Contra,
    /// The kind of row in the source's own words.
    pub kind: String,
    /// The row's id at the source.
    pub reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<Counterparty>,
    /// Balance that the source recorded after the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance_after: Option<i64>,
    /// A debit that leaves the account's money below zero and is booked all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forced: bool,
}

impl Posting {
    /// What the balance moves by.
    pub fn step(&self) -> i64 {
        self.amount + self.rounding
    }
}

/// A payment between two accounts of the history, through in-transit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The payment's name at the source.
    pub payment: String,
    pub date: NaiveDate,
    /// Time of day at which it was made, on the bank's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<NaiveTime>,
    /// The debtor's account, and the row's sequence there.
    pub from: String,
    pub from_sequence: u64,
    /// The creditor's account, and the row's sequence there.
    pub to: String,
    pub to_sequence: u64,
    /// Positive.
    pub amount: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_balance_after: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_balance_after: Option<i64>,
}

/// A hold on money that is to be settled or released by later rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    pub account: String,
    pub sequence: u64,
    pub date: NaiveDate,
    /// The hold's name at the source.
    pub hold: String,
    /// Positive.
    pub amount: i64,
}

/// A settlement out of a hold, of the whole or of a part; what is left stays held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    pub account: String,
    pub sequence: u64,
    pub date: NaiveDate,
    pub hold: String,
    /// Positive: the balance falls by it.
    pub amount: i64,
    pub contra: Contra,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance_after: Option<i64>,
}

/// The release of all that is left of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub account: String,
    pub sequence: u64,
    pub date: NaiveDate,
    pub hold: String,
}

/// The reversal of an earlier posting of the same account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    pub account: String,
    pub sequence: u64,
    pub date: NaiveDate,
    /// Sequence of the posting that is reversed.
    pub of: u64,
    /// What the balance moves by: the reversed posting's step with its sign turned.
    pub amount: i64,
    /// The reversed posting's.
    pub contra: Contra,
    pub reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance_after: Option<i64>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub forced: bool,
}

/// A standing order that is in force when the history ends, between two of its accounts. It is no row: what it has paid until
/// then is there as transfers, and what it pays from then on has not happened.
///
/// The fields are those of the Berka bank's `order.asc`, but for the payee's bank, which is this one, and the day, which that file
/// lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingOrder {
    /// The order's name at the source.
    pub order: String,
    /// The account that pays.
    pub account: String,
    /// The account that is paid.
    pub to: String,
    /// Of each payment. Positive.
    pub amount: i64,
    /// What for, in the source's own words: `SIPO` (household), `POJISTNE` (insurance), `LEASING`, `UVER` (loan).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Day of the month on which it pays, 1 to 31.
    pub day: u8,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes references"
)]
fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes references"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_grows_with_the_day_and_the_position_and_lies_above_every_opening() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(sequence(day("1993-02-26"), 1), 199_302_260_001);
        assert!(sequence(day("1993-02-26"), POSITION_MAX) < sequence(day("1993-02-27"), 1));
        assert!(sequence(day("1993-12-31"), 7) < sequence(day("1994-01-01"), 1));
        assert!(OPENING_SEQUENCE < sequence(day("0001-01-01"), 1));
    }

    #[test]
    fn a_row_is_written_as_the_documented_line() {
        let row = HistoryRow::Posting(Posting {
            account: "berka/2".into(),
            sequence: 199_303_120_001,
            date: "1993-03-12".parse().unwrap(),
            value_date: None,
            amount: 2_023_600,
            rounding: 0,
            contra: Contra::Bank("ST".into()),
            kind: "PRIJEM/PREVOD Z UCTU".into(),
            reference: "279".into(),
            counterparty: None,
            balance_after: Some(2_133_600),
            forced: false,
        });
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"row":"posting","account":"berka/2","sequence":199303120001,"date":"1993-03-12","amount":2023600,"#
                .to_owned()
                + r#""contra":{"bank":"ST"},"kind":"PRIJEM/PREVOD Z UCTU","reference":"279","balance_after":2133600}"#
        );
    }
}
