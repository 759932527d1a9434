//! Reports as one page of HTML with plots as SVG in it: no script, no font, nothing to load from elsewhere.

use plotters::{coord::Shift, prelude::*};

const SIZE: (u32, u32) = (860, 300);

/// A named line of points.
pub type Line = (String, Vec<(f64, f64)>);

/// A plot can't be drawn.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PlotError(String);

/// A page around `body`, which is HTML. Title and `about`, which stands below it, are text.
pub fn page(title: &str, about: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>\
         body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2em auto; color: #222 }}\
         pre {{ background: #f6f6f4; padding: 1em; overflow-x: auto; font-size: 13px }}\
         h2 {{ margin-top: 2em; border-top: 1px solid #ddd; padding-top: 1em }}\
         table {{ border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }}\
         td, th {{ padding: 2px 12px; text-align: right; border-bottom: 1px solid #eee }}\
         td:first-child, th:first-child {{ text-align: left }}\
         td:nth-child(-n+3) {{ white-space: nowrap }}\
         svg {{ max-width: 100%; height: auto; margin-top: 1.5em }}\
         .legend {{ margin: 0 0 0 64px; font-size: 13px }} .legend span {{ margin-right: 1.5em; white-space: nowrap }}\
         .legend i {{ display: inline-block; width: 16px; height: 3px; margin-right: 6px; vertical-align: middle }}</style></head><body>\n<h1>{title}</h1>\n<pre>{about}</pre>\n{body}</body></html>\n",
        title = escaped(title),
        about = escaped(about),
    )
}

/// Text, to stand in HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// One plot as SVG, with what each colour means below it.
///
/// # Errors
/// When it can't be drawn.
pub fn plot(title: &str, axes: (&str, &str), lines: &[Line]) -> Result<String, PlotError> {
    plot_named(title, axes, lines, &[])
}

/// As [`plot`]; the first place of the x axis is 1, and bears the first name.
///
/// # Errors
/// As [`plot`].
pub fn plot_named(
    title: &str,
    axes: (&str, &str),
    lines: &[Line],
    names: &[&str],
) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area, title, axes, lines, names).map_err(|error| PlotError(error.to_string()))?;
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
