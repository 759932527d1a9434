use chrono::NaiveDate;
use tributary_money::Money;
use tributary_plots::{Line, escaped, plot};

use crate::{
    BacktestError, Compared, Day, Swap, Sweep,
    text::{payments, ratio, word},
};

/// The comparison as one page with plots.
///
/// # Errors
/// When a plot can't be drawn.
pub fn page(compared: &Compared) -> Result<String, BacktestError> {
    let about = format!(
        "{} to {}\nrecorded:  {}\ncandidate: {}\n{}",
        compared.from,
        compared.to,
        compared.recorded_by.join("; "),
        compared.candidate.join("; "),
        compared.self_check
    );
    let mut body = figures(compared);
    body += &by_day(compared)?;
    body += "<h2>What changes</h2>\n";
    body += &match compared.identical {
        true => "<p>Nothing: not a decision, a reason or a score.</p>\n".to_owned(),
        false => format!(
            "<p>{} would have been decided otherwise, {} alike for other reasons or scores.</p>\n",
            payments(compared.changed.decisions),
            payments(compared.changed.reasons_only)
        ),
    };
    for (name, swap) in compared.swaps() {
        body += &swapped(name, swap);
    }
    if let Some(sweep) = &compared.sweep {
        body += &scores(sweep)?;
    }
    Ok(tributary_plots::page(
        "Back-test of fraud decisions",
        &about,
        &body,
    ))
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = String>| -> String {
        let cells: String = cells.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let head = cells("th", &mut head.iter().map(|name| escaped(name)));
    let rows: String = rows
        .map(|row| cells("td", &mut row.iter().map(|cell| escaped(cell))))
        .collect();
    format!("<table>\n{head}{rows}</table>\n")
}

fn figures(compared: &Compared) -> String {
    let rows = compared.rows().into_iter();
    let rows = rows.map(|(name, before, after)| vec![name.trim_start().to_owned(), before, after]);
    table(&["", "recorded", "candidate"], rows)
}

fn by_day(compared: &Compared) -> Result<String, BacktestError> {
    let line = |name: &str, days: &[Day], of: fn(&Day) -> u64| -> Line {
        let point = |day: &Day| (since(compared.from, day.day), of(day) as f64);
        (name.to_owned(), days.iter().map(point).collect())
    };
    let (before, after) = (&compared.before.days, &compared.after.days);
    let axis = format!("days since {}", compared.from);
    let mut html = "<h2>Day by day</h2>\n".to_owned();
    html += &plot(
        "Honest payments that are stopped, by day",
        (&axis, "payments"),
        &[
            line("recorded", before, |day| day.false_positives),
            line("candidate", after, |day| day.false_positives),
        ],
    )?;
    html += &plot(
        "Frauds, and those that are caught, summed up over the days",
        (&axis, "payments"),
        &[
            summed(line("all frauds", before, |day| day.frauds)),
            summed(line("caught, recorded", before, |day| day.caught)),
            summed(line("caught, candidate", after, |day| day.caught)),
        ],
    )?;
    Ok(html)
}

fn since(from: NaiveDate, day: NaiveDate) -> f64 {
    (day - from).num_days() as f64
}

fn summed((name, points): Line) -> Line {
    let mut sum = 0.0;
    let points = points.into_iter().map(|(day, count)| {
        sum += count;
        (day, sum)
    });
    (name, points.collect())
}

fn swapped(name: &str, swap: &Swap) -> String {
    let (fraud, honest) = (&swap.payments.fraud, &swap.payments.honest);
    if fraud.payments + honest.payments == 0 {
        return format!("<p><b>{name}</b>: none</p>\n");
    }
    let rows = swap.largest.iter().map(|named| {
        vec![
            named.payment.to_string(),
            named.day.to_string(),
            Money::new(named.amount, named.currency).to_string(),
            if named.is_fraud { "fraud" } else { "honest" }.to_owned(),
            format!("{} {}", word(named.before), named.before_reasons.join(" ")),
            format!("{} {}", word(named.after), named.after_reasons.join(" ")),
        ]
    });
    format!(
        "<p><b>{name}</b>: {} of fraud ({}), {} of honest people ({}); the largest:</p>\n{}",
        payments(fraud.payments),
        escaped(&fraud.amount.to_string()),
        payments(honest.payments),
        escaped(&honest.amount.to_string()),
        table(&["payment", "day", "amount", "", "recorded", "candidate"], rows)
    )
}

fn scores(sweep: &Sweep) -> Result<String, BacktestError> {
    let total = |of: fn(&crate::Bin) -> u64| sweep.bins.iter().map(of).sum::<u64>().max(1) as f64;
    // Steps, so that a bin is as wide as it is.
    let bins = |name: &str, of: fn(&crate::Bin) -> u64| -> Line {
        let whole = total(of);
        let width = 1.0 / sweep.bins.len() as f64;
        let steps = sweep.bins.iter().flat_map(|bin| {
            let share = of(bin) as f64 / whole;
            [(bin.from, share), (bin.from + width, share)]
        });
        (name.to_owned(), steps.collect())
    };
    let by_threshold = |name: &str, of: fn(&crate::Step) -> Option<f64>| -> Line {
        let points = sweep
            .steps
            .iter()
            .filter_map(|step| Some((step.threshold, of(step)?)));
        (name.to_owned(), points.collect())
    };
    let mut by_false: Vec<(f64, f64)> = sweep
        .steps
        .iter()
        .filter_map(|step| Some((step.false_positives_a_day, step.recall?)))
        .collect();
    by_false.sort_by(|a, b| a.0.total_cmp(&b.0));
    // From the threshold 0 on everything is stopped, and nothing else could be seen beside it.
    by_false.pop();
    let mut html = format!(
        "<h2>The candidate's score</h2>\n<p>{} have one. ROC AUC {}, average precision {}.</p>\n",
        payments(sweep.scored),
        ratio(sweep.roc_auc),
        ratio(sweep.average_precision)
    );
    html += &plot(
        "Where the scores lie: share of the frauds, and of the honest payments, in each bin",
        ("score", "share"),
        &[bins("fraud", |bin| bin.frauds), bins("honest", |bin| bin.honest)],
    )?;
    html += &plot(
        "If the score alone stopped payments: precision and recall by threshold",
        ("threshold", ""),
        &[
            by_threshold("precision", |step| step.precision),
            by_threshold("recall", |step| step.recall),
        ],
    )?;
    html += &plot(
        "What catching more costs: recall by honest payments stopped a day",
        ("honest payments stopped a day", "recall"),
        &[("candidate".to_owned(), by_false)],
    )?;
    let rows = sweep.steps.iter().step_by(5).map(|step| {
        vec![
            format!("{:.2}", step.threshold),
            step.caught.to_string(),
            ratio(step.precision),
            ratio(step.recall),
            format!("{:.2}", step.false_positives_a_day),
            step.caught_amount.to_string(),
        ]
    });
    html += &table(
        &[
            "threshold",
            "caught",
            "precision",
            "recall",
            "false a day",
            "amount caught",
        ],
        rows,
    );
    Ok(html)
}
