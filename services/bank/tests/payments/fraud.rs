//! Rules that are activated while the bank runs, by the command that an operator has.

use std::path::Path;
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

    backtest(&bank, directory.path());

    let end = End {
        at_rest_within: Some(Duration::from_secs(30)),
        expired_before: None,
    };
    let report = check_all(&bank.local.brokers(), end, &mut []).unwrap();
    assert!(report.is_clean(), "{:?}", report.violations);
    bank.local.stop().unwrap();
}

/// Three payments are in the log, by two versions; of the last one it is known that it was fraud.
fn backtest(bank: &Bank, directory: &Path) {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (events, page, figures) = (path("events.jsonl"), path("page.html"), path("figures.json"));
    let same = fraud(bank, &["backtest", "--save", &events]);
    let text = told(&same);
    assert!(same.status.success(), "{text}");
    assert!(
        text.contains("self-check: 3 payments decided again by their own versions: 0 differ"),
        "{text}"
    );
    assert!(text.contains("Nothing would have changed"), "{text}");

    let rules = path("other.json");
    std::fs::write(
        &rules,
        r#"{"format": 1, "name": "other.v1", "rules": [{"name": "SMALL", "when": "amount < 15.0", "then": "review"}]}"#,
    )
    .unwrap();
    let without_a_bank = Command::new(env!("CARGO_BIN_EXE_bank"))
        .args(["fraud", "backtest", "--export", &events, "--rules", &rules])
        .args(["--html", &page, "--json", &figures])
        .output()
        .unwrap();
    let text = told(&without_a_bank);
    assert!(without_a_bank.status.success(), "{text}");
    assert!(
        text.contains("newly stopped: 1 payment of fraud (10.00 CZK), 0 payments of honest people"),
        "{text}"
    );
    assert!(
        text.contains("newly let through: 0 payments of fraud (0), 1 payment of honest people (20.00 CZK)"),
        "{text}"
    );
    assert!(std::fs::read_to_string(&page).unwrap().contains("<svg"));
    let figures: serde_json::Value = serde_json::from_slice(&std::fs::read(&figures).unwrap()).unwrap();
    assert_eq!(figures["after"]["recall"], 1.0);
    assert_eq!(figures["before"]["recall"], 0.0);

    let code = |arguments: &[&str]| {
        let output = fraud(bank, &[&["backtest"], arguments].concat());
        assert!(!output.status.success());
        told(&output)
    };
    let unknown = path("model.json");
    std::fs::write(&unknown, "{}").unwrap();
    assert!(code(&["--model", &unknown]).contains("MODEL_MALFORMED"));
    assert!(code(&["--from", "1999-01-01", "--to", "1999-01-02"]).contains("BACKTEST_NOTHING_DECIDED"));
}
