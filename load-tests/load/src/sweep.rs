use std::time::Duration;

use serde::Serialize;

use crate::{Load, LoadError, Report, Target, run};

/// Ever higher rates, to find the highest that the bank keeps up with.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// Payments a second of the first step.
    pub from: f64,
    /// Each step is so many times the one before.
    pub factor: f64,
    /// No step is beyond this.
    pub to: f64,
    /// A step whose 99th percentile is beyond this isn't kept up with, whatever ends.
    pub p99_max: Duration,
}

/// Where the bank stops to keep up.
#[derive(Debug, Serialize)]
pub struct Knee {
    /// Payments a second: the highest rate that was kept up with.
    pub sustained: Option<f64>,
    /// The lowest that wasn't.
    pub beyond: Option<f64>,
    /// In the order in which they were run.
    pub steps: Vec<Report>,
    /// At 100 and 1,000 a second as far as that was kept up with, and at half and four fifths of what was: how long payments
    /// take where a bank is run.
    pub points: Vec<Report>,
}

/// Rates at which latencies are compared, payments a second.
const POINTS: [f64; 2] = [100.0, 1_000.0];

/// Parts of the knee at which they are.
const PARTS: [f64; 2] = [0.5, 0.8];

/// A step between the last that was kept up with and the first that wasn't ends the search at this ratio.
const CLOSE_ENOUGH: f64 = 1.12;

/// Raises the rate until the bank can't keep up, then halves the gap until it is small; then looks closer at some rates below.
///
/// # Errors
/// As [`run`].
pub fn sweep(
    load: &Load,
    sweep: &Sweep,
    target: &Target,
    interrupted: &dyn Fn() -> bool,
    told: &mut dyn FnMut(&Report),
) -> Result<Knee, LoadError> {
    let mut knee = Knee {
        sustained: None,
        beyond: None,
        steps: Vec::new(),
        points: Vec::new(),
    };
    let mut rate = sweep.from;
    loop {
        let report = run(&Load { rate, ..load.clone() }, target, interrupted)?;
        if interrupted() {
            return Ok(knee);
        }
        told(&report);
        match report.kept_up(sweep.p99_max) {
            true => knee.sustained = Some(rate),
            false => knee.beyond = Some(rate),
        }
        knee.steps.push(report);
        rate = match (knee.sustained, knee.beyond) {
            (Some(sustained), Some(beyond)) if beyond / sustained > CLOSE_ENOUGH => {
                (sustained * beyond).sqrt()
            }
            (Some(sustained), None) if sustained < sweep.to => (sustained * sweep.factor).min(sweep.to),
            // Not even the first: lower, but not for ever.
            (None, Some(beyond)) if beyond > sweep.from / 8.0 => beyond / 2.0,
            _ => break,
        };
    }
    let sustained = knee.sustained.unwrap_or(0.0);
    let parts = PARTS.map(|part| part * sustained);
    let rates = POINTS.into_iter().filter(|rate| *rate <= sustained).chain(parts);
    for rate in rates.filter(|rate| *rate > 0.0) {
        let report = run(&Load { rate, ..load.clone() }, target, interrupted)?;
        if interrupted() {
            break;
        }
        told(&report);
        knee.points.push(report);
    }
    Ok(knee)
}
