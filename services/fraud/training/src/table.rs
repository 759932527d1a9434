use ndarray::{Array1, Array2};
use tributary_fraud_domain::{
    FEATURES, FeatureVector,
    model::{FeatureRef, Scale},
};

/// Features and labels to learn from.
#[derive(Clone, Debug)]
pub struct Table {
    /// Indexes into [`FEATURES`].
    columns: Vec<usize>,
    /// A row for each payment.
    pub records: Array2<f64>,
    /// Fraud or not.
    pub targets: Array1<bool>,
}

impl Table {
    /// Takes `columns` (indexes into [`FEATURES`]) of the payments.
    pub fn new<'a>(
        columns: &[usize],
        payments: impl ExactSizeIterator<Item = (&'a FeatureVector, bool)>,
    ) -> Self {
        let mut records = Array2::zeros((payments.len(), columns.len()));
        let mut targets = Vec::with_capacity(payments.len());
        for (mut row, (vector, fraud)) in records.rows_mut().into_iter().zip(payments) {
            for (place, column) in row.iter_mut().zip(columns) {
                *place = vector.0[*column];
            }
            targets.push(fraud);
        }
        Self {
            columns: columns.to_vec(),
            records,
            targets: targets.into(),
        }
    }

    /// The columns by name and version.
    pub fn features(&self) -> Vec<FeatureRef> {
        let feature = |column: &usize| FeatureRef {
            name: FEATURES[*column].name.to_owned(),
            version: FEATURES[*column].version,
        };
        self.columns.iter().map(feature).collect()
    }

    /// Mean and deviation of each column. One that is the same everywhere is left at its size.
    pub fn scales(&self) -> Vec<Scale> {
        let rows = self.records.nrows() as f64;
        let scale = |column: ndarray::ArrayView1<'_, f64>| {
            let mean = column.sum() / rows;
            let variance = column
                .iter()
                .map(|value| (value - mean) * (value - mean))
                .sum::<f64>()
                / rows;
            let deviation = variance.sqrt();
            Scale {
                mean,
                deviation: if deviation > 0.0 { deviation } else { 1.0 },
            }
        };
        self.records.columns().into_iter().map(scale).collect()
    }
}
