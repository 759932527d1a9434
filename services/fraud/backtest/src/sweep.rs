//! What the candidate's scores would do by themselves, from which threshold on.

use chrono::NaiveDate;
use serde::Serialize;
use tributary_fraud_training::metrics::{average_precision, roc_auc};

use crate::figures::{Amounts, Group, Weighed, share};

/// Thresholds that are tried, evenly from 0 to 1, and bins of the scores.
const STEPS: u32 = 50;

/// The scores of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sweep {
    /// Payments with a score.
    pub scored: u64,
    /// How well they rank, whatever the threshold; none without both frauds and others.
    pub roc_auc: Option<f64>,
    pub average_precision: Option<f64>,
    pub bins: Vec<Bin>,
    pub steps: Vec<Step>,
}

/// Payments with a score in [from, from + 1/50).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    pub from: f64,
    pub frauds: u64,
    pub honest: u64,
}

/// If exactly the payments from this score on were stopped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub threshold: f64,
    pub caught: u64,
    pub caught_amount: Amounts,
    pub false_positives_a_day: f64,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
}

pub(crate) fn of(all: &[Weighed], (from, to): (NaiveDate, NaiveDate)) -> Option<Sweep> {
    let scored: Vec<(f64, &Weighed)> = all
        .iter()
        .filter_map(|weighed| Some((weighed.after.score?.get(), weighed)))
        .collect();
    if scored.is_empty() {
        return None;
    }
    let days = u64::try_from((to - from).num_days() + 1).unwrap_or(1);
    let ranked: Vec<(f64, bool)> = scored
        .iter()
        .map(|(score, weighed)| (*score, weighed.is_fraud))
        .collect();
    let frauds = ranked.iter().filter(|(_, is_fraud)| *is_fraud).count() as u64;
    let finite = |number: f64| number.is_finite().then_some(number);
    let mut bins: Vec<Bin> = (0..STEPS)
        .map(|step| Bin {
            from: f64::from(step) / f64::from(STEPS),
            frauds: 0,
            honest: 0,
        })
        .collect();
    for (score, is_fraud) in &ranked {
        // A score of 1 belongs to the last one.
        let place = ((score * f64::from(STEPS)) as usize).min(bins.len() - 1);
        match is_fraud {
            true => bins[place].frauds += 1,
            false => bins[place].honest += 1,
        }
    }
    let step = |step: u32| {
        let threshold = f64::from(step) / f64::from(STEPS);
        let mut caught = Group::default();
        let mut false_positives = 0;
        for (_, weighed) in scored.iter().filter(|(score, _)| *score >= threshold) {
            match weighed.is_fraud {
                true => caught.add(weighed),
                false => false_positives += 1,
            }
        }
        Step {
            threshold,
            caught: caught.payments,
            caught_amount: caught.amount,
            false_positives_a_day: share(false_positives, days).unwrap_or_default(),
            precision: share(caught.payments, caught.payments + false_positives),
            recall: share(caught.payments, frauds),
        }
    };
    Some(Sweep {
        scored: ranked.len() as u64,
        roc_auc: finite(roc_auc(&ranked)),
        average_precision: finite(average_precision(&ranked)).filter(|_| frauds > 0),
        bins,
        steps: (0..=STEPS).map(step).collect(),
    })
}
