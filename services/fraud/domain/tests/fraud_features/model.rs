use tributary_fraud_domain::{
    FEATURES, FeatureVector, Model,
    model::{About, DataRange, FeatureRef, Kind, ModelRefused, Scale, Trained, Tree, seal},
};

fn trained(features: &[&str], kind: Kind) -> Trained {
    let reference = |name: &&str| FeatureRef {
        name: (*name).to_owned(),
        version: 1,
    };
    let scale = |_: &&str| Scale {
        mean: 50.0,
        deviation: 10.0,
    };
    let scales = match kind {
        Kind::Logistic { .. } => features.iter().map(scale).collect(),
        _ => Vec::new(),
    };
    Trained {
        about: About {
            name: "test".to_owned(),
            data: DataRange {
                source: "none".to_owned(),
                from: "2018-07-25".to_owned(),
                to: "2018-07-31".to_owned(),
                payments: 2,
                frauds: 1,
            },
            seed: 1,
            commit: String::new(),
            measured: Vec::new(),
        },
        features: features.iter().map(reference).collect(),
        scales,
        kind,
    }
}

fn logistic() -> Trained {
    let coefficients = vec![2.0, -0.5];
    trained(
        &["payee_risk_7d", "amount"],
        Kind::Logistic {
            intercept: -1.0,
            coefficients,
        },
    )
}

/// The first feature up to 100: -1; above it by the second: up to 0.5 1, above 3.
fn tree() -> Tree {
    Tree {
        feature: vec![0, 0, 1, 0, 0],
        threshold: vec![100.0, 0.0, 0.5, 0.0, 0.0],
        left: vec![1, 0, 3, 0, 0],
        right: vec![2, 0, 4, 0, 0],
        value: vec![-0.5, -1.0, 1.5, 1.0, 3.0],
    }
}

fn boosted(tree: Tree) -> Trained {
    let trees = vec![tree];
    trained(
        &["amount", "payee_risk_7d"],
        Kind::BoostedTrees { base: -2.0, trees },
    )
}

fn payment(amount: f64, risk: f64) -> FeatureVector {
    let mut values = [0.0; FEATURES.len()];
    values[0] = amount;
    values[12] = risk;
    assert_eq!(FEATURES[12].name, "payee_risk_7d");
    FeatureVector(values)
}

fn load(trained: &Trained) -> Model {
    Model::load(&seal(trained).unwrap()).unwrap()
}

fn logistic_function(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[test]
fn a_logistic_score_is_made_of_what_its_features_add() {
    let model = load(&logistic());
    let payment = payment(70.0, 60.0);
    // (60 - 50) / 10 * 2 and (70 - 50) / 10 * -0.5.
    let added: Vec<(&str, f64)> = model
        .explain(&payment)
        .1
        .iter()
        .map(|added| (added.feature.name, added.amount))
        .collect();
    assert_eq!(added, [("payee_risk_7d", 2.0), ("amount", -1.0)]);
    assert!((model.score(&payment) - logistic_function(-1.0 + 2.0 - 1.0)).abs() < 1e-15);
    assert_eq!(model.explain(&payment).0, model.score(&payment));
}

#[test]
fn a_tree_sends_values_up_to_the_threshold_left_and_says_what_each_split_added() {
    let model = load(&boosted(tree()));
    assert_eq!(model.score(&payment(100.0, 1.0)), logistic_function(-3.0));
    assert_eq!(model.score(&payment(100.1, 0.5)), logistic_function(-1.0));
    let fraud = payment(100.1, 0.6);
    assert_eq!(model.score(&fraud), logistic_function(1.0));
    assert_eq!(model.explain(&fraud).0, model.score(&fraud));
    let added: Vec<(&str, f64)> = model
        .explain(&fraud)
        .1
        .iter()
        .map(|added| (added.feature.name, added.amount))
        .collect();
    // From -0.5 to 1.5 by the amount, from there to 3 by the risk.
    assert_eq!(added, [("amount", 2.0), ("payee_risk_7d", 1.5)]);
}

#[test]
fn a_forest_scores_by_the_share_of_its_votes() {
    let stump = |value| Tree {
        feature: vec![0],
        threshold: vec![0.0],
        left: vec![0],
        right: vec![0],
        value: vec![value],
    };
    let trees = vec![tree(), stump(1.0), stump(0.2), stump(0.5)];
    let model = load(&trained(&["amount", "payee_risk_7d"], Kind::Forest { trees }));
    assert_eq!(model.score(&payment(100.0, 0.0)), 0.25);
    assert_eq!(model.score(&payment(200.0, 0.0)), 0.5);
    assert_eq!(model.explain(&payment(100.0, 0.0)).0, 0.25);
    assert_eq!(model.explain(&payment(200.0, 0.0)).0, 0.5);
}

#[test]
fn an_artefact_keeps_where_it_comes_from() {
    let model = load(&logistic());
    assert_eq!(model.about(), &logistic().about);
    assert_eq!(model.hash().len(), 64);
    assert_eq!(seal(&logistic()).unwrap(), seal(&logistic()).unwrap());
}

fn refused(artefact: &[u8]) -> &'static str {
    Model::load(artefact).unwrap_err().code()
}

#[test]
fn a_damaged_artefact_is_refused() {
    let artefact = seal(&logistic()).unwrap();
    for length in 0..artefact.len() {
        assert_eq!(refused(&artefact[..length]), "MODEL_MALFORMED");
    }
    // Whatever byte is changed: nothing but another spelling of the same passes.
    for index in 0..artefact.len() {
        let mut damaged = artefact.clone();
        damaged[index] ^= 1;
        assert!(Model::load(&damaged).is_err(), "byte {index}");
    }
    let text = String::from_utf8(artefact).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        refused(text.replace(from, to).as_bytes())
    };
    assert_eq!(
        changed("\"intercept\":-1.0", "\"intercept\":-1.5"),
        "MODEL_HASH_MISMATCH"
    );
    assert_eq!(
        changed("\"format\":1", "\"format\":2"),
        "MODEL_UNSUPPORTED_FORMAT"
    );
    assert_eq!(
        changed("{\"format\"", "{\"more\":1,\"format\""),
        "MODEL_MALFORMED"
    );
    assert_eq!(refused(&vec![b' '; 1_000_001]), "MODEL_TOO_LARGE");
}

fn sealed(trained: &Trained) -> &'static str {
    match seal(trained) {
        Ok(_) => "",
        Err(error) => error.code(),
    }
}

#[test]
fn a_model_that_does_not_fit_the_features_is_refused() {
    let change = |change: fn(&mut Trained)| {
        let mut trained = logistic();
        change(&mut trained);
        sealed(&trained)
    };
    assert_eq!(change(|_| ()), "");
    assert_eq!(
        change(|model| model.features[0].name = "scenario".into()),
        "MODEL_UNKNOWN_FEATURE"
    );
    assert_eq!(
        change(|model| model.features[0].version = 2),
        "MODEL_FEATURE_VERSION"
    );
    assert_eq!(
        change(|model| model.features[0].name = "amount".into()),
        "MODEL_FEATURE_TWICE"
    );
    assert_eq!(change(|model| model.features.truncate(1)), "MODEL_SHAPE");
    assert_eq!(change(|model| model.features.clear()), "MODEL_SHAPE");
    assert_eq!(change(|model| model.scales.truncate(1)), "MODEL_SHAPE");
    assert_eq!(
        change(|model| model.scales[0].deviation = 0.0),
        "MODEL_BAD_NUMBER"
    );
    let infinite = Kind::Logistic {
        intercept: f64::INFINITY,
        coefficients: vec![1.0, 1.0],
    };
    // JSON has no word for it.
    assert_eq!(
        sealed(&trained(&["amount", "night"], infinite)),
        "MODEL_MALFORMED"
    );
    let error = seal(&Trained {
        features: vec![],
        ..logistic()
    });
    assert_eq!(error, Err(ModelRefused::Shape("the model has no features")));
}

#[test]
fn what_is_no_tree_is_refused() {
    let change = |change: fn(&mut Tree)| {
        let mut tree = tree();
        change(&mut tree);
        sealed(&boosted(tree))
    };
    assert_eq!(change(|_| ()), "");
    assert_eq!(change(|tree| tree.left[2] = 2), "MODEL_BROKEN_TREE", "a circle");
    assert_eq!(
        change(|tree| tree.left[2] = 1),
        "MODEL_BROKEN_TREE",
        "a child of two"
    );
    assert_eq!(
        change(|tree| tree.right[2] = 9),
        "MODEL_BROKEN_TREE",
        "a child that isn't there"
    );
    assert_eq!(
        change(|tree| tree.right[2] = 0),
        "MODEL_BROKEN_TREE",
        "one child only"
    );
    assert_eq!(change(|tree| tree.value.truncate(4)), "MODEL_BROKEN_TREE");
    assert_eq!(
        change(|tree| tree.feature[2] = 2),
        "MODEL_BROKEN_TREE",
        "a feature beyond the list"
    );
    assert_eq!(
        change(|tree| {
            tree.left[2] = 0;
            tree.right[2] = 0;
        }),
        "MODEL_BROKEN_TREE",
        "nodes that nothing leads to"
    );
    assert_eq!(change(|tree| *tree = Tree::default()), "MODEL_BROKEN_TREE");
    let mut scaled = boosted(tree());
    scaled.scales.push(Scale {
        mean: 0.0,
        deviation: 1.0,
    });
    assert_eq!(sealed(&scaled), "MODEL_SHAPE");
    let none = trained(
        &["amount"],
        Kind::BoostedTrees {
            base: 0.0,
            trees: vec![],
        },
    );
    assert_eq!(sealed(&none), "MODEL_SHAPE");
}
