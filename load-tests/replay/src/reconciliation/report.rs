//! The reconciliation for people.

use std::fmt;

use rust_decimal::Decimal;

use super::{Counts, Difference, DifferenceKind, Differences, LeftOut, Reconciliation, SumLine};
use crate::progress::grouped;

/// Lines of each list that are shown; JSON has more.
const SHOWN_MAX: usize = 10;

/// Widths of the columns: name, then a number per place; with margin and mark 80 in all.
const NAME: usize = 33;
const NUMBER: usize = 14;

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_heading(f)?;
        self.write_counts(f)?;
        self.write_sums(f)?;
        self.write_checker(f)?;
        self.write_left_out(f)?;
        write_differences(f, "the topic", &self.topic_differences)?;
        if let Some(found) = &self.read_model_differences {
            write_differences(f, "PostgreSQL", found)?;
        }
        writeln!(f)?;
        match (self.agrees(), self.is_sound()) {
            (true, true) => writeln!(f, "  ✓ Everything reconciles."),
            (true, false) => writeln!(
                f,
                "  ✗ What was replayed reconciles, but {} rows of the source were left out.",
                grouped((self.bad.len() + self.parked.len()) as i64)
            ),
            (false, _) => writeln!(f, "  ✗ The ledger differs from the history."),
        }
    }
}

impl Reconciliation {
    fn write_heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        writeln!(
            f,
            "\n  Reconciliation of {}, {} to {}: {} rows",
            self.source,
            day(self.first_day),
            day(self.last_day),
            grouped(self.rows)
        )?;
        let new = self.sent.saturating_sub(self.known_before);
        write!(
            f,
            "  {} commands in {:.1} s, of which {} were new and {} known before",
            grouped(self.sent),
            self.took_seconds,
            grouped(new),
            grouped(self.known_before)
        )?;
        if let Some(payments) = self.payments {
            write!(f, "; {} went as payments", grouped(payments))?;
        }
        if self.carried_on > 0 {
            write!(
                f,
                "; {} accounts go on from an earlier period",
                grouped(self.carried_on)
            )?;
        }
        writeln!(f, "\n")
    }

    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:NAME$}{:>NUMBER$}{:>NUMBER$}{:>NUMBER$}",
            "", "history", "topic", "PostgreSQL"
        )?;
        let lines = [
            ("Accounts", &self.accounts),
            ("Transactions", &self.transactions),
            ("Running balances, row by row", &self.running_balances),
            ("Entries below zero (forced)", &self.forced),
            ("Roundings", &self.roundings),
            ("Holds placed or released", &self.hold_rows),
        ];
        for (name, counts) in lines {
            if *counts != Counts::default() {
                let number = |found: Option<u64>| found.map_or_else(|| "-".to_owned(), grouped);
                write_line(
                    f,
                    name,
                    [
                        grouped(counts.history),
                        grouped(counts.topic),
                        number(counts.read_model),
                    ],
                    counts.agree(),
                )?;
            }
        }
        Ok(())
    }

    /// The banks are one line: there are many, and JSON has them all.
    fn write_sums(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut currencies: Vec<_> = self
            .sums
            .iter()
            .chain(&self.balances)
            .map(|line| line.currency)
            .collect();
        currencies.sort_unstable();
        currencies.dedup();
        for currency in currencies {
            writeln!(
                f,
                "\n  General ledger in {currency}, positive is what the customers got"
            )?;
            let lines = self.sums.iter().filter(|line| line.currency == currency);
            let (banks, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.account.contains(':'));
            let mut shown: Vec<(String, SumLine, bool)> = others
                .into_iter()
                .map(|line| {
                    (
                        format!("{}  {}", line.account, line.title),
                        line.clone(),
                        line.agrees(),
                    )
                })
                .collect();
            if let Some(first) = banks.first() {
                let sum = |of: &dyn Fn(&SumLine) -> i128| banks.iter().map(|line| of(line)).sum();
                let name = format!("1100  {}, {} banks", first.title, banks.len());
                let all = SumLine {
                    history: sum(&|line| line.history),
                    topic: sum(&|line| line.topic),
                    read_model: banks.iter().map(|line| line.read_model).sum(),
                    ..(*first).clone()
                };
                shown.push((name, all, banks.iter().all(|line| line.agrees())));
            }
            shown.sort_by(|(one, ..), (other, ..)| one.cmp(other));
            let balances = self.balances.iter().filter(|line| line.currency == currency);
            shown.extend(balances.map(|line| (line.title.to_owned(), line.clone(), line.agrees())));
            for (name, line, agrees) in shown {
                let amount = |minor: i128| decimal(minor, currency.exponent());
                let read_model = line.read_model.map_or_else(|| "-".to_owned(), amount);
                let numbers = [amount(line.history), amount(line.topic), read_model];
                write_line(f, &name, numbers, agrees)?;
            }
        }
        Ok(())
    }

    fn write_checker(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(checker) = &self.checker else {
            return Ok(());
        };
        let mark = mark(checker.clean);
        writeln!(
            f,
            "\n  {mark} Checker: {} invariants over {} events of the whole log, {} violations",
            checker.invariants,
            grouped(checker.events),
            grouped(checker.violations_total)
        )?;
        for violation in checker.violations.iter().take(SHOWN_MAX) {
            writeln!(f, "      {violation}")?;
        }
        Ok(())
    }

    fn write_left_out(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [("Bad rows", &self.bad), ("Rows parked behind them", &self.parked)];
        for (name, rows) in lists {
            if rows.is_empty() {
                writeln!(f, "  ✓ {name}: none")?;
                continue;
            }
            writeln!(f, "  ✗ {name}: {}", grouped(rows.len() as i64))?;
            for LeftOut {
                place,
                account,
                code,
                reason,
            } in rows.iter().take(SHOWN_MAX)
            {
                let account = account.as_deref().map(|account| format!(" (account {account})"));
                writeln!(
                    f,
                    "      {place}: {code}: {reason}{}",
                    account.unwrap_or_default()
                )?;
            }
            write_more(f, rows.len())?;
        }
        Ok(())
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, name: &str, numbers: [String; 3], agrees: bool) -> fmt::Result {
    // Apart also where a bank is too rich for the columns.
    let [history, topic, read_model] = numbers.map(|number| format!(" {number}"));
    writeln!(
        f,
        "  {name:NAME$}{history:>NUMBER$}{topic:>NUMBER$}{read_model:>NUMBER$}  {}",
        mark(agrees)
    )
}

fn write_differences(f: &mut fmt::Formatter<'_>, place: &str, found: &Differences) -> fmt::Result {
    if found.total == 0 {
        return Ok(());
    }
    writeln!(f, "  ✗ Differences in {place}: {}", grouped(found.total))?;
    for difference in found.first.iter().take(SHOWN_MAX) {
        writeln!(f, "      {difference}")?;
    }
    write_more(f, usize::try_from(found.total).unwrap_or(usize::MAX))
}

fn write_more(f: &mut fmt::Formatter<'_>, total: usize) -> fmt::Result {
    match total.checked_sub(SHOWN_MAX) {
        Some(more) if more > 0 => writeln!(f, "      and {} more", grouped(more as i64)),
        _ => Ok(()),
    }
}

fn mark(good: bool) -> &'static str {
    if good { "✓" } else { "✗" }
}

/// `1,234.50`
fn decimal(minor: i128, exponent: u32) -> String {
    // No sum of 64-bit amounts comes near what a decimal holds.
    let amount = Decimal::from_i128_with_scale(minor, exponent);
    let whole = grouped(amount.trunc().abs().mantissa());
    let sign = if minor < 0 { "-" } else { "" };
    let text = amount.fract().abs().to_string();
    let fraction = text.split_once('.').map(|(_, digits)| digits);
    match (exponent, fraction) {
        (0, _) => format!("{sign}{whole}"),
        (exponent, fraction) => {
            format!(
                "{sign}{whole}.{:0<width$}",
                fraction.unwrap_or_default(),
                width = exponent as usize
            )
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DifferenceKind::AccountMissing => "the account is not open",
            DifferenceKind::Missing => "the posting is missing",
            DifferenceKind::Doubled => "the posting is there more than once",
            DifferenceKind::Unexpected => "a posting that is not in the history",
            DifferenceKind::Amount => "the posting moves another amount",
            DifferenceKind::Balance => "the running balance differs",
            DifferenceKind::Contra => "the posting stands against other accounts",
            DifferenceKind::Order => "the posting stands before one of an earlier row",
            DifferenceKind::Hold => "the hold was not placed or not released",
        };
        write!(f, "{}", self.account)?;
        if let Some(sequence) = self.sequence {
            write!(f, " row {sequence}")?;
        }
        write!(f, ": {what}")?;
        match (self.expected, self.found) {
            (Some(expected), Some(found)) => write!(f, ", expected {expected}, found {found}")?,
            (Some(expected), None) => write!(f, ", expected {expected}")?,
            (None, Some(found)) => write!(f, ", found {found}")?,
            (None, None) => {}
        }
        if let Some(refused) = &self.refused {
            write!(f, "; refused: {refused}")?;
        }
        if let Some(entry) = &self.entry {
            write!(f, " [{entry}]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_keep_their_decimals() {
        for (minor, exponent, text) in [
            (1_616_536_150, 2, "16,165,361.50"),
            (-3_320, 2, "-33.20"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (1_234, 0, "1,234"),
            (1_200_000, 3, "1,200.000"),
        ] {
            assert_eq!(decimal(minor, exponent), text);
        }
    }
}
