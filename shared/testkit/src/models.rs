use tributary_fraud_domain::model::{About, DataRange, FeatureRef, Kind, Scale, Trained, seal};

/// The artefact of a fraud model whose score rises with the amount: 1/2 at this one, by a step of `deviation` units to 0.73.
pub fn model_by_amount(name: &str, half_at: f64, deviation: f64) -> Vec<u8> {
    let data = DataRange {
        source: "made up".to_owned(),
        from: "2026-01-01".to_owned(),
        to: "2026-01-07".to_owned(),
        payments: 2,
        frauds: 1,
    };
    let trained = Trained {
        about: About {
            name: name.to_owned(),
            data,
            seed: 1,
            commit: String::new(),
            measured: Vec::new(),
        },
        features: vec![FeatureRef {
            name: "amount".to_owned(),
            version: 1,
        }],
        scales: vec![Scale {
            mean: half_at,
            deviation,
        }],
        kind: Kind::Logistic {
            intercept: 0.0,
            coefficients: vec![1.0],
        },
    };
    seal(&trained).unwrap()
}
