//! Rules that are activated while the bank runs, by the command that an operator has.

use std::process::{Command, Output};
use std::time::Duration;

use tributary_checker::{End, check_all};
use tributary_ids::PaymentId;

use crate::bank::Bank;

fn fraud(bank: &Bank, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bank"))
        .arg("fraud")
        .args(arguments)
        .args(["--brokers", &bank.local.brokers()])
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn rules_are_activated_while_payments_come_and_a_fraud_is_labelled() {
    let mut bank = Bank::start();
    for name in ["ann", "bob"] {
        bank.open(name, "500000.00");
    }
    bank.transfer("payment/before", "ann", "bob", "20.00");
    let fate = |name: &str| {
        format!(
            "SELECT concat_ws(' ', state, code, fraud_decision, fraud_rules) FROM payments.payments WHERE payment_id = '{}'",
            PaymentId::named(name)
        )
    };
    bank.await_rows(&fate("payment/before"), &["completed approve amount-limit.v1"]);

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.json");
    let path = file.to_str().unwrap().to_owned();
    let rules = |when: &str| {
        format!(
            r#"{{"format": 1, "name": "strict.v1", "rules": [{{"name": "TOO_MUCH", "when": "{when}", "then": "decline"}}]}}"#
        )
    };
    std::fs::write(&file, rules("amuont > 15.0")).unwrap();
    let refused = fraud(&bank, &["activate", "--rules", &path]);
    assert!(!refused.status.success());
    assert!(
        told(&refused).contains("RULES_UNKNOWN_VARIABLE"),
        "{}",
        told(&refused)
    );
    std::fs::write(&file, rules("amount > 15.0")).unwrap();
    let activated = fraud(&bank, &["activate", "--rules", &path]);
    assert!(activated.status.success(), "{}", told(&activated));
    for partition in 0..2 {
        let line = format!("partition {partition}: rules strict.v1 (");
        assert!(told(&activated).contains(&line), "{}", told(&activated));
    }

    bank.transfer("payment/declined", "ann", "bob", "20.00");
    bank.await_rows(
        &fate("payment/declined"),
        &["rejected FRAUD_DECLINED decline strict.v1"],
    );
    bank.transfer("payment/after", "ann", "bob", "10.00");
    bank.await_rows(&fate("payment/after"), &["completed approve strict.v1"]);

    let payment = PaymentId::named("payment/after").to_string();
    let labelled = fraud(&bank, &["label", &payment, "--by", "chargeback"]);
    assert!(labelled.status.success(), "{}", told(&labelled));
    let again = fraud(&bank, &["label", &payment]);
    assert!(told(&again).contains("FRAUD_LABEL_TWICE"), "{}", told(&again));
    let never = fraud(&bank, &["label", &PaymentId::named("never").to_string()]);
    assert!(!never.status.success());

    let end = End {
        at_rest_within: Some(Duration::from_secs(30)),
        expired_before: None,
    };
    let report = check_all(&bank.local.brokers(), end, &mut []).unwrap();
    assert!(report.is_clean(), "{:?}", report.violations);
    bank.local.stop().unwrap();
}
