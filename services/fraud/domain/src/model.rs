//! Models: an artefact that is checked when it is loaded, the score of a payment, and what each feature adds to it.

mod artefact;
mod refused;
mod tree;

use crate::{FEATURES, Feature, FeatureVector};

pub use artefact::{About, DataRange, FORMAT, FeatureRef, Kind, Measured, Scale, Trained, seal};
pub use refused::ModelRefused;
use tree::Forest;
pub use tree::{LEAVES_MAX, Tree};

/// A model that fits the features of this build, ready to score.
#[derive(Clone, Debug)]
pub struct Model {
    about: About,
    hash: String,
    /// Of each of the model's features, where it stands in a [`FeatureVector`].
    features: Vec<usize>,
    scales: Vec<Scale>,
    scorer: Scorer,
}

#[derive(Clone, Debug)]
enum Scorer {
    Logistic {
        intercept: f64,
        coefficients: Vec<f64>,
    },
    /// Log-odds: `base` and what the trees add.
    Boosted {
        base: f64,
        trees: Forest,
    },
    /// The share of the trees that vote for fraud.
    Votes {
        trees: Forest,
    },
}

/// What a feature adds to a payment's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// Its name is the reason's code.
    pub feature: &'static Feature,
    /// In log-odds for logistic and boosted models, in shares of the votes for forests. Above zero speaks for fraud.
    pub amount: f64,
}

impl Model {
    /// Loads an artefact.
    ///
    /// # Errors
    /// When the artefact is damaged, of another format, or doesn't fit the features of this build.
    pub fn load(artefact: &[u8]) -> Result<Self, ModelRefused> {
        artefact::load(artefact)
    }

    /// Where the model comes from.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// SHA-256 of the artefact's content, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How likely the payment is fraud by this model, from 0 to 1. Comparable within a model only.
    pub fn score(&self, payment: &FeatureVector) -> f64 {
        match &self.scorer {
            Scorer::Logistic {
                intercept,
                coefficients,
            } => {
                let added = coefficients
                    .iter()
                    .enumerate()
                    .map(|(index, coefficient)| coefficient * self.scaled(payment, index));
                logistic(intercept + added.sum::<f64>())
            }
            Scorer::Boosted { base, trees } => logistic(base + trees.sum(&payment.0)),
            Scorer::Votes { trees } => trees.votes(&payment.0),
        }
    }

    /// The score, bit for bit that of [`Model::score`], and what each feature adds to it, the largest first; features that add
    /// nothing are left out.
    ///
    /// Logistic: coefficient times the scaled value, so against the mean of the training data. Trees: on the way from
    /// root to leaf each split adds the difference of what is expected behind and before it (Saabas, 2014).
    pub fn explain(&self, payment: &FeatureVector) -> (f64, Vec<Contribution>) {
        let mut added = [0.0; FEATURES.len()];
        let score = match &self.scorer {
            Scorer::Logistic { coefficients, .. } => {
                for (index, coefficient) in coefficients.iter().enumerate() {
                    added[self.features[index]] += coefficient * self.scaled(payment, index);
                }
                self.score(payment)
            }
            // One walk over the trees for both: it is most of what a score costs.
            Scorer::Boosted { base, trees } => {
                let mut sum = 0.0;
                trees.explain(&payment.0, 1.0, &mut added, |leaf| sum += leaf);
                logistic(base + sum)
            }
            Scorer::Votes { trees } => {
                let mut votes = 0_u32;
                let weight = 1.0 / trees.len() as f64;
                trees.explain(&payment.0, weight, &mut added, |leaf| {
                    votes += u32::from(tree::votes(leaf));
                });
                f64::from(votes) / trees.len() as f64
            }
        };
        let mut contributions: Vec<Contribution> = FEATURES
            .iter()
            .zip(added)
            .filter(|(_, amount)| *amount != 0.0)
            .map(|(feature, amount)| Contribution { feature, amount })
            .collect();
        contributions.sort_by(|a, b| b.amount.abs().total_cmp(&a.amount.abs()));
        (score, contributions)
    }

    fn scaled(&self, payment: &FeatureVector, index: usize) -> f64 {
        let Scale { mean, deviation } = self.scales[index];
        (payment.0[self.features[index]] - mean) / deviation
    }
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}
