//! The stream's features beside the batch's, row by row.

use tributary_fraud_domain::FEATURES;
use tributary_fraud_training::{
    batch, export,
    handbook::{Transaction, Transactions},
    parity::compare,
    stream,
};

use crate::support::{generated, handbook};

fn assert_equal(transactions: &[Transaction]) {
    let streamed = stream::features(transactions).unwrap().into_iter().map(Some);
    let parity = compare(
        transactions,
        &streamed.collect::<Vec<_>>(),
        &batch::features(transactions),
    );
    assert!(parity.holds(), "{parity}");
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

#[test]
fn a_planted_difference_and_a_missing_row_are_found() {
    let rows = generated(1, 20, 30);
    let expected = batch::features(&rows);
    let mut streamed: Vec<_> = expected.iter().copied().map(Some).collect();
    assert!(compare(&rows, &streamed, &expected).holds());
    // The smallest there is: the last bit of one feature of one row.
    let planted = &mut streamed[7].as_mut().unwrap().0[4];
    *planted = f64::from_bits(planted.to_bits() + 1);
    streamed[9] = None;
    let parity = compare(&rows, &streamed, &expected);
    assert_eq!((parity.differing, parity.missing), (1, 1));
    assert_eq!(parity.differences[0].transaction, rows[7].id);
    assert_eq!(parity.differences[0].feature, FEATURES[4].name);
    assert!(parity.to_string().contains("DIFFER"), "{parity}");
    assert_eq!(compare(&rows, &streamed[..5], &expected).missing, 595);
}

#[test]
fn exported_features_come_back_bit_for_bit_and_what_is_no_export_is_refused() {
    let rows = generated(2, 50, 40);
    let features = stream::features(&rows).unwrap();
    let all: Vec<_> = features.iter().copied().map(Some).collect();
    let directory = tempfile::tempdir().unwrap();
    for name in ["features.csv", "features.csv.zst"] {
        let path = directory.path().join(name);
        export::write(&path, &rows, &all).unwrap();
        let back: Vec<_> = export::read(&path, &rows)
            .unwrap()
            .into_iter()
            .map(Some)
            .collect();
        assert!(compare(&rows, &back, &features).holds());
    }
    let path = directory.path().join("features.csv");
    let code = |rows: &[Transaction]| export::read(&path, rows).unwrap_err().code();
    let text = std::fs::read_to_string(&path).unwrap();
    let other = Transaction {
        id: 1 << 40,
        ..rows[0]
    };
    assert_eq!(code(&[other]), "FEATURES_MISSING_ROWS");
    for (wrong, expected) in [
        (text.replacen(".v1", ".v2", 1), "FEATURES_OTHER_VERSIONS"),
        (String::new(), "FEATURES_OTHER_VERSIONS"),
        (format!("{text}1,2,3\n"), "FEATURES_BAD_ROW"),
        (text.replacen("\n0,", "\nx,", 1), "FEATURES_BAD_ROW"),
    ] {
        std::fs::write(&path, wrong).unwrap();
        assert_eq!(code(&rows), expected);
    }
    let nowhere = directory.path().join("nowhere.csv");
    assert_eq!(export::read(&nowhere, &rows).unwrap_err().code(), "FEATURES_IO");
    let kind = export::write(&directory.path().join("a.txt"), &rows, &all);
    assert_eq!(kind.unwrap_err().code(), "FEATURES_UNKNOWN_KIND");
}
