//! What rules and model come to together.

use smol_str::SmolStr;
use tributary_contracts::fraud::{Challenged, Contribution, FraudDecision, PaymentDecided, Real};
use tributary_fraud_domain::{Model, PaymentRefused};

use crate::{
    rules::{Facts, Outcome, RuleSet},
    seen,
    shelf::Content,
};

/// Features that an event names of those that moved the score.
const CONTRIBUTIONS_MAX: usize = 5;

/// Features that are reasons, where the score decides.
const REASONS_OF_SCORE_MAX: usize = 3;

/// A decision, and what moved its score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub decision: FraudDecision,
    pub contributions: Vec<Contribution>,
}

/// Decides once more on a payment, from the features that its event has recorded: by the versions of then to the bit what was
/// decided then. Where the event doesn't name the debtor, no rule may look at it ([`RuleSet::looks_at`]).
///
/// # Errors
/// When the event names an amount or a time that the service would have refused.
pub fn decide_again(
    decided: &PaymentDecided,
    rules: &RuleSet,
    model: Option<&Model>,
) -> Result<Verdict, PaymentRefused> {
    let features = seen::features(decided)?;
    Ok(of(rules, model, &mut Facts::recorded(decided, &features)))
}

/// What decides on a payment.
pub(crate) fn of(rules: &RuleSet, model: Option<&Model>, facts: &mut Facts<'_>) -> Verdict {
    let (score, found) = match model.map(|model| model.explain(facts.features())) {
        Some((score, found)) => (Real::new(score), found),
        None => (None, Vec::new()),
    };
    let outcome = apply(rules, score, facts);
    let contributions: Vec<Contribution> = found
        .into_iter()
        .take(CONTRIBUTIONS_MAX)
        .filter_map(|found| {
            Some(Contribution {
                feature: SmolStr::new_static(found.feature.name),
                amount: Real::new(found.amount)?,
            })
        })
        .collect();
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
    let score = Real::new(model.score(facts.features()))?;
    Some(Challenged {
        model: model.version(),
        score,
        decision: apply(rules, Some(score), facts).decision,
    })
}

fn apply(rules: &RuleSet, score: Option<Real>, facts: &mut Facts<'_>) -> Outcome {
    facts.set_score(score.map(Real::get));
    rules.apply(facts)
}
