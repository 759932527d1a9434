use chrono::{DateTime, NaiveDate};
use serde::Serialize;
use tributary_contracts::fraud::{Decision, FraudDecision, PaymentDecided, Version};
use tributary_fraud::{RuleSet, decide_again};
use tributary_fraud_domain::Model;

use crate::{BacktestError, Changed, Figures, Log, Sweep, figures::Weighed, sweep};

/// What is to decide instead. What isn't given stays what it was for each payment.
#[derive(Clone, Copy, Default)]
pub struct Candidate<'c> {
    pub rules: Option<&'c RuleSet>,
    pub model: Option<&'c Model>,
}

/// Days on which payments were initiated, by the bank's clock, first and last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

/// Whether this build decides as the recorded decisions say, by the versions that they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SelfCheck {
    /// Payments that were decided again by their own versions.
    pub checked: u64,
    /// Of these, those that came to another decision, reason or score.
    pub differences: u64,
    /// Payments whose own versions don't stand in the log, or look at what isn't recorded.
    pub uncheckable: u64,
}

/// What would have changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// First and last day with a payment.
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// By what it was decided, in the order of first use.
    pub recorded_by: Vec<String>,
    /// By what it is decided now.
    pub candidate: Vec<String>,
    pub self_check: SelfCheck,
    /// Whether the candidate decides on every payment as was decided, reasons and scores included.
    pub identical: bool,
    pub before: Figures,
    pub after: Figures,
    pub changed: Changed,
    /// Of the candidate's scores; none without a model.
    pub sweep: Option<Sweep>,
    /// Events of a newer build's types, which were left alone.
    pub events_unknown: u64,
}

/// Decides on all payments of the period again.
///
/// # Errors
/// When nothing was decided then, or what has to decide can't.
pub fn compare(log: &Log, candidate: Candidate<'_>, period: Period) -> Result<Compared, BacktestError> {
    if matches!((period.from, period.to), (Some(from), Some(to)) if to < from) {
        return Err(BacktestError::BadPeriod);
    }
    let mut weighed = Vec::new();
    let mut self_check = SelfCheck::default();
    let mut identical = true;
    let (mut recorded_by, mut decided_by) = (Vec::new(), Vec::new());
    for decided in &log.decided {
        let day = day_of(decided);
        if period.from.is_some_and(|from| day < from) || period.to.is_some_and(|to| day > to) {
            continue;
        }
        check(log, decided, &mut self_check);
        let after = decide(log, candidate, decided)?;
        identical &= after == decided.decision;
        note(&mut recorded_by, &decided.decision);
        note(&mut decided_by, &after);
        weighed.push(Weighed {
            payment: decided.payment_id,
            day,
            amount: decided.amount,
            currency: decided.currency,
            is_fraud: log.frauds.contains(&decided.payment_id),
            before: decided.decision.clone(),
            after,
        });
    }
    let days = || weighed.iter().map(|weighed| weighed.day);
    let (Some(from), Some(to)) = (days().min(), days().max()) else {
        return Err(BacktestError::NothingDecided);
    };
    Ok(Compared {
        from,
        to,
        recorded_by,
        candidate: decided_by,
        self_check,
        identical,
        before: Figures::of(&weighed, (from, to), |weighed| &weighed.before),
        after: Figures::of(&weighed, (from, to), |weighed| &weighed.after),
        changed: Changed::of(&weighed),
        sweep: sweep::of(&weighed, (from, to)),
        events_unknown: log.unknown,
    })
}

/// The fact of rules that decisions of former builds don't hold.
const DEBTOR: &str = "debtor";

/// By the bank's clock.
fn day_of(decided: &PaymentDecided) -> NaiveDate {
    let local_ms = decided
        .initiated_at
        .saturating_add(i64::from(decided.utc_offset_s) * 1_000);
    DateTime::from_timestamp_millis(local_ms).map_or(NaiveDate::MAX, |time| time.date_naive())
}

fn note(names: &mut Vec<String>, decision: &FraudDecision) {
    let name = match &decision.model {
        Some(model) => format!("rules {}, model {model}", decision.rules),
        None => format!("rules {}, no model", decision.rules),
    };
    if !names.contains(&name) {
        names.push(name);
    }
}

fn check(log: &Log, decided: &PaymentDecided, self_check: &mut SelfCheck) {
    match decide(log, Candidate::default(), decided) {
        Ok(again) if again == decided.decision => self_check.checked += 1,
        Ok(_) => {
            self_check.checked += 1;
            self_check.differences += 1;
        }
        Err(_) => self_check.uncheckable += 1,
    }
}

fn decide(
    log: &Log,
    candidate: Candidate<'_>,
    decided: &PaymentDecided,
) -> Result<FraudDecision, BacktestError> {
    let unknown = |version: &Version| BacktestError::VersionUnknown(version.clone());
    let versions = &decided.versions;
    let rules = match candidate.rules {
        Some(rules) => rules,
        None => log
            .rules(&versions.rules)
            .ok_or_else(|| unknown(&versions.rules))?,
    };
    if decided.debtor.is_none() && rules.looks_at(DEBTOR) {
        return Err(BacktestError::FactNotRecorded(DEBTOR));
    }
    let model = match (candidate.model, &versions.model) {
        (Some(model), _) => Some(model),
        (None, Some(version)) => Some(log.model(version).ok_or_else(|| unknown(version))?),
        (None, None) => None,
    };
    match decide_again(decided, rules, model) {
        Ok(verdict) => Ok(verdict.decision),
        // The service takes no such payment; a decision on one is from a build that did. It stays as it is.
        Err(_) => Ok(decided.decision.clone()),
    }
}

/// Whether a payment doesn't go on by itself.
pub(crate) fn is_stopped(decision: &FraudDecision) -> bool {
    decision.decision != Decision::Approve
}
