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
}

/// A step between the last that was kept up with and the first that wasn't ends the search at this ratio.
const CLOSE_ENOUGH: f64 = 1.12;

/// Raises the rate until the bank can't keep up, then halves the gap until it is small.
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
            _ => return Ok(knee),
        };
    }
}
