//! What decisions come to, held against the frauds that are known.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use tributary_contracts::fraud::{Decision, FraudDecision};
use tributary_ids::PaymentId;
use tributary_money::{Currency, Money};

use crate::compare::is_stopped;

/// Payments of a swap that are named, the largest first.
const NAMED_MAX: usize = 10;

/// A payment with both decisions on it.
#[derive(Clone, Debug)]
pub(crate) struct Weighed {
    pub(crate) payment: PaymentId,
    pub(crate) day: NaiveDate,
    /// Minor units.
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) is_fraud: bool,
    pub(crate) before: FraudDecision,
    pub(crate) after: FraudDecision,
}

/// Sums in minor units, by currency: those of several don't add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amounts(pub BTreeMap<Currency, i128>);

impl Amounts {
    fn add(&mut self, weighed: &Weighed) {
        *self.0.entry(weighed.currency).or_default() += i128::from(weighed.amount);
    }
}

impl std::fmt::Display for Amounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum = |(currency, minor): (&Currency, &i128)| match i64::try_from(*minor) {
            Ok(minor) => Money::new(minor, *currency).to_string(),
            Err(_) => format!("{minor} minor units of {currency}"),
        };
        match self.0.is_empty() {
            true => f.pad("0"),
            false => f.pad(&self.0.iter().map(sum).collect::<Vec<_>>().join(" + ")),
        }
    }
}

/// Some payments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    pub payments: u64,
    pub amount: Amounts,
}

impl Group {
    pub(crate) fn add(&mut self, weighed: &Weighed) {
        self.payments += 1;
        self.amount.add(weighed);
    }
}

/// Payments by what they turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    pub fraud: Group,
    pub honest: Group,
}

impl Side {
    fn add(&mut self, weighed: &Weighed) {
        match weighed.is_fraud {
            true => self.fraud.add(weighed),
            false => self.honest.add(weighed),
        }
    }
}

/// A day's payments that were stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    pub day: NaiveDate,
    pub frauds: u64,
    pub caught: u64,
    /// Honest payments that were stopped.
    pub false_positives: u64,
}

/// What a version does with all payments. *Stopped* is declined or sent to review.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    pub approved: Side,
    pub reviewed: Side,
    pub declined: Side,
    /// Frauds that were stopped.
    pub caught: Group,
    /// Frauds that were approved.
    pub missed: Group,
    /// Honest payments that were stopped, for each day of the period.
    pub false_positives_a_day: f64,
    /// Share of the stopped that is fraud; none where nothing is stopped.
    pub precision: Option<f64>,
    /// Share of the frauds that is stopped; none where there is none.
    pub recall: Option<f64>,
    pub days: Vec<Day>,
}

impl Figures {
    pub(crate) fn of(
        all: &[Weighed],
        (from, to): (NaiveDate, NaiveDate),
        decision: impl Fn(&Weighed) -> &FraudDecision,
    ) -> Self {
        let mut sides: [Side; 3] = Default::default();
        let (mut caught, mut missed) = (Group::default(), Group::default());
        let mut days: BTreeMap<NaiveDate, Day> = from
            .iter_days()
            .take_while(|day| *day <= to)
            .map(|day| (day, Day::empty(day)))
            .collect();
        for weighed in all {
            let decision = decision(weighed);
            let side = match decision.decision {
                Decision::Approve => 0,
                Decision::Review => 1,
                Decision::Decline => 2,
            };
            sides[side].add(weighed);
            let stopped = is_stopped(decision);
            if weighed.is_fraud {
                match stopped {
                    true => caught.add(weighed),
                    false => missed.add(weighed),
                }
            }
            if let Some(day) = days.get_mut(&weighed.day) {
                day.frauds += u64::from(weighed.is_fraud);
                day.caught += u64::from(weighed.is_fraud && stopped);
                day.false_positives += u64::from(!weighed.is_fraud && stopped);
            }
        }
        let [approved, reviewed, declined] = sides;
        let honest_stopped = reviewed.honest.payments + declined.honest.payments;
        Self {
            false_positives_a_day: share(honest_stopped, days.len() as u64).unwrap_or_default(),
            precision: share(caught.payments, caught.payments + honest_stopped),
            recall: share(caught.payments, caught.payments + missed.payments),
            approved,
            reviewed,
            declined,
            caught,
            missed,
            days: days.into_values().collect(),
        }
    }
}

impl Day {
    fn empty(day: NaiveDate) -> Self {
        Self {
            day,
            frauds: 0,
            caught: 0,
            false_positives: 0,
        }
    }
}

pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Payments whose fate is another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Swap {
    pub payments: Side,
    /// The largest of them, by currency and amount.
    pub largest: Vec<Named>,
}

/// A payment of a swap.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    pub payment: PaymentId,
    pub day: NaiveDate,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    pub is_fraud: bool,
    pub before: Decision,
    pub before_reasons: Vec<String>,
    pub after: Decision,
    pub after_reasons: Vec<String>,
}

impl Named {
    fn of(weighed: &Weighed) -> Self {
        let reasons = |of: &FraudDecision| of.reasons.iter().map(ToString::to_string).collect();
        Self {
            payment: weighed.payment,
            day: weighed.day,
            amount: weighed.amount,
            currency: weighed.currency,
            is_fraud: weighed.is_fraud,
            before: weighed.before.decision,
            before_reasons: reasons(&weighed.before),
            after: weighed.after.decision,
            after_reasons: reasons(&weighed.after),
        }
    }
}

/// What changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changed {
    /// Were approved, and would be stopped.
    pub newly_stopped: Swap,
    /// Were stopped, and would be approved.
    pub newly_let_through: Swap,
    /// Were reviewed, and would be declined.
    pub review_to_decline: Swap,
    /// Were declined, and would be reviewed.
    pub decline_to_review: Swap,
    /// All with another decision.
    pub decisions: u64,
    /// The same decision for other reasons or with another score.
    pub reasons_only: u64,
}

impl Changed {
    pub(crate) fn of(all: &[Weighed]) -> Self {
        let mut changed = Self::default();
        let mut by_amount: Vec<&Weighed> = all.iter().collect();
        by_amount.sort_by_key(|weighed| {
            (
                weighed.currency,
                std::cmp::Reverse(weighed.amount),
                weighed.payment,
            )
        });
        for weighed in by_amount {
            let swap = match (weighed.before.decision, weighed.after.decision) {
                (before, after) if before == after => {
                    let same = FraudDecision {
                        rules: weighed.before.rules.clone(),
                        model: weighed.before.model.clone(),
                        ..weighed.after.clone()
                    } == weighed.before;
                    changed.reasons_only += u64::from(!same);
                    continue;
                }
                (Decision::Approve, _) => &mut changed.newly_stopped,
                (_, Decision::Approve) => &mut changed.newly_let_through,
                (_, Decision::Decline) => &mut changed.review_to_decline,
                (_, Decision::Review) => &mut changed.decline_to_review,
            };
            swap.payments.add(weighed);
            if swap.largest.len() < NAMED_MAX {
                swap.largest.push(Named::of(weighed));
            }
            changed.decisions += 1;
        }
        changed
    }
}
