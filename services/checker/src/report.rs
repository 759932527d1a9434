//! The verdict on a run, for people and for machines.

use std::fmt;

use serde::Serialize;

use crate::{
    bank::BankCheck,
    check::{NextOffsets, Totals},
    violation::{Findings, Invariant, Violation},
};

/// What became of an invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    pub invariant: Invariant,
    pub title: &'static str,
    /// How often it was checked, in `unit`.
    pub checked: u64,
    pub unit: &'static str,
    pub violations: u64,
}

/// What was read, checked and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing was under way when the end was judged: payments in transit and unanswered input were held against the
    /// ledger.
    pub quiescent: bool,
    pub totals: Totals,
    /// Where the ledger's events go on, by partition: the report is on everything before.
    pub next_offsets: NextOffsets,
    pub invariants: Vec<Line>,
    /// Number of all, of which `violations` holds the first.
    pub violations_total: u64,
    pub violations: Vec<Violation>,
}

impl Report {
    /// Of a fold as it stands. `quiescent`: its last cut was judged so.
    pub fn of(check: &BankCheck, quiescent: bool) -> Self {
        let found = check.findings();
        Self {
            quiescent,
            totals: check.totals(),
            next_offsets: check.ledger().next_offsets().clone(),
            invariants: lines(found),
            violations_total: found.violations_total(),
            violations: found.violations().to_vec(),
        }
    }

    /// Whether nothing is wrong. What isn't clean must fail the run: the caller's exit status says so.
    pub fn is_clean(&self) -> bool {
        self.violations_total == 0
    }

    /// The report as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "clean": self.is_clean(),
            "quiescent": self.quiescent,
            "totals": self.totals,
            "next_offsets": self.next_offsets,
            "invariants": self.invariants,
            "violations_total": self.violations_total,
            "violations": self.violations,
        })
    }
}

/// Invariants that nothing checked in this run (read models, reports) are left out, unless they are broken.
fn lines(found: &Findings) -> Vec<Line> {
    Invariant::ALL
        .into_iter()
        .map(|invariant| Line {
            invariant,
            title: invariant.title(),
            checked: found.checked(invariant),
            unit: invariant.unit(),
            violations: found.violated(invariant),
        })
        .filter(|line| line.checked > 0 || line.violations > 0)
        .collect()
}

/// How many violations a person is shown; JSON has more.
const SHOWN_MAX: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        writeln!(
            f,
            "checked {} events: {} payments, {} of them under way; {} entries on {} accounts, {} open holds, {} payments in transit, {} dead letters",
            grouped(totals.events),
            grouped(totals.payments_begun),
            grouped(totals.payments_under_way),
            grouped(totals.entries),
            grouped(totals.accounts),
            grouped(totals.holds_open),
            grouped(totals.payments_in_transit),
            grouped(totals.dead_letters),
        )?;
        if !self.quiescent {
            writeln!(f, "the log was alive: what is under way was not held against it")?;
        }
        for line in &self.invariants {
            let verdict = match line.violations {
                0 => "holds".to_owned(),
                violations => format!("BROKEN {} times", grouped(violations)),
            };
            writeln!(
                f,
                "  {:>2}  {:<46} {:>14} {:<16} {verdict}",
                line.invariant.number(),
                line.title,
                grouped(line.checked),
                line.unit,
            )?;
        }
        for violation in self.violations.iter().take(SHOWN_MAX) {
            writeln!(f, "  {violation}")?;
        }
        match self.violations_total.saturating_sub(SHOWN_MAX as u64) {
            0 => Ok(()),
            more => writeln!(f, "  and {} more", grouped(more)),
        }
    }
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> BankCheck {
        let mut check = BankCheck::new(2);
        check
            .findings_mut()
            .count_checked(Invariant::ReadModel, 1_234_567);
        check.findings_mut().add(Violation {
            invariant: Invariant::ReadModel,
            code: "ROW_DIFFERS",
            what: "account x".to_owned(),
            at: vec![tributary_contracts::envelope::Position {
                topic: "accounts.events".into(),
                partition: 1,
                offset: 7,
            }],
        });
        check
    }

    #[test]
    fn a_run_without_violations_is_clean() {
        let report = Report::of(&BankCheck::new(2), true);
        assert!(report.is_clean());
        assert_eq!(report.to_json()["clean"], true);
    }

    #[test]
    fn a_violation_is_shown_with_its_invariant_and_position() {
        let report = Report::of(&broken(), true);
        assert!(!report.is_clean());
        let text = report.to_string();
        assert!(text.contains("1,234,567 rows"), "{text}");
        assert!(text.contains("BROKEN 1 times"), "{text}");
        assert!(
            text.contains("[6] ROW_DIFFERS: account x @ accounts.events/1:7"),
            "{text}"
        );
    }

    #[test]
    fn machines_read_the_same_as_people() {
        let json = Report::of(&broken(), false).to_json();
        assert_eq!(json["clean"], false);
        assert_eq!(json["quiescent"], false);
        assert_eq!(json["violations"][0]["code"], "ROW_DIFFERS");
        assert_eq!(json["violations"][0]["at"][0]["offset"], 7);
        let line = &json["invariants"][0];
        assert_eq!(
            (line["invariant"].as_u64(), line["violations"].as_u64()),
            (Some(6), Some(1))
        );
    }
}
