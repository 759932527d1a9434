//! Bank histories, to be replayed: rows of accounts, day by day.
//!
//! A history comes from the published files of the Berka bank ([`berka`]), from a seeded generator ([`generate`]) or
//! from a file of this crate's own format ([`format`]); [`open_history`] tells the first and the last apart. The
//! format, what the readers check and all error codes are described in `docs/histories.md`.
//!
//! # The format
//! JSON Lines. The first line is the [`Header`], every further line a [`HistoryRow`] or a [`StandingOrder`]:
//!
//! ```json
//! {"tributary_history":2,"source":"berka","currency":"CZK"}
//! {"row":"open","account":"berka/2","owner":"berka/client/2","date":"1993-02-26","currency":"CZK","product":"recorded"}
//! {"row":"posting","account":"berka/2","sequence":199302260001,"date":"1993-02-26","amount":110000,"contra":"cash","kind":"PRIJEM/VKLAD","reference":"276","balance_after":110000}
//! ```
//!
//! Amounts are minor units; a sequence grows within its account. The crate is pure: no clock, no network, no threads.

pub mod berka;
mod fault;
pub mod format;
mod generator;
mod history;
mod labels;
mod lines;
mod model;
mod statistics;

pub use fault::{BadRow, Fault, HistoryError, Parked, Position};
pub use generator::{
    Attempt, Config, FraudWanted, Labelled, NextDay, generate, generate_with_fraud, generate_with_next_day,
};
pub use history::{History, LocatedRows, Rows, open_history};
pub use labels::{ConfirmedBy, FraudLabel, FraudTally, Labels, Scenario};
pub use lines::{Line, Lines};
pub use model::{
    Contra, Counterparty, FORMAT_VERSION, Header, HistoryRow, OPENING_SEQUENCE, Open, POSITION_MAX, Posting,
    Release, Reserve, Reversal, Settle, StandingOrder, Transfer, sequence,
};
pub use statistics::{Statistics, Sums, Tally};
