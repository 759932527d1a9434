use linfa::{
    DatasetBase,
    traits::{Fit, Predict},
};
use ndarray::{Array1, Array2};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_fraud_training::{
    BoostedTrees, TrainingError,
    metrics::{average_precision, roc_auc},
};

fn parameters() -> BoostedTrees {
    BoostedTrees {
        trees: 40,
        leaves: 4,
        learning_rate: 0.2,
        l2: 1.0,
        rows_per_leaf: 5,
        bins: 64,
        fraud_weight: 1.0,
        rows_share: 1.0,
        seed: 7,
    }
}

/// Fraud where both features are on the same side: no straight line parts it.
pub(crate) fn checkers(seed: u64) -> DatasetBase<Array2<f64>, Array1<bool>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let records = Array2::from_shape_fn((2_000, 3), |_| random.random_range(-1.0..1.0));
    let targets = records
        .rows()
        .into_iter()
        .map(|row| (row[0] > 0.0) == (row[1] > 0.0))
        .collect();
    DatasetBase::new(records, targets)
}

#[test]
fn trees_learn_what_no_line_can_part() {
    let fitted = parameters().fit(&checkers(1)).unwrap();
    let unseen = checkers(2);
    let scores: Array1<f64> = fitted.predict(unseen.records());
    let scored: Vec<(f64, bool)> = scores
        .iter()
        .copied()
        .zip(unseen.targets().iter().copied())
        .collect();
    assert!(roc_auc(&scored) > 0.97, "{}", roc_auc(&scored));
    assert!(average_precision(&scored) > 0.97);
}

#[test]
fn one_split_is_the_one_that_can_be_worked_out_by_hand() {
    let records = Array2::from_shape_vec((6, 1), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let targets = Array1::from(vec![false, false, false, true, false, true]);
    let one = BoostedTrees {
        trees: 1,
        leaves: 2,
        learning_rate: 1.0,
        l2: 0.0,
        rows_per_leaf: 1,
        ..parameters()
    };
    let fitted = one.fit(&DatasetBase::new(records, targets)).unwrap();
    // Base: 2 frauds to 4 genuine. Each row has p = 1/3, p(1-p) = 2/9. Of all cuts that after 3 gains most: left
    // -(3 x 1/3)/(3 x 2/9) = -1.5; right -(-2/3 + 1/3 - 2/3)/(3 x 2/9) = 1.5.
    assert!((fitted.base - 0.5_f64.ln()).abs() < 1e-15);
    let tree = &fitted.trees[0];
    assert_eq!(tree.threshold[0], 3.5);
    assert!((tree.value[1] + 1.5).abs() < 1e-12 && (tree.value[2] - 1.5).abs() < 1e-12);
    assert!(
        tree.value[0].abs() < 1e-12,
        "expected at the root: the mean by rows"
    );
}

#[test]
fn the_same_seed_gives_the_same_trees_and_another_one_others() {
    let sampled = |seed| BoostedTrees {
        rows_share: 0.5,
        seed,
        ..parameters()
    };
    let data = checkers(3);
    let first = sampled(1).fit(&data).unwrap();
    assert_eq!(first, sampled(1).fit(&data).unwrap());
    assert_ne!(first, sampled(2).fit(&data).unwrap());
}

#[test]
fn frauds_can_weigh_more() {
    let weighted = BoostedTrees {
        fraud_weight: 10.0,
        ..parameters()
    };
    let data = checkers(4);
    let mean = |parameters: &BoostedTrees| {
        let scores: Array1<f64> = parameters.fit(&data).unwrap().predict(data.records());
        scores.sum()
    };
    assert!(mean(&weighted) > mean(&parameters()));
}

#[test]
fn parameters_and_data_that_make_no_sense_are_refused() {
    let data = checkers(5);
    let wrong: [fn(&mut BoostedTrees); 8] = [
        |p| p.trees = 0,
        |p| p.leaves = 1,
        |p| p.learning_rate = f64::NAN,
        |p| p.l2 = -1.0,
        |p| p.rows_per_leaf = 0,
        |p| p.bins = 65_536,
        |p| p.fraud_weight = 0.0,
        |p| p.rows_share = 1.5,
    ];
    let refused = |outcome: Result<_, TrainingError>| outcome.err().map(|error| error.code());
    for (index, change) in wrong.iter().enumerate() {
        let mut changed = parameters();
        change(&mut changed);
        assert_eq!(
            refused(changed.fit(&data)),
            Some("TRAINING_BAD_PARAMETER"),
            "{index}"
        );
    }
    let alike = DatasetBase::new(data.records().clone(), Array1::from_elem(2_000, true));
    assert_eq!(refused(parameters().fit(&alike)), Some("TRAINING_BAD_PARAMETER"));
    let mut records = data.records().clone();
    records[(0, 0)] = f64::NAN;
    let infinite = DatasetBase::new(records, data.targets().clone());
    assert_eq!(
        refused(parameters().fit(&infinite)),
        Some("TRAINING_BAD_PARAMETER")
    );
}
