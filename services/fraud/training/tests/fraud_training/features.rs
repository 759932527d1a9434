//! The stream's features beside the batch's, row by row.

use tributary_fraud_domain::FEATURES;
use tributary_fraud_training::{
    batch,
    handbook::{Transaction, Transactions},
    stream,
};

use crate::support::{generated, handbook};

fn assert_equal(transactions: &[Transaction]) {
    let streamed = stream::features(transactions).unwrap();
    let expected = batch::features(transactions);
    assert_eq!(streamed.len(), expected.len());
    for (row, (streamed, expected)) in streamed.iter().zip(&expected).enumerate() {
        for (feature, (streamed, expected)) in FEATURES.iter().zip(streamed.0.iter().zip(&expected.0)) {
            assert!(
                streamed.to_bits() == expected.to_bits(),
                "row {row}, {}: {streamed} in the stream, {expected} in the batch, {:?}",
                feature.name,
                transactions[row]
            );
        }
    }
}

#[test]
fn stream_and_batch_agree_on_payments_of_the_same_second_and_on_edges_of_windows() {
    for seed in 0..4 {
        assert_equal(&generated(seed, 80, 60));
    }
}

/// The whole file: `TRIBUTARY_WHOLE_FILE=1`. Otherwise the customers and the terminals with numbers below 250, whose rows are all
/// there; some others have a part of theirs.
#[test]
fn stream_and_batch_agree_on_the_published_file() {
    let Some(path) = handbook() else { return };
    let mut rows = Transactions::load(&path).unwrap().rows;
    if std::env::var("TRIBUTARY_WHOLE_FILE").as_deref() != Ok("1") {
        rows.retain(|row| row.customer < 250 || row.terminal < 250);
    }
    assert!(rows.len() > 90_000);
    assert_equal(&rows);
    println!("{} rows, {} features each", rows.len(), FEATURES.len());
}
