use crate::{CustomerFeatures, DAY_S, Payment, payee::PayeeFeatures};

/// What a payment's features are called, in the order of [`FeatureVector`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    pub name: &'static str,
    /// Rises when the formula changes: a model that was trained on another version doesn't fit.
    pub version: u32,
}

const fn feature(name: &'static str) -> Feature {
    Feature { name, version: 1 }
}

/// All features. The first [`PUBLISHED`] are those of the Fraud Detection Handbook, chapter 3; the others are our own.
pub const FEATURES: [Feature; 22] = [
    feature("amount"),
    feature("weekend"),
    feature("night"),
    feature("customer_payments_1d"),
    feature("customer_mean_amount_1d"),
    feature("customer_payments_7d"),
    feature("customer_mean_amount_7d"),
    feature("customer_payments_30d"),
    feature("customer_mean_amount_30d"),
    feature("payee_payments_1d"),
    feature("payee_risk_1d"),
    feature("payee_payments_7d"),
    feature("payee_risk_7d"),
    feature("payee_payments_30d"),
    feature("payee_risk_30d"),
    feature("amount_times_typical"),
    feature("amount_unusual"),
    feature("customer_unusual_7d"),
    feature("payee_fraud_run"),
    feature("payee_fraud_run_age"),
    feature("amount_deviations"),
    feature("payee_days_since_genuine"),
];

/// How many features are the published ones.
pub const PUBLISHED: usize = 15;

/// How many features are our own.
pub const OWN: usize = FEATURES.len() - PUBLISHED;

/// A payment's features, in the order of [`FEATURES`]. All are finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureVector(pub [f64; FEATURES.len()]);

impl FeatureVector {
    /// Puts together what the two hops have found.
    #[expect(clippy::cast_precision_loss, reason = "a run is months old, not 2^53 seconds")]
    pub fn new(payment: &Payment, customer: &CustomerFeatures, payee: &PayeeFeatures) -> Self {
        let flag = |set: bool| f64::from(u8::from(set));
        let mut values = [0.0; FEATURES.len()];
        values[0] = payment.amount();
        values[1] = flag(payment.is_weekend());
        values[2] = flag(payment.is_night());
        for window in 0..3 {
            values[3 + 2 * window] = f64::from(customer.payments[window]);
            values[4 + 2 * window] = customer.mean_amount[window];
            values[9 + 2 * window] = f64::from(payee.payments[window]);
            values[10 + 2 * window] = payee.risk[window];
        }
        values[15] = customer.times_typical;
        values[16] = flag(customer.unusual);
        values[17] = f64::from(customer.unusual_before);
        values[18] = f64::from(payee.run);
        values[19] = payee.run_age_s as f64 / DAY_S as f64;
        values[20] = customer.deviations;
        values[21] = payee.since_genuine_s as f64 / DAY_S as f64;
        Self(values)
    }
}
