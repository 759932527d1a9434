//! Every stable code of the fraud core stands on its page.

use std::{fs, path::Path};

#[test]
fn every_code_stands_in_docs_fraud_md() {
    let sources = [
        "src/handbook/fault.rs",
        "src/protocol.rs",
        "src/error.rs",
        "src/export.rs",
        "../domain/src/payment.rs",
        "../domain/src/payee.rs",
        "../domain/src/model/refused.rs",
    ];
    let count = codes_listed("fraud.md", &sources);
    assert!(count >= 30, "{count} codes");
}

#[test]
fn every_code_of_laundering_stands_in_its_page() {
    let sources = ["src/amlsim/fault.rs", "../laundering/src/payment.rs"];
    let count = codes_listed("laundering.md", &sources);
    assert!(count >= 18, "{count} codes");
}

/// How many codes the sources have, all of which the page lists.
fn codes_listed(page: &str, sources: &[&str]) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../../../docs").join(page)).unwrap();
    let mut count = 0;
    for source in sources {
        let text = fs::read_to_string(root.join(source)).unwrap();
        let shouts = |word: &&str| {
            word.contains('_') && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        for code in text.split('"').filter(shouts) {
            assert!(
                page.contains(&format!("`{code}`")),
                "{code} of {source} isn't listed"
            );
            count += 1;
        }
    }
    count
}
