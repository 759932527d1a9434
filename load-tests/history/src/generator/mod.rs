//! A history that nobody lived, of the shape of a real one: accounts that are opened over the period, salaries and
//! cash, standing orders, interest and fees at the end of the month; and besides what the Berka files don't hold: payments of
//! customers to each other, standing orders among them, holds and reversals.
//!
//! The same seed and configuration give the same rows, bit for bit. No amount is ever a float.

mod book;
mod life;
mod order;

use std::fmt::Write;

use chrono::{Days, NaiveDate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::{book::Book, life::Life};
use crate::{Header, History};

/// Raised when the same seed comes to other rows than before: they must not meet those in a ledger.
const GENERATION: &str = "third generation";

/// How much history to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Accounts that are opened, evenly over the first three quarters of the period.
    pub accounts: u32,
    /// Rows aimed at, of all kinds. Salaries, standing orders, interest and fees come in any case, 2 to 3 rows an account and
    /// month; what is missing is filled with payments.
    pub rows: u32,
    /// First day.
    pub start: NaiveDate,
    /// Length of the period in days.
    pub days: u32,
}

impl Default for Config {
    /// What a demonstration replays: 500 accounts, 20,000 rows, the year 2025.
    fn default() -> Self {
        let start = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap_or_default();
        Self {
            accounts: 500,
            rows: 20_000,
            start,
            days: 365,
        }
    }
}

/// Generates a history. Its source names seed and configuration, so that no two histories get into each other's way
/// in one ledger.
pub fn generate(seed: u64, config: &Config) -> History {
    let source = source(seed, config);
    let currency = crate::berka::czk();
    let mut book = Book::new(&source, currency);
    let mut life = Life::new(ChaCha8Rng::seed_from_u64(seed), config);
    for day in 0..config.days {
        let Some(date) = config.start.checked_add_days(Days::new(day.into())) else {
            break;
        };
        book.begin_day(date);
        life.live(&mut book, day);
    }
    let orders = life.into_orders(&book, &source);
    History::from_rows(Header::new(source, currency), book.into_rows()).with_orders(orders)
}

/// `synthetic-<seed>-<digest of the configuration>`
fn source(seed: u64, config: &Config) -> String {
    let Config {
        accounts,
        rows,
        start,
        days,
    } = config;
    let name = format!("{GENERATION}: {accounts} accounts, {rows} rows, {days} days from {start}");
    let digest = tributary_ids::derive(tributary_ids::NAMESPACE, &name);
    let mut source = format!("synthetic-{seed}-");
    for byte in &digest.as_bytes()[..3] {
        write!(source, "{byte:02x}").unwrap_or_default();
    }
    source
}
