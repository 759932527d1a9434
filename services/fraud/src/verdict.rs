//! What rules and model come to together.

use tributary_contracts::fraud::{Challenged, Contribution, FraudDecision, Real};
use tributary_fraud_domain::Model;

use crate::{
    rules::{Facts, Outcome, RuleSet},
    shelf::Content,
};

/// Features that an event names of those that moved the score.
const CONTRIBUTIONS_MAX: usize = 5;

/// Features that are reasons, where the score decides.
const REASONS_OF_SCORE_MAX: usize = 3;

pub(crate) struct Verdict {
    pub(crate) decision: FraudDecision,
    pub(crate) contributions: Vec<Contribution>,
}

/// What decides on a payment.
pub(crate) fn of(rules: &RuleSet, model: Option<&Model>, facts: &mut Facts<'_>) -> Verdict {
    let features = facts.features();
    let (score, outcome) = apply(rules, model, facts);
    let contributions: Vec<Contribution> = match model {
        Some(model) => model
            .contributions(features)
            .into_iter()
            .take(CONTRIBUTIONS_MAX)
            .filter_map(|found| {
                Some(Contribution {
                    feature: found.feature.name.into(),
                    amount: Real::new(found.amount)?,
                })
            })
            .collect(),
        None => Vec::new(),
    };
    let mut reasons = outcome.reasons;
    if outcome.by_score {
        let speak_for_fraud = contributions
            .iter()
            .filter(|contribution| contribution.amount.get() > 0.0)
            .take(REASONS_OF_SCORE_MAX);
        reasons.extend(speak_for_fraud.map(|contribution| contribution.feature.clone()));
    }
    Verdict {
        decision: FraudDecision {
            decision: outcome.decision,
            reasons,
            rules: rules.version().name.clone(),
            model: model.map(|model| model.about().name.as_str().into()),
            score,
        },
        contributions,
    }
}

/// What a challenger would have decided by.
pub(crate) fn of_challenger(rules: &RuleSet, model: &Model, facts: &mut Facts<'_>) -> Option<Challenged> {
    let (score, outcome) = apply(rules, Some(model), facts);
    Some(Challenged {
        model: model.version(),
        score: score?,
        decision: outcome.decision,
    })
}

fn apply(rules: &RuleSet, model: Option<&Model>, facts: &mut Facts<'_>) -> (Option<Real>, Outcome) {
    let score = model.and_then(|model| Real::new(model.score(facts.features())));
    facts.set_score(score.map(Real::get));
    (score, rules.apply(facts))
}
