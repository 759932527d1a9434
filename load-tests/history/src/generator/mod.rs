//! A history that nobody lived, of the shape of a real one: accounts that are opened over the period, salaries and
//! cash, standing orders, interest and fees at the end of the month; and besides what the Berka files don't hold: payments of
//! customers to each other, standing orders among them, holds and reversals.
//!
//! On demand some of it is fraud, which a label names ([`generate_with_fraud`]).
//!
//! The same seed and configuration give the same rows, bit for bit. No amount is ever a float.

mod book;
mod fraud;
mod life;
mod order;

use std::fmt::Write;

use chrono::{Days, NaiveDate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use self::fraud::FraudWanted;
use self::{book::Book, fraud::Fraudsters, life::Life};
use crate::{Header, History, Labels, Scenario, Transfer};

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
    let header = Header::new(source(seed, config, None), crate::berka::czk());
    let (mut life, mut book) = live(seed, config, &header, Life::live);
    let orders = life.orders(&book, &header.source);
    History::from_rows(header, book.take_rows()).with_orders(orders)
}

/// A history in which some payments are fraud.
#[derive(Debug)]
pub struct Labelled {
    pub history: History,
    pub labels: Labels,
    /// What people want to pay on the day after the history, in order. None of it has happened.
    pub next: Vec<Attempt>,
}

/// A payment that somebody wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// As it would be if all before it were made.
    pub transfer: Transfer,
    /// None: it is honest.
    pub scenario: Option<Scenario>,
}

/// How many payments are wanted on the day after a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextDay {
    pub honest: u32,
    pub frauds: u32,
}

/// Generates a history in which some of the payments between accounts are fraud. All of these payments have a time of day then;
/// otherwise it is like those of [`generate`], of which it never is a part: its source names the fraud too.
pub fn generate_with_fraud(seed: u64, config: &Config, wanted: FraudWanted) -> Labelled {
    generate_with_next_day(seed, config, wanted, NextDay::default())
}

/// The same, with what people want to pay on the day after it.
pub fn generate_with_next_day(seed: u64, config: &Config, wanted: FraudWanted, next: NextDay) -> Labelled {
    let frauds = match wanted {
        FraudWanted::Payments(frauds) => frauds,
        FraudWanted::BasisPoints(share) => {
            // As many honest ones there are without it.
            let honest = generate(seed, config).statistics.transfers;
            let share = u64::from(share.min(FraudWanted::BASIS_POINTS_MAX));
            u32::try_from(honest * share / (10_000 - share)).unwrap_or(u32::MAX)
        }
    };
    let header = Header::timed(source(seed, config, Some(frauds)), crate::berka::czk());
    let mut fraudsters = Fraudsters::new(seed, config, frauds);
    let (mut life, mut book) = live(seed, config, &header, |life, book, day| {
        fraudsters.live(life, book, day);
    });
    let orders = life.orders(&book, &header.source);
    let labels = fraudsters.take_labels();
    let rows = book.take_rows();
    let next = match config.start.checked_add_days(Days::new(config.days.into())) {
        Some(date) => {
            book.begin_day(date);
            fraudsters.attempts(&mut life, &mut book, config.days, next)
        }
        None => Vec::new(),
    };
    Labelled {
        labels: Labels {
            source: header.source.clone(),
            labels,
        },
        history: History::from_rows(header, rows).with_orders(orders),
        next,
    }
}

/// Lets the days pass, each by `live_day`.
fn live(
    seed: u64,
    config: &Config,
    header: &Header,
    mut live_day: impl FnMut(&mut Life, &mut Book, u32),
) -> (Life, Book) {
    let mut book = Book::new(&header.source, header.currency);
    let mut life = Life::new(ChaCha8Rng::seed_from_u64(seed), config);
    for day in 0..config.days {
        let Some(date) = config.start.checked_add_days(Days::new(day.into())) else {
            break;
        };
        book.begin_day(date);
        live_day(&mut life, &mut book, day);
    }
    (life, book)
}

/// `synthetic-<seed>-<digest of the configuration>`
fn source(seed: u64, config: &Config, frauds: Option<u32>) -> String {
    let Config {
        accounts,
        rows,
        start,
        days,
    } = config;
    let mut name = format!("{GENERATION}: {accounts} accounts, {rows} rows, {days} days from {start}");
    if let Some(frauds) = frauds {
        write!(name, ", {frauds} frauds of the {}", fraud::GENERATION).unwrap_or_default();
    }
    let digest = tributary_ids::derive(tributary_ids::NAMESPACE, &name);
    let mut source = format!("synthetic-{seed}-");
    for byte in &digest.as_bytes()[..3] {
        write!(source, "{byte:02x}").unwrap_or_default();
    }
    source
}
