//! Where the published transactions are, and small files of the same form.

use std::{fs, path::PathBuf};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use tributary_fraud_domain::DAY_S;
use tributary_fraud_training::handbook::{HEADER, Transaction};
use tributary_testkit::published;

/// The Handbook's published file; None, said on the terminal, where there is none.
pub(crate) fn handbook() -> Option<PathBuf> {
    published("handbook/transactions_2018-04-01_2018-08-14.csv.zst")
}

/// A file `name` of these lines below the header.
pub(crate) fn file_of(name: &str, lines: &[&str]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    let text = format!("{HEADER}\n{}\n", lines.join("\n"));
    let content = match name.ends_with(".zst") {
        true => zstd::encode_all(text.as_bytes(), 1).unwrap(),
        false => text.into_bytes(),
    };
    fs::write(&path, content).unwrap();
    (directory, path)
}

/// Transactions by seed, 40 customers and 12 terminals, many within one second, with frauds of their own.
pub(crate) fn generated(seed: u64, days: i64, per_day: i64) -> Vec<Transaction> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut rows: Vec<Transaction> = (0..days * per_day)
        .map(|index| {
            let at_s = 1_522_540_800 + index / per_day * DAY_S + random.random_range(0..DAY_S / 40) * 40;
            let terminal = random.random_range(0..12);
            let large = random.random_bool(0.03);
            Transaction {
                id: index.cast_unsigned(),
                at_s,
                customer: random.random_range(0..40),
                terminal,
                amount_minor: random.random_range(0..5_000) * if large { 8 } else { 1 },
                fraud: large || (terminal == 3 && random.random_bool(0.7)),
            }
        })
        .collect();
    rows.sort_unstable_by_key(|row| (row.at_s, row.id));
    rows
}
