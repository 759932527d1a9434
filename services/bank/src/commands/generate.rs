//! `bank generate`: a made-up history as a file, on demand with fraud in it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use chrono::NaiveDate;
use clap::Args;
use tributary_history::{
    Config, FraudWanted, History, HistoryError, Labelled, Labels, Scenario, generate, generate_with_fraud,
};
use tributary_money::Money;
use tributary_replay::grouped;

/// Writes a made-up history: the same for the same seed and sizes
///
/// With --fraud-share or --fraud-payments some payments between its accounts are fraud. Which, of what kind, and when it becomes
/// known is written to OUT.labels.jsonl beside it (docs/histories.md).
#[derive(Args, Debug)]
pub(crate) struct Generate {
    /// The file to write (.jsonl, .jsonl.zst)
    out: PathBuf,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Accounts that are opened over the period
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    accounts: u32,
    /// Rows, about
    #[arg(long, default_value_t = 20_000)]
    rows: u32,
    /// First day
    #[arg(long, default_value = "2025-01-01")]
    start: NaiveDate,
    /// Length of the period
    #[arg(long, default_value_t = 365)]
    days: u32,
    #[command(flatten)]
    fraud: FraudArguments,
}

/// How much fraud.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct FraudArguments {
    /// Share of the payments between accounts that are fraud, in percent, at most 50
    #[arg(long, value_name = "PERCENT", value_parser = basis_points, conflicts_with = "fraud_payments")]
    fraud_share: Option<u32>,
    /// Payments that are fraud
    #[arg(long, value_name = "N")]
    fraud_payments: Option<u32>,
}

/// `1.5` percent are 150 of 10,000.
fn basis_points(text: &str) -> Result<u32, String> {
    let expected = || "expected a percentage from 0 to 50 with at most two decimals".to_owned();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    let whole: u32 = whole.parse().map_err(|_| expected())?;
    let part: u32 = format!("{part:0<2}").parse().map_err(|_| expected())?;
    let share = whole.checked_mul(100).and_then(|share| share.checked_add(part));
    share
        .filter(|share| *share <= FraudWanted::BASIS_POINTS_MAX)
        .ok_or_else(expected)
}

impl FraudArguments {
    pub(crate) fn wanted(self) -> Option<FraudWanted> {
        let share = self.fraud_share.map(FraudWanted::BasisPoints);
        share.or_else(|| self.fraud_payments.map(FraudWanted::Payments))
    }
}

impl Generate {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config {
            accounts: self.accounts,
            rows: self.rows,
            start: self.start,
            days: self.days,
        };
        let coded = |error: HistoryError| anyhow!("{}: {error}", error.code());
        let Some(wanted) = self.fraud.wanted() else {
            let history = generate(self.seed, &config);
            history.write_to(&self.out).map_err(coded)?;
            self.tell(&history);
            return Ok(ExitCode::SUCCESS);
        };
        let labelled = generate_with_fraud(self.seed, &config, wanted);
        let labels = Labels::path_beside(&self.out);
        labelled.history.write_to(&self.out).map_err(coded)?;
        labelled.labels.write_to(&labels).map_err(coded)?;
        self.tell(&labelled.history);
        tell_fraud(&labelled).map_err(coded)?;
        println!("The labels are in {}.", labels.display());
        Ok(ExitCode::SUCCESS)
    }

    fn tell(&self, history: &History) {
        let statistics = &history.statistics;
        println!(
            "{}: {} rows of {} accounts, {} payments between them, {} standing orders",
            self.out.display(),
            grouped(statistics.rows),
            grouped(statistics.accounts),
            grouped(statistics.transfers),
            grouped(statistics.orders)
        );
    }
}

fn tell_fraud(labelled: &Labelled) -> Result<(), HistoryError> {
    let tally = labelled.labels.tally(&labelled.history)?;
    let currency = labelled.history.header.currency;
    let money = |minor: i128| Money::new(i64::try_from(minor).unwrap_or(i64::MAX), currency).to_string();
    println!("{:20} {:>9} {:>18}", "fraud", "payments", "amount");
    for scenario in Scenario::ALL {
        let of_scenario = tally.get(&scenario).copied().unwrap_or_default();
        println!(
            "{:20} {:>9} {:>18}",
            scenario.name(),
            grouped(of_scenario.payments),
            money(of_scenario.amount)
        );
    }
    let frauds = labelled.labels.labels.len() as u64;
    let amount = tally.values().map(|of_scenario| of_scenario.amount).sum();
    println!("{:20} {:>9} {:>18}", "all", grouped(frauds), money(amount));
    println!(
        "{:.2} % of the payments between accounts are fraud.",
        frauds as f64 * 100.0 / (labelled.history.statistics.transfers.max(1)) as f64
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::basis_points;

    #[test]
    fn percentages_have_two_decimals_and_stay_below_the_half() {
        assert_eq!(basis_points("2"), Ok(200));
        assert_eq!(basis_points("0.05"), Ok(5));
        assert_eq!(basis_points("1.5"), Ok(150));
        assert_eq!(basis_points("50"), Ok(5_000));
        for bad in ["", "-1", "51", "1.234", "x", "1.x", "99999999999", "1e2"] {
            assert!(basis_points(bad).is_err(), "{bad}");
        }
    }
}
