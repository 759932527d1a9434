//! Rules, models and labels while the bank runs, by the commands that operators and analysts have.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use tributary_checker::{End, check_all};
use tributary_contracts::payments::{ReviewDecision, ReviewPayment};
use tributary_ids::PaymentId;
use tributary_testkit::model_by_amount;

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

/// What a command tells that succeeds.
fn done(bank: &Bank, arguments: &[&str]) -> String {
    let output = fraud(bank, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    told(&output)
}

/// A command that is refused with this code.
fn refused(bank: &Bank, arguments: &[&str], code: &str) {
    let output = fraud(bank, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    assert!(told(&output).contains(code), "{arguments:?}: {}", told(&output));
}

/// The id in `proposal ID: ...`.
fn proposal(told: &str) -> &str {
    told.strip_prefix("proposal ")
        .and_then(|rest| rest.split(':').next())
        .unwrap()
}

fn fate(name: &str) -> String {
    format!(
        "SELECT concat_ws(' ', state, code, fraud_decision, fraud_rules) FROM payments.payments WHERE payment_id = '{}'",
        PaymentId::named(name)
    )
}

/// The bank is at rest, and every invariant holds.
fn check(bank: &Bank) {
    let end = End {
        at_rest_within: Some(Duration::from_secs(30)),
        expired_before: None,
    };
    let report = check_all(&bank.local.brokers(), end, &mut []).unwrap();
    assert!(report.is_clean(), "{:?}", report.violations);
}

#[test]
fn rules_decide_once_two_people_agree_and_labels_come_and_go() {
    let mut bank = Bank::start();
    for name in ["ann", "bob"] {
        bank.open(name, "500000.00");
    }
    bank.transfer("payment/before", "ann", "bob", "20.00");
    bank.await_rows(&fate("payment/before"), &["completed approve amount-limit.v1"]);

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.json");
    let path = file.to_str().unwrap().to_owned();
    let rules = |when: &str| {
        format!(
            r#"{{"format": 1, "name": "strict.v1", "rules": [{{"name": "TOO_MUCH", "when": "{when}", "then": "decline"}},
                {{"name": "LOOK", "when": "amount > 12.0", "then": "review"}}]}}"#
        )
    };
    std::fs::write(&file, rules("amuont > 15.0")).unwrap();
    refused(
        &bank,
        &["propose", "--rules", &path, "--by", "alice"],
        "RULES_UNKNOWN_VARIABLE",
    );
    std::fs::write(&file, rules("amount > 15.0")).unwrap();
    let proposed = done(&bank, &["propose", "--rules", &path, "--by", "alice"]);
    let id = proposal(&proposed);
    // One pair of eyes is not enough, and nothing has changed yet.
    refused(&bank, &["approve", id, "--by", "alice"], "FRAUD_SAME_PERSON");
    refused(&bank, &["approve", id, "--by", "Bob"], "FRAUD_NAME_MALFORMED");
    let nothing = PaymentId::named("never").to_string();
    refused(
        &bank,
        &["approve", &nothing, "--by", "bob"],
        "FRAUD_PROPOSAL_UNKNOWN",
    );
    assert!(done(&bank, &["status"]).contains(&format!("proposal {id}: strict.v1 (")));
    bank.transfer("payment/still", "ann", "bob", "20.00");
    bank.await_rows(&fate("payment/still"), &["completed approve amount-limit.v1"]);

    let approved = done(&bank, &["approve", id, "--by", "bob"]);
    assert!(
        approved.contains("proposed by alice, approved by bob"),
        "{approved}"
    );
    for partition in 0..2 {
        let line = format!("partition {partition}: rules strict.v1 (");
        assert!(approved.contains(&line), "{approved}");
        assert!(done(&bank, &["status"]).contains(&line));
    }
    refused(&bank, &["approve", id, "--by", "carol"], "FRAUD_PROPOSAL_DECIDED");

    bank.transfer("payment/declined", "ann", "bob", "20.00");
    bank.await_rows(
        &fate("payment/declined"),
        &["rejected FRAUD_DECLINED decline strict.v1"],
    );
    bank.transfer("payment/after", "ann", "bob", "10.00");
    bank.await_rows(&fate("payment/after"), &["completed approve strict.v1"]);

    let payment = PaymentId::named("payment/after").to_string();
    refused(&bank, &["retract", &payment], "FRAUD_LABEL_MISSING");
    done(&bank, &["label", &payment, "--by", "chargeback"]);
    refused(&bank, &["label", &payment], "FRAUD_LABEL_TWICE");
    backtest(&bank, directory.path());
    done(&bank, &["retract", &payment]);
    refused(&bank, &["retract", &payment], "FRAUD_LABEL_MISSING");
    assert!(!fraud(&bank, &["label", &nothing]).status.success());

    // An analyst who is sure labels the payment by rejecting it.
    bank.transfer("payment/reviewed", "ann", "bob", "13.00");
    bank.await_rows(&fate("payment/reviewed"), &["in-review review strict.v1"]);
    let payment_id = PaymentId::named("payment/reviewed");
    bank.pay(
        "review",
        ReviewPayment {
            payment_id,
            decision: ReviewDecision::Reject,
            reason: "stolen-card".into(),
            confirms_fraud: true,
        },
    );
    bank.await_rows(
        &fate("payment/reviewed"),
        &["rejected REVIEW_REJECTED review strict.v1"],
    );
    check(&bank);
    refused(&bank, &["label", &payment_id.to_string()], "FRAUD_LABEL_TWICE");
    check(&bank);
    bank.local.stop().unwrap();
}

#[test]
fn a_challenger_is_compared_with_the_champion_and_promoted_from_the_catalogue() {
    let mut bank = Bank::start();
    for name in ["ann", "bob"] {
        bank.open(name, "500000.00");
    }
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let rules = write(
        "rules.json",
        br#"{"format": 1, "name": "scored.v1", "thresholds": {"decline": 0.5}, "rules": []}"#,
    );
    let champion = write("champion.json", &model_by_amount("champion.v1", 1_000.0, 10.0));
    let strict = model_by_amount("strict.v1", 100.0, 10.0);
    let challenger = write("strict.json", &strict);
    let mut damaged = strict.clone();
    let place = strict.windows(5).position(|bytes| bytes == b"100.0").unwrap();
    damaged[place] = b'2';
    let damaged = write("damaged.json", &damaged);

    for which in [["--rules", &rules], ["--model", &champion]] {
        let proposed = done(&bank, &["propose", which[0], which[1], "--by", "alice"]);
        done(&bank, &["approve", proposal(&proposed), "--by", "bob"]);
    }
    fn activate(model: &str) -> [&str; 7] {
        [
            "activate",
            "--model",
            model,
            "--as",
            "challenger",
            "--by",
            "carol",
        ]
    }
    refused(&bank, &activate(&damaged), "MODEL_HASH_MISMATCH");
    let activated = activate(&challenger);
    let told = done(&bank, &activated);
    assert!(
        told.contains("champion.v1 (") && told.contains("challenged by strict.v1 ("),
        "{told}"
    );
    refused(&bank, &activated, "FRAUD_CHALLENGER_TWICE");

    for (name, amount) in [("payment/small", "50.00"), ("payment/large", "500.00")] {
        bank.transfer(name, "ann", "bob", amount);
        bank.await_rows(&fate(name), &["completed approve scored.v1"]);
    }
    done(&bank, &["label", &PaymentId::named("payment/large").to_string()]);
    let status = done(&bank, &["status"]);
    for line in [
        "over 2 decisions:",
        "the same 1 times, otherwise 1 times; held up 1 more, let go 0 more",
        "of 1 labelled frauds the champion held up 0 and missed 1, the challenger would have held up 1 and missed 0",
    ] {
        assert!(status.contains(line), "{status}");
    }

    // By the hash of what is published, or its beginning.
    let published = done(&bank, &["publish", "--model", &challenger]);
    let hash = published.trim().rsplit(' ').next().unwrap();
    let proposed = done(&bank, &["propose", "--model", &hash[..12], "--by", "carol"]);
    let told = done(&bank, &["approve", proposal(&proposed), "--by", "bob"]);
    assert!(
        told.contains("model strict.v1 (") && !told.contains("challenged"),
        "{told}"
    );
    bank.transfer("payment/promoted", "ann", "bob", "500.00");
    bank.await_rows(
        &fate("payment/promoted"),
        &["rejected FRAUD_DECLINED decline scored.v1"],
    );
    check(&bank);
    bank.local.stop().unwrap();
}

/// Four payments are in the log, by two versions; of the last one it is known that it was fraud.
fn backtest(bank: &Bank, directory: &Path) {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (events, page, figures) = (path("events.jsonl"), path("page.html"), path("figures.json"));
    let same = fraud(bank, &["backtest", "--save", &events]);
    let text = told(&same);
    assert!(same.status.success(), "{text}");
    assert!(
        text.contains("self-check: 4 payments decided again by their own versions: 0 differ"),
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
