//! A report as lines for a terminal.

use std::fmt::Write;

use super::{Latency, Report};

fn latency(what: &str, latency: Option<&Latency>) -> String {
    match latency {
        Some(seen) => format!(
            "  {what:<22} p50 {:>8.1}   p90 {:>8.1}   p99 {:>8.1}   p99.9 {:>8.1}   max {:>8.1}  ms\n",
            seen.p50, seen.p90, seen.p99, seen.p999, seen.max
        ),
        None => format!("  {what:<22} nothing ended\n"),
    }
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
