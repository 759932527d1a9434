//! A report as one page with plots, without anything to load from elsewhere.

use tributary_plots::{Line, escaped, plot, plot_named};

use super::{Report, text};
use crate::LoadError;

/// What most plots go by.
const SECONDS: &str = "seconds since the load began";

/// The page for a load, or for the steps of a sweep.
///
/// # Errors
/// [`LoadError::Plot`] when a plot can't be drawn.
pub fn page(title: &str, about: &str, reports: &[Report]) -> Result<String, LoadError> {
    let mut html = String::new();
    if reports.len() > 1 {
        html += &steps(reports)?;
    }
    for report in reports {
        html += &format!(
            "<h2>{:.0} payments/s</h2>\n<pre>{}</pre>\n",
            report.configuration.rate,
            escaped(&text::whole(report))
        );
        html += &plots(report)?;
    }
    Ok(tributary_plots::page(title, about, &html))
}

fn steps(reports: &[Report]) -> Result<String, LoadError> {
    let mut by_rate: Vec<&Report> = reports.iter().collect();
    by_rate.sort_by(|a, b| a.configuration.rate.total_cmp(&b.configuration.rate));
    let line = |of: &dyn Fn(&Report) -> Option<f64>| -> Vec<(f64, f64)> {
        let point = |report: &&Report| Some((report.configuration.rate, of(report)?));
        by_rate.iter().filter_map(point).collect()
    };
    let ended = line(&|report| Some(report.ended_per_second));
    let offered = line(&|report| Some(report.configuration.rate));
    let p50 = line(&|report| Some(report.latency?.p50));
    let p99 = line(&|report| Some(report.latency?.p99));
    let lines: String = by_rate.iter().map(|report| text::line(report) + "\n").collect();
    Ok(format!("<pre>{}</pre>\n", escaped(&lines))
        + &plot(
            "Payments that ended a second, by the rate offered",
            ("offered, payments/s", "ended, payments/s"),
            &[("ended".to_owned(), ended), ("offered".to_owned(), offered)],
        )?
        + &plot(
            "Latency by the rate offered",
            ("offered, payments/s", "latency, ms"),
            &[("p50".to_owned(), p50), ("p99".to_owned(), p99)],
        )?)
}

fn plots(report: &Report) -> Result<String, LoadError> {
    let by_second = |of: &dyn Fn(&super::SecondSeen) -> Option<f64>| -> Vec<(f64, f64)> {
        let point = |seen: &super::SecondSeen| Some((seen.second as f64, of(seen)?));
        report.seconds.iter().filter_map(point).collect()
    };
    let mut html = plot(
        "Latency by the second in which a payment was meant to start",
        (SECONDS, "latency, ms"),
        &[
            ("p50".to_owned(), by_second(&|seen| Some(seen.latency?.p50))),
            ("p99".to_owned(), by_second(&|seen| Some(seen.latency?.p99))),
            ("max".to_owned(), by_second(&|seen| Some(seen.latency?.max))),
        ],
    )?;
    html += &plot(
        "Latency by percentile, on a scale of nines (1 is 90 %, 2 is 99 %, 3 is 99.9 %)",
        ("percentile, in nines", "latency, ms"),
        &[("latency".to_owned(), nines(&report.quantiles))],
    )?;
    let names: Vec<&str> = report.hops.iter().map(|hop| hop.name).collect();
    html += &plot_named(
        "Where the time of a payment goes, hop by hop (from one inbox to the next)",
        ("hop, in the order of a payment's way", "time, ms"),
        &hops(report),
        &names,
    )?;
    html += &plot(
        "Throughput: payments that were meant to start, and that ended, in each second",
        (SECONDS, "payments/s"),
        &[
            (
                "meant to start".to_owned(),
                by_second(&|seen| Some(seen.intended as f64)),
            ),
            ("ended".to_owned(), by_second(&|seen| Some(seen.ended as f64))),
        ],
    )?;
    html += &plot(
        "Consumer lag: records of its inbox that a service has not handled yet",
        (SECONDS, "records"),
        &lag(report),
    )?;
    html += &plot(
        "Processor time, by process (1 is one core in full use)",
        (SECONDS, "cores"),
        &processors(report),
    )?;
    html += &plot(
        "Memory, by process (what several share counts by share)",
        (SECONDS, "memory, MB"),
        &memory(report),
    )?;
    Ok(html)
}

fn nines(quantiles: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let nines = |&(quantile, ms): &(f64, f64)| (quantile < 1.0).then(|| (-(1.0 - quantile).log10(), ms));
    quantiles.iter().filter_map(nines).collect()
}

/// Hops by their place in the list above the plots.
fn hops(report: &Report) -> Vec<Line> {
    let line = |name: &str, of: fn(&super::Latency) -> f64| {
        let points = report.hops.iter().enumerate();
        let points = points.map(|(place, hop)| (place as f64 + 1.0, of(&hop.latency)));
        (name.to_owned(), points.collect())
    };
    vec![line("p50", |hop| hop.p50), line("p99", |hop| hop.p99)]
}

fn lag(report: &Report) -> Vec<Line> {
    let services = report.samples.first().map(|sample| sample.lag.keys());
    services
        .into_iter()
        .flatten()
        .map(|service| {
            let point =
                |sample: &crate::watch::Sample| Some((sample.seconds, *sample.lag.get(service)? as f64));
            (
                (*service).to_owned(),
                report.samples.iter().filter_map(point).collect(),
            )
        })
        .collect()
}

fn processors(report: &Report) -> Vec<Line> {
    let line = |name: &String| {
        let used = report.samples.windows(2).filter_map(|pair| {
            let cpu = |at: usize| Some(pair.get(at)?.processes.get(name)?.cpu_seconds);
            let passed = pair.get(1)?.seconds - pair.first()?.seconds;
            (passed > 0.1).then_some(())?;
            Some((pair.get(1)?.seconds, (cpu(1)? - cpu(0)?) / passed))
        });
        (name.clone(), used.collect())
    };
    report.processes.keys().map(line).collect()
}

fn memory(report: &Report) -> Vec<Line> {
    let line = |name: &String| {
        let used = report.samples.iter().filter_map(|sample| {
            let bytes = sample.processes.get(name)?.memory_bytes;
            Some((sample.seconds, bytes as f64 / 1e6))
        });
        (name.clone(), used.collect())
    };
    report.processes.keys().map(line).collect()
}
