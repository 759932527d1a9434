use cel::{
    common::{
        types::{CelDouble, CelString},
        value::CowVal,
    },
    context::VariableResolver,
};
use tributary_contracts::fraud::{AssessPayee, PaymentDecided};
use tributary_fraud_domain::{FEATURES, FeatureVector};
use tributary_ids::{AccountId, CustomerId};
use tributary_money::Currency;

use super::Lists;

/// What rules may look at besides the features, which go by their own names.
const OWN: [&str; 5] = ["currency", "customer", "debtor", "creditor", "score"];

/// Whether a fact is called so.
pub(super) fn is_fact(name: &str) -> bool {
    OWN.contains(&name) || FEATURES.iter().any(|feature| feature.name == name)
}

/// A payment as rules see it.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'f> {
    currency: Currency,
    customer: CustomerId,
    /// None: it wasn't recorded.
    debtor: Option<AccountId>,
    creditor: AccountId,
    features: &'f FeatureVector,
    score: Option<f64>,
}

impl<'f> Facts<'f> {
    pub(crate) fn new(command: &AssessPayee, features: &'f FeatureVector) -> Self {
        Self {
            currency: command.currency,
            customer: command.customer,
            debtor: Some(command.debtor),
            creditor: command.creditor,
            features,
            score: None,
        }
    }

    /// A payment that was decided on before. Of some its debtor isn't recorded.
    pub(crate) fn recorded(decided: &PaymentDecided, features: &'f FeatureVector) -> Self {
        Self {
            currency: decided.currency,
            customer: decided.customer,
            debtor: decided.debtor,
            creditor: decided.creditor,
            features,
            score: None,
        }
    }

    /// A payment of nobody, to try rules on.
    pub(super) fn sample(features: &'f FeatureVector, score: Option<f64>, currency: Currency) -> Self {
        let nobody = AccountId::named("nobody");
        Self {
            currency,
            customer: CustomerId::named("nobody"),
            debtor: Some(nobody),
            creditor: nobody,
            features,
            score,
        }
    }

    pub(crate) fn set_score(&mut self, score: Option<f64>) {
        self.score = score;
    }

    pub(crate) fn features(&self) -> &'f FeatureVector {
        self.features
    }

    pub(super) fn score(&self) -> Option<f64> {
        self.score
    }
}

/// Facts and lists, looked up by name when an expression asks.
pub(super) struct Scope<'s> {
    pub(super) facts: &'s Facts<'s>,
    pub(super) lists: &'s Lists,
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let text = |text: String| Some(CowVal::owned(CelString::from(text)));
        let number = |number: f64| Some(CowVal::owned(CelDouble::from(number)));
        match name {
            "currency" => text(self.facts.currency.code().to_owned()),
            "customer" => text(self.facts.customer.to_string()),
            "debtor" => text(
                self.facts
                    .debtor
                    .map(|debtor| debtor.to_string())
                    .unwrap_or_default(),
            ),
            "creditor" => text(self.facts.creditor.to_string()),
            "score" => number(self.facts.score.unwrap_or(0.0)),
            name => match FEATURES.iter().position(|feature| feature.name == name) {
                Some(index) => number(self.facts.features.0[index]),
                None => self.lists.get(name).map(|list| CowVal::Borrowed(list.as_ref())),
            },
        }
    }
}
