//! A report as one page with plots, without anything to load from elsewhere.

use plotters::{coord::Shift, prelude::*};

use super::{Report, text};
use crate::LoadError;

const SIZE: (u32, u32) = (860, 300);

/// What most plots go by.
const SECONDS: &str = "seconds since the load began";

/// A named line of points.
type Line = (String, Vec<(f64, f64)>);

/// The page for a load, or for the steps of a sweep.
///
/// # Errors
/// [`LoadError::Plot`] when a plot can't be drawn.
pub fn page(title: &str, about: &str, reports: &[Report]) -> Result<String, LoadError> {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>\
         body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2em auto; color: #222 }}\
         pre {{ background: #f6f6f4; padding: 1em; overflow-x: auto; font-size: 13px }}\
         h2 {{ margin-top: 2em; border-top: 1px solid #ddd; padding-top: 1em }}\
         svg {{ max-width: 100%; height: auto; margin-top: 1.5em }}\
         .legend {{ margin: 0 0 0 64px; font-size: 13px }} .legend span {{ margin-right: 1.5em; white-space: nowrap }}\
         .legend i {{ display: inline-block; width: 16px; height: 3px; margin-right: 6px; vertical-align: middle }}</style></head><body>\n<h1>{title}</h1>\n<pre>{about}</pre>\n",
        title = escaped(title),
        about = escaped(about),
    );
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
    Ok(html + "</body></html>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
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

/// One plot as SVG, with what each colour means below it.
fn plot(title: &str, axes: (&str, &str), lines: &[Line]) -> Result<String, LoadError> {
    plot_named(title, axes, lines, &[])
}

/// As [`plot`]; the first place of the x axis is 1, and bears the first name.
fn plot_named(title: &str, axes: (&str, &str), lines: &[Line], names: &[&str]) -> Result<String, LoadError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area, title, axes, lines, names).map_err(|error| LoadError::Plot(error.to_string()))?;
    }
    let legend: String = lines
        .iter()
        .enumerate()
        .map(|(number, (name, _))| {
            let (r, g, b) = Palette99::pick(number).to_rgba().rgb();
            let name = escaped(name);
            format!("<span><i style=\"background: rgb({r},{g},{b})\"></i>{name}</span> ")
        })
        .collect();
    Ok(format!("{svg}\n<p class=\"legend\">{legend}</p>\n"))
}

fn draw(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    (x_axis, y_axis): (&str, &str),
    lines: &[Line],
    names: &[&str],
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let x_min = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let x_max = points().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
    let y_max = points().map(|point| point.1).fold(0.0, f64::max);
    area.fill(&WHITE)?;
    if !x_min.is_finite() || x_min >= x_max {
        let style = ("sans-serif", 15).into_font();
        area.draw(&Text::new(format!("{title}: nothing to draw"), (20, 20), style))?;
        return Ok(area.present()?);
    }
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(x_min..x_max, 0.0..(y_max * 1.05).max(1e-3))?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(x_axis)
        .y_desc(y_axis)
        .x_labels(if names.is_empty() { 11 } else { names.len() })
        .x_label_formatter(&|x| label(*x, names))
        .draw()?;
    for (number, (_, points)) in lines.iter().enumerate() {
        let colour = Palette99::pick(number).to_rgba();
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
    }
    Ok(area.present()?)
}

/// What stands at a place of the x axis.
fn label(x: f64, names: &[&str]) -> String {
    if names.is_empty() {
        return format!("{}", (x * 10.0).round() / 10.0);
    }
    // Places are few, and count from one.
    let place = x.round();
    let name = names
        .iter()
        .zip(1..)
        .find(|(_, number)| f64::from(*number) == place);
    name.map_or_else(String::new, |(name, _)| (*name).to_owned())
}
