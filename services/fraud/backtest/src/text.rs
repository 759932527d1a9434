use std::fmt;

use tributary_contracts::fraud::Decision;
use tributary_money::Money;

use crate::{Compared, Figures, SelfCheck, Swap, Sweep};

/// A figure: what it is called, and how it is told.
type Row<'r> = (&'static str, &'r dyn Fn(&Figures) -> String);

impl fmt::Display for SelfCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "self-check: {} decided again by their own versions: {} differ",
            payments(self.checked),
            self.differences
        )?;
        match self.uncheckable {
            0 => Ok(()),
            uncheckable => write!(
                f,
                "; of {} the versions are not in the log",
                payments(uncheckable)
            ),
        }
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |figures: &Figures| {
            let sides = [&figures.approved, &figures.reviewed, &figures.declined];
            sides.map(|side| side.fraud.payments + side.honest.payments)
        };
        let decided: u64 = of(&self.before).iter().sum();
        let frauds = self.before.caught.payments + self.before.missed.payments;
        writeln!(
            f,
            "{} from {} to {}, {frauds} of them known as fraud by now",
            payments(decided),
            self.from,
            self.to
        )?;
        writeln!(f, "recorded:  {}", self.recorded_by.join("; "))?;
        writeln!(f, "candidate: {}", self.candidate.join("; "))?;
        writeln!(f, "{}", self.self_check)?;
        if self.events_unknown > 0 {
            writeln!(
                f,
                "{} events of types unknown here were left alone",
                self.events_unknown
            )?;
        }
        writeln!(f, "\n{:32} {:>24} {:>24}", "", "recorded", "candidate")?;
        for (name, before, after) in self.rows() {
            writeln!(f, "{name:32} {before:>24} {after:>24}")?;
        }
        writeln!(f)?;
        match (self.identical, self.changed.decisions) {
            (true, _) => writeln!(
                f,
                "Nothing would have changed: not a decision, a reason or a score."
            )?,
            (false, changed) => writeln!(
                f,
                "{} would have been decided otherwise, {} alike for other reasons or scores.",
                payments(changed),
                payments(self.changed.reasons_only)
            )?,
        }
        for (name, swap) in self.swaps() {
            write_swap(f, name, swap)?;
        }
        self.sweep.as_ref().map_or(Ok(()), |sweep| write_sweep(f, sweep))
    }
}

impl Compared {
    /// The figures that are held against one another, as text.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String, String)> {
        let both = |of: &dyn Fn(&Figures) -> String| (of(&self.before), of(&self.after));
        let rows: [Row<'_>; 11] = [
            ("declined", &|of| total(&of.declined)),
            ("sent to review", &|of| total(&of.reviewed)),
            ("frauds caught", &|of| of.caught.payments.to_string()),
            ("  of these declined", &|of| {
                of.declined.fraud.payments.to_string()
            }),
            ("frauds missed", &|of| of.missed.payments.to_string()),
            ("amount caught", &|of| of.caught.amount.to_string()),
            ("amount missed", &|of| of.missed.amount.to_string()),
            ("honest payments stopped", &|of| {
                (of.reviewed.honest.payments + of.declined.honest.payments).to_string()
            }),
            ("  a day", &|of| format!("{:.2}", of.false_positives_a_day)),
            ("precision", &|of| ratio(of.precision)),
            ("recall", &|of| ratio(of.recall)),
        ];
        rows.into_iter()
            .map(|(name, of)| {
                let (before, after) = both(of);
                (name, before, after)
            })
            .collect()
    }

    pub(crate) fn swaps(&self) -> [(&'static str, &Swap); 4] {
        let changed = &self.changed;
        [
            ("newly stopped", &changed.newly_stopped),
            ("newly let through", &changed.newly_let_through),
            ("declined instead of reviewed", &changed.review_to_decline),
            ("reviewed instead of declined", &changed.decline_to_review),
        ]
    }
}

fn total(side: &crate::Side) -> String {
    (side.fraud.payments + side.honest.payments).to_string()
}

pub(crate) fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"))
}

/// `1 payment`, `2 payments`
pub(crate) fn payments(count: u64) -> String {
    match count {
        1 => "1 payment".to_owned(),
        count => format!("{count} payments"),
    }
}

pub(crate) fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approve",
        Decision::Review => "review",
        Decision::Decline => "decline",
    }
}

fn write_swap(f: &mut fmt::Formatter<'_>, name: &str, swap: &Swap) -> fmt::Result {
    let (fraud, honest) = (&swap.payments.fraud, &swap.payments.honest);
    if fraud.payments + honest.payments == 0 {
        return Ok(());
    }
    writeln!(
        f,
        "\n{name}: {} of fraud ({}), {} of honest people ({})",
        payments(fraud.payments),
        fraud.amount,
        payments(honest.payments),
        honest.amount
    )?;
    for named in &swap.largest {
        writeln!(
            f,
            "  {} {} {:>16} {:6} {} -> {} {}",
            named.payment,
            named.day,
            Money::new(named.amount, named.currency).to_string(),
            if named.is_fraud { "fraud" } else { "honest" },
            word(named.before),
            word(named.after),
            named.after_reasons.join(" ")
        )?;
    }
    Ok(())
}

fn write_sweep(f: &mut fmt::Formatter<'_>, sweep: &Sweep) -> fmt::Result {
    writeln!(
        f,
        "\nThe candidate's score on {}: ROC AUC {}, average precision {}. If it alone stopped payments:",
        payments(sweep.scored),
        ratio(sweep.roc_auc),
        ratio(sweep.average_precision)
    )?;
    writeln!(
        f,
        "{:>10} {:>10} {:>10} {:>10} {:>12} {:>22}",
        "threshold", "caught", "precision", "recall", "false a day", "amount caught"
    )?;
    for step in sweep.steps.iter().step_by(5) {
        writeln!(
            f,
            "{:>10.2} {:>10} {:>10} {:>10} {:>12.2} {:>22}",
            step.threshold,
            step.caught,
            ratio(step.precision),
            ratio(step.recall),
            step.false_positives_a_day,
            step.caught_amount.to_string()
        )?;
    }
    Ok(())
}
