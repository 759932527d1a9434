//! Every stable code of the fraud core stands on its page.

use std::{fs, path::Path};

#[test]
fn every_code_stands_in_docs_fraud_md() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../../../docs/fraud.md")).unwrap();
    let sources = [
        "src/handbook/fault.rs",
        "src/protocol.rs",
        "src/error.rs",
        "../domain/src/payment.rs",
        "../domain/src/payee.rs",
        "../domain/src/model/refused.rs",
    ];
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
    assert!(count >= 30, "{count} codes");
}
