//! Gradient-boosted trees on histograms, behind linfa's traits: linfa has none, and the crates that have come with a
//! C++ library or without a keeper (`docs/decisions/0034-boosted-trees-of-our-own.md`).

use linfa::{
    DatasetBase,
    dataset::AsSingleTargets,
    traits::{Fit, PredictInplace},
};
use ndarray::{Array1, ArrayBase, Data, Ix2};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_fraud_domain::model::Tree;

use crate::{
    TrainingError,
    trees::{Binned, Gradient, Grower, Growth, check, check_shape, labels, leaf, positive},
};

/// What boosted trees are trained with. The loss is the logistic one; trees grow leaf by leaf, the best split first.
#[derive(Clone, Debug, PartialEq)]
pub struct BoostedTrees {
    pub trees: usize,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// What is taken of each tree.
    pub learning_rate: f64,
    /// Weight of the squared leaf values.
    pub l2: f64,
    /// Fewest rows of a leaf.
    pub rows_per_leaf: usize,
    /// Most bins of a feature. Many: what tells fraud lies in the tail, where bins of equal size are wide.
    pub bins: usize,
    /// What a fraud weighs, a genuine payment weighing 1.
    pub fraud_weight: f64,
    /// Share of the rows that each tree sees, from 0 to 1, drawn by `seed`.
    pub rows_share: f64,
    pub seed: u64,
}

/// Trees that have been trained.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedTrees {
    /// Log-odds that the trees add to.
    pub base: f64,
    pub trees: Vec<Tree>,
}

impl BoostedTrees {
    fn check(&self) -> Result<(), TrainingError> {
        check_shape(self.rows_per_leaf, self.leaves, self.bins, self.fraud_weight)?;
        check(&[
            (self.trees > 0, "at least one tree is needed"),
            (positive(self.learning_rate), "the learning rate must be above 0"),
            (self.l2.is_finite() && self.l2 >= 0.0, "l2 must not be below 0"),
            (
                positive(self.rows_share) && self.rows_share <= 1.0,
                "the share of rows must be above 0 and at most 1",
            ),
        ])
    }
}

impl<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>> Fit<ArrayBase<D, Ix2>, T, TrainingError>
    for BoostedTrees
{
    type Object = FittedTrees;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<FittedTrees, TrainingError> {
        self.check()?;
        let labels = labels(dataset)?;
        let weight = |fraud: bool| if fraud { self.fraud_weight } else { 1.0 };
        let total: f64 = labels.iter().map(|fraud| weight(*fraud)).sum();
        let of_frauds: f64 = labels
            .iter()
            .filter(|fraud| **fraud)
            .map(|_| self.fraud_weight)
            .sum();
        let base = (of_frauds / (total - of_frauds)).ln();
        let binned = Binned::new(dataset.records().columns(), self.bins);
        let growth = Growth {
            leaves: self.leaves,
            depth: usize::MAX,
            rows_per_leaf: self.rows_per_leaf,
            l2: self.l2,
            learning_rate: self.learning_rate,
            features: usize::MAX,
        };
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut log_odds = vec![base; labels.len()];
        let mut gradients = vec![Gradient::default(); labels.len()];
        let mut trees = Vec::with_capacity(self.trees);
        for _ in 0..self.trees {
            for ((gradient, log_odds), fraud) in gradients.iter_mut().zip(&log_odds).zip(&labels) {
                let expected = probability(*log_odds);
                let weight = weight(*fraud);
                gradient.first = weight * (expected - f64::from(u8::from(*fraud)));
                gradient.second = weight * expected * (1.0 - expected);
            }
            let rows: Vec<u32> = (0..binned.rows())
                .filter(|_| self.rows_share >= 1.0 || random.random::<f64>() < self.rows_share)
                .collect();
            let tree = Grower::new(&growth, &binned, &gradients, &mut random).grow(rows);
            for (row, log_odds) in (0..).zip(&mut log_odds) {
                *log_odds += binned.leaf(&tree, row);
            }
            trees.push(tree.tree);
        }
        Ok(FittedTrees { base, trees })
    }
}

impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for FittedTrees {
    /// How likely each row is fraud.
    fn predict_inplace<'a>(&'a self, records: &'a ArrayBase<D, Ix2>, out: &mut Array1<f64>) {
        for (row, out) in records.rows().into_iter().zip(out.iter_mut()) {
            let added: f64 = self
                .trees
                .iter()
                .map(|tree| leaf(tree, |column| row[column]))
                .sum();
            *out = probability(self.base + added);
        }
    }

    fn default_target(&self, records: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}
