//! Random forests and single decision trees, behind linfa's traits (`docs/decisions/0040-forests-from-the-same-trees.md`).

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
    trees::{Binned, Gradient, Grower, Grown, Growth, check, check_shape, labels, leaf},
};

/// What a random forest is trained with (Breiman, 2001): each tree sees a bootstrap sample of the rows, and each split
/// some of the features.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomForest {
    pub trees: usize,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// Fewest rows of a leaf.
    pub rows_per_leaf: usize,
    /// How many features are looked at for a split.
    pub features_per_split: usize,
    /// Most bins of a feature.
    pub bins: usize,
    /// What a fraud weighs, a genuine payment weighing 1: a leaf votes for fraud where its frauds outweigh the rest.
    pub fraud_weight: f64,
    pub seed: u64,
}

/// A forest that has been trained. Its leaves are votes, 1 for fraud and 0 against it.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedForest {
    pub trees: Vec<Tree>,
}

impl<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>> Fit<ArrayBase<D, Ix2>, T, TrainingError>
    for RandomForest
{
    type Object = FittedForest;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<FittedForest, TrainingError> {
        check_shape(self.rows_per_leaf, self.leaves, self.bins, self.fraud_weight)?;
        check(&[
            (self.trees > 0, "at least one tree is needed"),
            (
                self.features_per_split > 0,
                "a split looks at least at one feature",
            ),
        ])?;
        let labels = labels(dataset)?;
        let binned = Binned::new(dataset.records().columns(), self.bins);
        let growth = Growth {
            features: self.features_per_split,
            ..impurity(self.leaves, usize::MAX, self.rows_per_leaf)
        };
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut trees = Vec::with_capacity(self.trees);
        for _ in 0..self.trees {
            let mut drawn = vec![0_u32; labels.len()];
            for _ in 0..labels.len() {
                drawn[random.random_range(0..labels.len())] += 1;
            }
            let gradient = |(drawn, fraud): (&u32, &bool)| {
                let weight = f64::from(*drawn) * if *fraud { self.fraud_weight } else { 1.0 };
                share(*fraud, weight)
            };
            let gradients: Vec<Gradient> = drawn.iter().zip(&labels).map(gradient).collect();
            let rows = (0..binned.rows())
                .filter(|row| drawn[*row as usize] > 0)
                .collect();
            let grown = Grower::new(&growth, &binned, &gradients, &mut random).grow(rows);
            trees.push(votes(grown));
        }
        Ok(FittedForest { trees })
    }
}

impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for FittedForest {
    /// The share of the trees that vote for fraud.
    fn predict_inplace<'a>(&'a self, records: &'a ArrayBase<D, Ix2>, out: &mut Array1<f64>) {
        for (row, out) in records.rows().into_iter().zip(out.iter_mut()) {
            let votes: f64 = self
                .trees
                .iter()
                .map(|tree| leaf(tree, |column| row[column]))
                .sum();
            *out = votes / self.trees.len() as f64;
        }
    }

    fn default_target(&self, records: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

/// One decision tree, whose leaves say the share of frauds among them, as log-odds: boosted trees of one tree.
///
/// # Errors
/// When the parameters or the data make no sense.
pub fn decision_tree<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>>(
    dataset: &DatasetBase<ArrayBase<D, Ix2>, T>,
    depth: usize,
    bins: usize,
) -> Result<Tree, TrainingError> {
    let growth = impurity(1 << depth.clamp(1, 10), depth, 1);
    check_shape(1, growth.leaves, bins, 1.0)?;
    let labels = labels(dataset)?;
    let binned = Binned::new(dataset.records().columns(), bins);
    let gradients: Vec<Gradient> = labels.iter().map(|fraud| share(*fraud, 1.0)).collect();
    // All features are looked at, so nothing is drawn.
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut grown = Grower::new(&growth, &binned, &gradients, &mut random).grow((0..binned.rows()).collect());
    let leaves = grown.tree.value.iter_mut().zip(&grown.rows);
    for (value, rows) in leaves {
        // As if half a fraud and half a genuine payment more were in it: odds of none have no logarithm.
        let (frauds, rows) = (*value * f64::from(*rows), f64::from(*rows));
        *value = ((frauds + 0.5) / (rows - frauds + 0.5)).ln();
    }
    grown.expect();
    Ok(grown.tree)
}

/// Trees that part frauds from the rest by the Gini impurity.
fn impurity(leaves: usize, depth: usize, rows_per_leaf: usize) -> Growth {
    Growth {
        leaves,
        depth,
        rows_per_leaf,
        l2: 0.0,
        learning_rate: 1.0,
        features: usize::MAX,
    }
}

fn share(fraud: bool, weight: f64) -> Gradient {
    Gradient {
        first: if fraud { -weight } else { 0.0 },
        second: weight,
    }
}

/// Leaves as votes, and splits behind which all vote alike taken out: it says the same in fewer nodes.
fn votes(mut grown: Grown) -> Tree {
    let tree = &mut grown.tree;
    for node in (0..tree.feature.len()).rev() {
        let [left, right] = [tree.left[node], tree.right[node]].map(usize::from);
        if left == 0 {
            tree.value[node] = f64::from(u8::from(tree.value[node] > 0.5));
        } else if tree.left[left] == 0 && tree.left[right] == 0 && tree.value[left] == tree.value[right] {
            tree.value[node] = tree.value[left];
            (tree.left[node], tree.right[node]) = (0, 0);
            (tree.feature[node], tree.threshold[node]) = (0, 0.0);
        }
    }
    grown.expect();
    without_orphans(&grown.tree)
}

/// The nodes that can be reached, in their order.
fn without_orphans(tree: &Tree) -> Tree {
    let count = tree.feature.len();
    let mut reached = vec![false; count];
    reached[0] = true;
    for node in 0..count {
        if reached[node] && tree.left[node] != 0 {
            reached[usize::from(tree.left[node])] = true;
            reached[usize::from(tree.right[node])] = true;
        }
    }
    let mut place = vec![0_u16; count];
    let mut kept = Tree::default();
    for (next, node) in (0..).zip((0..count).filter(|node| reached[*node])) {
        place[node] = next;
        kept.feature.push(tree.feature[node]);
        kept.threshold.push(tree.threshold[node]);
        kept.left.push(tree.left[node]);
        kept.right.push(tree.right[node]);
        kept.value.push(tree.value[node]);
    }
    for child in kept.left.iter_mut().chain(&mut kept.right) {
        // 0 says leaf, and the root keeps its place.
        *child = place[usize::from(*child)];
    }
    kept
}
