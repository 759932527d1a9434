//! A report as lines for a terminal.

use std::{collections::BTreeMap, fmt::Write};

use super::{Latency, Report};
use crate::Cost;

fn latency(what: &str, latency: Option<&Latency>) -> String {
    match latency {
        Some(seen) => format!(
            "  {what:<22} p50 {:>8.1}   p90 {:>8.1}   p99 {:>8.1}   p99.9 {:>8.1}   max {:>8.1}  ms\n",
            seen.p50, seen.p90, seen.p99, seen.p999, seen.max
        ),
        None => format!("  {what:<22} nothing ended\n"),
    }
}

/// Where the time goes.
fn hops(report: &Report) -> String {
    let mut text = String::new();
    for hop in &report.hops {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "    {:<20} p50 {:>8.1}   p99 {:>8.1}   max {:>8.1}  ms   {} ({})",
            hop.name, hop.latency.p50, hop.latency.p99, hop.latency.max, hop.what, hop.payments
        );
    }
    text
}

/// What a payment costs, besides processor time.
fn cost(cost: &Cost) -> String {
    let list = |figures: &BTreeMap<String, f64>, digits: usize| {
        let figure = |(name, figure): (&String, &f64)| format!("{name} {figure:.digits$}");
        let figures: Vec<_> = figures.iter().map(figure).collect();
        figures.join(", ")
    };
    let sum = |figures: &BTreeMap<String, f64>| figures.values().sum::<f64>();
    format!(
        "  a payment costs        {:.2} transactions ({})\n\
         {:25}{:.1} log entries, records and markers ({})\n\
         {:25}{:.0} bytes of log ({})\n\
         {:25}{:.2} transactions of PostgreSQL, {:.0} bytes of its log\n",
        sum(&cost.transactions),
        list(&cost.transactions, 2),
        "",
        sum(&cost.log_entries),
        list(&cost.log_entries, 1),
        "",
        sum(&cost.log_bytes),
        list(&cost.log_bytes, 0),
        "",
        cost.database_transactions,
        cost.database_wal_bytes,
    )
}

/// One line.
pub fn line(report: &Report) -> String {
    let ms = |of: fn(&Latency) -> f64| report.latency.as_ref().map_or(f64::NAN, of);
    format!(
        "{:>7.0} /s offered {:>7.0} /s ended   p50 {:>7.1}  p99 {:>8.1}  p99.9 {:>8.1} ms   unfinished {}",
        report.configuration.rate,
        report.ended_per_second,
        ms(|latency| latency.p50),
        ms(|latency| latency.p99),
        ms(|latency| latency.p999),
        report.unfinished,
    )
}

/// The whole of it.
pub fn whole(report: &Report) -> String {
    let configuration = &report.configuration;
    let mut text = format!(
        "{:.0} payments/s offered for {:.0} s after {:.0} s of warm-up: {:.0}/s ended\n",
        configuration.rate,
        configuration.measured_seconds,
        configuration.warm_up_seconds,
        report.ended_per_second
    );
    text += &latency("until it has ended", report.latency.as_ref());
    text += &latency("until one can read it", report.visible.as_ref());
    if let Some(acknowledged) = &report.acknowledged {
        text += &latency("until it is accepted", Some(acknowledged));
    }
    if let Some(floor) = &report.floor {
        text += &latency(
            &format!("bare chain of {} hops", floor.hops),
            floor.latency.as_ref(),
        );
        if let Some((p50, p99)) = report.times_the_floor() {
            let _ = writeln!(text, "  times the bare chain   p50 {p50:>8.1}   p99 {p99:>21.1}");
        }
    }
    text += &hops(report);
    let outcomes: Vec<_> = report
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    // Writing to a string can't fail.
    let _ = writeln!(text, "  outcomes               {}", outcomes.join(", "));
    if report.unfinished + report.undelivered > 0 {
        let _ = writeln!(
            text,
            "  NOT ENDED              {} sent, {} not taken by the log",
            report.unfinished, report.undelivered
        );
    }
    if let Some(seen) = &report.cost {
        text += &cost(seen);
    }
    for (name, seen) in &report.processes {
        let _ = writeln!(
            text,
            "  {name:<22} {:>6.1} s of processor time, {:>6.2} ms a payment, {:>6.0} MB",
            seen.cpu_seconds,
            seen.cpu_ms_per_payment,
            seen.memory_bytes_max as f64 / 1e6
        );
    }
    text
}
