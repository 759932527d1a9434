//! The demo's live line: what the bank holds and whether its invariants hold.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sqlx::{Connection, PgConnection, Row};
use tokio::runtime::Runtime;
use tributary_checker::{End, Status, Watch, watch};
use tributary_money::{Currency, Money};
use tributary_replay::{Moment, grouped};

/// How often the line changes on a terminal.
const REFRESH: Duration = Duration::from_secs(1);

/// How often a line is written elsewhere.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// How long the bank may take to come to rest at the end.
const AT_REST_WITHIN: Duration = Duration::from_secs(10);

const BALANCES: &str =
    "SELECT currency, sum(posted)::text FROM accounts.accounts GROUP BY currency ORDER BY currency";

/// A checker beside the running bank, and a line about both.
pub(crate) struct Live {
    watch: Watch,
    runtime: Runtime,
    database_url: String,
    line: Option<ProgressBar>,
    shown: Option<Moment>,
    /// Events at the last look.
    before: u64,
}

impl Live {
    pub(crate) fn start(brokers: &str, database_url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            watch: watch(brokers)?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            database_url: database_url.to_owned(),
            line: std::io::stderr().is_terminal().then(line),
            shown: None,
            before: 0,
        })
    }

    /// Whether the checker has given up.
    pub(crate) fn has_failed(&self) -> bool {
        self.watch.has_failed()
    }

    /// Shows the line when it is time to. `paid`: payments that have completed since the bank is up.
    pub(crate) fn show(&mut self, paid: u64) {
        let every = if self.line.is_some() { REFRESH } else { LINE_EVERY };
        let since = self.shown.map(Moment::elapsed);
        if since.is_some_and(|since| since < every) {
            return;
        }
        let status = self.watch.status();
        let events = status.totals.events;
        let rate = since.map_or(0.0, |since| {
            events.saturating_sub(self.before) as f64 / since.as_secs_f64()
        });
        (self.before, self.shown) = (events, Some(Moment::now()));
        let text = told(&status, &self.balances(), rate, paid);
        match &self.line {
            Some(line) => {
                line.set_message(text);
                line.tick();
            }
            None => eprintln!("{text}"),
        }
    }

    /// The customers' money by currency; what is wrong with the database instead, where it can't be read.
    fn balances(&self) -> String {
        let sums = self.runtime.block_on(async {
            let mut database = PgConnection::connect(&self.database_url).await?;
            let rows = sqlx::query(BALANCES).fetch_all(&mut database).await?;
            let sum = |row: &sqlx::postgres::PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
            rows.iter()
                .map(sum)
                .collect::<Result<Vec<(String, String)>, sqlx::Error>>()
        });
        let sum = |(currency, minor): &(String, String)| match (currency.parse::<Currency>(), minor.parse()) {
            (Ok(currency), Ok(minor)) => Money::new(minor, currency).to_string(),
            _ => format!("{minor} {currency}"),
        };
        match sums {
            Ok(sums) => format!("balances {}", sums.iter().map(sum).collect::<Vec<_>>().join(", ")),
            Err(error) => format!("balances unknown: {error}"),
        }
    }

    /// Says something above the line.
    pub(crate) fn say(&self, text: &str) {
        match &self.line {
            Some(line) => line.println(text),
            None => println!("{text}"),
        }
    }

    /// Takes the line away, before anything else is said.
    pub(crate) fn clear(&self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }

    /// Judges the end. Returns whether the invariants held.
    pub(crate) fn finish(self) -> anyhow::Result<bool> {
        self.clear();
        let end = End {
            at_rest_within: Some(AT_REST_WITHIN),
            expired_before: None,
        };
        let report = self.watch.finish(end, &mut [])?;
        for violation in &report.violations {
            println!("{violation}");
        }
        Ok(report.is_clean())
    }
}

/// A line that is as wide as the terminal, and no wider.
fn line() -> ProgressBar {
    let line = ProgressBar::new_spinner();
    // A template that does not parse would be a slip in the line below; the default wraps.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        line.set_style(style);
    }
    line
}

/// What matters most first: a narrow terminal cuts off the rest.
fn told(status: &Status, balances: &str, rate: f64, paid: u64) -> String {
    let totals = &status.totals;
    let invariants = match status.violations_total {
        0 if status.cuts > 0 && status.lag == 0 => "invariants hold".to_owned(),
        0 => format!("checking, {} events behind", grouped(status.lag)),
        broken => format!("{} VIOLATIONS", grouped(broken)),
    };
    let alarms = match status.alarms {
        0 => String::new(),
        alarms => format!(", {} ALARMS", grouped(alarms)),
    };
    format!(
        "{invariants}{alarms} | {} payments | {balances} | {} accounts, {} entries | {rate:.0}/s | {} holds open, {} in transit",
        grouped(paid),
        grouped(totals.accounts),
        grouped(totals.entries),
        grouped(totals.holds_open),
        grouped(totals.payments_in_transit)
    )
}
