use linfa::{
    DatasetBase,
    traits::{Fit, Predict},
};
use ndarray::{Array1, Array2};
use tributary_fraud_domain::{
    FEATURES, FeatureVector, Model,
    model::{About, DataRange, FeatureRef, Kind, Trained, Tree, seal},
};
use tributary_fraud_training::{RandomForest, TrainingError, decision_tree, metrics::roc_auc};

use crate::boosted::checkers;

fn parameters() -> RandomForest {
    RandomForest {
        trees: 40,
        leaves: 64,
        rows_per_leaf: 1,
        features_per_split: 2,
        bins: 64,
        fraud_weight: 1.0,
        seed: 7,
    }
}

/// Nothing but leaves and splits that tell them apart.
fn is_vote(tree: &Tree) -> bool {
    (0..tree.left.len()).all(|node| {
        let [left, right] = [tree.left[node], tree.right[node]].map(usize::from);
        match left {
            0 => tree.value[node] == 0.0 || tree.value[node] == 1.0,
            _ => tree.left[left] != 0 || tree.left[right] != 0 || tree.value[left] != tree.value[right],
        }
    })
}

#[test]
fn a_forest_learns_what_no_line_can_part_and_scores_by_the_share_of_its_votes() {
    let fitted = parameters().fit(&checkers(1)).unwrap();
    assert!(fitted.trees.iter().all(is_vote));
    let unseen = checkers(2);
    let scores: Array1<f64> = fitted.predict(unseen.records());
    let scored: Vec<(f64, bool)> = scores
        .iter()
        .copied()
        .zip(unseen.targets().iter().copied())
        .collect();
    assert!(roc_auc(&scored) > 0.97, "{}", roc_auc(&scored));
    let shares = scores.iter().map(|score| score * 40.0);
    assert!(shares.clone().all(|votes| (votes - votes.round()).abs() < 1e-9));
    assert!(
        shares.filter(|votes| *votes > 0.5 && *votes < 39.5).count() > 10,
        "trees differ"
    );
}

/// What the trainer says, the service says of the artefact.
#[test]
fn the_artefact_of_a_forest_scores_as_the_forest_does() {
    let fitted = parameters().fit(&checkers(3)).unwrap();
    let columns = [0, 3, 4];
    let feature = |column: usize| FeatureRef {
        name: FEATURES[column].name.to_owned(),
        version: FEATURES[column].version,
    };
    let trained = Trained {
        about: About {
            name: "forest".to_owned(),
            data: DataRange {
                source: String::new(),
                from: String::new(),
                to: String::new(),
                payments: 2_000,
                frauds: 1_000,
            },
            seed: 7,
            commit: String::new(),
            measured: Vec::new(),
        },
        features: columns.map(feature).into(),
        scales: Vec::new(),
        kind: Kind::Forest {
            trees: fitted.trees.clone(),
        },
    };
    let artefact = seal(&trained).unwrap();
    let model = Model::load(&artefact).unwrap();
    let unseen = checkers(4);
    let scores: Array1<f64> = fitted.predict(unseen.records());
    let mut explained = Vec::new();
    for (row, score) in unseen.records().rows().into_iter().zip(&scores) {
        let mut vector = FeatureVector([0.0; FEATURES.len()]);
        for (column, value) in columns.into_iter().zip(row) {
            vector.0[column] = *value;
        }
        assert!((model.score(&vector) - score).abs() < 1e-12);
        let (told, contributions) = model.explain(&vector);
        assert_eq!(told.to_bits(), model.score(&vector).to_bits());
        let added: f64 = contributions.iter().map(|found| found.amount).sum();
        explained.push(score - added);
    }
    let constant = explained[0];
    assert!(
        explained.iter().all(|rest| (rest - constant).abs() < 1e-9),
        "contributions add up to the votes less a constant"
    );
    let mut damaged = artefact.clone();
    let threshold = damaged.len() / 2;
    let digit = (threshold..)
        .find(|index| damaged[*index].is_ascii_digit())
        .unwrap();
    damaged[digit] = if damaged[digit] == b'1' { b'2' } else { b'1' };
    let refused = Model::load(&damaged).map(|_| ()).map_err(|error| error.code());
    assert_eq!(refused, Err("MODEL_HASH_MISMATCH"));
}

#[test]
fn frauds_that_weigh_more_get_more_votes_and_the_seed_decides_all_that_is_random() {
    let data = checkers(5);
    let few = DatasetBase::new(
        data.records().clone(),
        Array1::from_iter((0..2_000).map(|row| row % 20 == 0 && data.records()[(row, 0)] > -0.5)),
    );
    let mean = |fraud_weight| {
        let forest = RandomForest {
            fraud_weight,
            leaves: 8,
            ..parameters()
        };
        let scores: Array1<f64> = forest.fit(&few).unwrap().predict(few.records());
        scores.mean().unwrap()
    };
    assert!(mean(20.0) > mean(1.0) + 0.1);
    let first = parameters().fit(&data).unwrap();
    assert_eq!(first, parameters().fit(&data).unwrap());
    let other = RandomForest {
        seed: 8,
        ..parameters()
    };
    assert_ne!(first, other.fit(&data).unwrap());
}

#[test]
fn a_decision_tree_says_the_log_odds_of_its_leaves() {
    let records = Array2::from_shape_vec((8, 1), (1..=8).map(f64::from).collect()).unwrap();
    let targets = Array1::from(vec![false, false, false, false, false, true, true, true]);
    let data = DatasetBase::new(records, targets);
    let tree = decision_tree(&data, 1, 64).unwrap();
    assert_eq!((tree.threshold[0], tree.feature.len()), (5.5, 3));
    assert!(
        (tree.value[1] - (0.5_f64 / 5.5).ln()).abs() < 1e-12,
        "no fraud of five"
    );
    assert!(
        (tree.value[2] - (3.5_f64 / 0.5).ln()).abs() < 1e-12,
        "three of three"
    );
    let deeper = decision_tree(&checkers(6), 2, 64).unwrap();
    let leaves = deeper.left.iter().filter(|left| **left == 0).count();
    assert_eq!(leaves, 4);
}

#[test]
fn parameters_and_data_that_make_no_sense_are_refused() {
    let data = checkers(7);
    let wrong: [fn(&mut RandomForest); 6] = [
        |p| p.trees = 0,
        |p| p.leaves = 1_025,
        |p| p.rows_per_leaf = 0,
        |p| p.features_per_split = 0,
        |p| p.bins = 1,
        |p| p.fraud_weight = f64::INFINITY,
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
    let alike = DatasetBase::new(data.records().clone(), Array1::from_elem(2_000, false));
    assert_eq!(refused(parameters().fit(&alike)), Some("TRAINING_BAD_PARAMETER"));
    assert!(decision_tree(&alike, 2, 64).is_err());
}
