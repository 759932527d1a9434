use linfa::{DatasetBase, traits::Fit};
use linfa_logistic::LogisticRegression;
use tributary_fraud_domain::model::{Kind, Scale};

use crate::{Table, TrainingError};

/// What a logistic regression is trained with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logistic {
    /// Weight of the squared coefficients, on scaled features: 1/C of scikit-learn.
    pub alpha: f64,
}

/// Fits a logistic regression on scaled features with linfa. Nothing about it is random.
///
/// Frauds are not weighted: what matters is the ranking, and weights would only move the intercept far from the
/// fraud rate.
///
/// # Errors
/// When the labels are all alike, or the solver fails.
pub fn train_logistic(table: &Table, parameters: Logistic) -> Result<(Vec<Scale>, Kind), TrainingError> {
    let scales = table.scales();
    let mut records = table.records.clone();
    for (mut column, scale) in records.columns_mut().into_iter().zip(&scales) {
        column.mapv_inplace(|value| (value - scale.mean) / scale.deviation);
    }
    let dataset = DatasetBase::new(records, table.targets.clone());
    let fitted = LogisticRegression::default()
        .alpha(parameters.alpha)
        .max_iterations(500)
        .gradient_tolerance(1e-3)
        .fit(&dataset)?;
    // linfa takes the class with more rows as the positive one.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let kind = Kind::Logistic {
        intercept: sign * fitted.intercept(),
        coefficients: fitted
            .params()
            .iter()
            .map(|coefficient| sign * coefficient)
            .collect(),
    };
    Ok((scales, kind))
}
