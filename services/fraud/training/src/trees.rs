//! Binary trees on histograms, grown leaf by leaf, the best split first: what boosted trees, forests and a single decision
//! tree are made of (`docs/decisions/0034-boosted-trees-of-our-own.md`).

mod bins;
mod grow;

use linfa::{DatasetBase, dataset::AsSingleTargets};
use ndarray::{ArrayBase, Data, Ix2};
use tributary_fraud_domain::model::{LEAVES_MAX, Tree};

use crate::TrainingError;
pub(crate) use bins::Binned;
pub(crate) use grow::{Gradient, Grower, Grown, Growth};

/// The labels, if there is something to learn from them and the features are numbers.
pub(crate) fn labels<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>>(
    dataset: &DatasetBase<ArrayBase<D, Ix2>, T>,
) -> Result<Vec<bool>, TrainingError> {
    let records = dataset.records();
    let labels: Vec<bool> = dataset.targets().as_single_targets().iter().copied().collect();
    if labels.len() != records.nrows() || records.iter().any(|value| !value.is_finite()) {
        return Err(TrainingError::Parameter(
            "rows and labels must be equally many, values finite",
        ));
    }
    match labels.contains(&true) && labels.contains(&false) {
        true => Ok(labels),
        false => Err(TrainingError::Parameter(
            "frauds and genuine payments are both needed",
        )),
    }
}

pub(crate) fn check(conditions: &[(bool, &'static str)]) -> Result<(), TrainingError> {
    match conditions.iter().find(|(fits, _)| !fits) {
        Some((_, what)) => Err(TrainingError::Parameter(what)),
        None => Ok(()),
    }
}

pub(crate) fn positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}

/// What all trees are checked for: fewest rows of a leaf, most leaves, most bins, weight of a fraud.
pub(crate) fn check_shape(
    rows_per_leaf: usize,
    leaves: usize,
    bins: usize,
    fraud_weight: f64,
) -> Result<(), TrainingError> {
    check(&[
        (rows_per_leaf > 0, "a leaf has at least one row"),
        ((2..=LEAVES_MAX).contains(&leaves), "a tree has 2 to 1,024 leaves"),
        (
            (2..=usize::from(u16::MAX)).contains(&bins),
            "a feature has 2 to 65,535 bins",
        ),
        (positive(fraud_weight), "a fraud's weight must be above 0"),
    ])
}

/// What a tree says of a row.
pub(crate) fn leaf(tree: &Tree, value: impl Fn(usize) -> f64) -> f64 {
    let mut node = 0;
    while tree.left[node] != 0 {
        let goes_left = value(usize::from(tree.feature[node])) <= tree.threshold[node];
        node = usize::from(if goes_left {
            tree.left[node]
        } else {
            tree.right[node]
        });
    }
    tree.value[node]
}
