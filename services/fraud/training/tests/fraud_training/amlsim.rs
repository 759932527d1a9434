use std::{fs, path::Path};

use tempfile::TempDir;
use tributary_fraud_laundering::Rules;
use tributary_fraud_training::{
    amlsim::{NODES_HEADER, Sample, TRANSACTIONS_HEADER, Transaction},
    laundering::{Found, Measured, measure, unlabelled},
};
use tributary_history::{Config, generate};
use tributary_testkit::published;

fn folder_of(nodes: &str, transactions: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("nodes.csv"),
        format!("{NODES_HEADER}\n{nodes}\n"),
    )
    .unwrap();
    let text = format!("{TRANSACTIONS_HEADER}\n{transactions}\n");
    let compressed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    fs::write(folder.path().join("transactions.csv.zst"), compressed).unwrap();
    folder
}

const NODES: &str = "1,0,184.44,-1\n2,1,0.5,17\n3,1,7,-1";

#[test]
fn a_sample_is_read_plain_and_compressed_in_order_of_time() {
    let folder = folder_of(NODES, "1,2,147.8,9\n2,3,1.25,1\n3,3,1.25,1");
    let sample = Sample::load(folder.path()).unwrap();
    assert_eq!(sample.bad, []);
    assert_eq!(
        (sample.accounts.len(), sample.labelled(), sample.days()),
        (3, 2, 9)
    );
    let first = Transaction {
        line: 3,
        day: 1,
        source: 2,
        target: 3,
        amount_minor: 125,
    };
    assert_eq!(sample.transactions[0], first);
    assert_eq!(sample.transactions[2].amount_minor, 14_780);
    let measured = measure(&sample, Rules::default()).unwrap();
    assert_eq!((measured.payments, measured.payments_to_oneself), (3, 1));
    assert_eq!(measured.all.precision, None);
}

#[test]
fn each_bad_row_is_told_by_line_and_code_and_the_others_are_read() {
    let long = "9".repeat(2_000);
    let nodes = format!(
        "{NODES}\nx,0,1.00,-1\n4,2,1.00,-1\n4,0,-1.00,-1\n4,0,1.00,-2\n4,0,1.00\n2,0,1.00,-1\n{long}\n4,0,1.00,5"
    );
    let rows = "1,2,1.00,1\n1,x,1.00,1\n1,2,0.00,1\n1,2,1e3,1\n1,2,1.00,-1\n1,2,1.00,100001\n1,9,1.00,1\n1,2,1.00,1,1\n\n4,1,1.00,1";
    let folder = folder_of(&nodes, rows);
    let sample = Sample::load(folder.path()).unwrap();
    let told: Vec<(&str, u64, &str)> = sample
        .bad
        .iter()
        .map(|bad| (&*bad.position.file, bad.position.line, bad.fault.code()))
        .collect();
    let expected = [
        ("nodes.csv", 5, "AMLSIM_BAD_ACCOUNT"),
        ("nodes.csv", 6, "AMLSIM_BAD_LABEL"),
        ("nodes.csv", 7, "AMLSIM_BAD_BALANCE"),
        ("nodes.csv", 8, "AMLSIM_BAD_FRAUD_STEP"),
        ("nodes.csv", 9, "AMLSIM_FIELD_COUNT"),
        ("nodes.csv", 10, "AMLSIM_DUPLICATE_ACCOUNT"),
        ("nodes.csv", 11, "AMLSIM_LINE_TOO_LONG"),
        ("transactions.csv", 3, "AMLSIM_BAD_ACCOUNT"),
        ("transactions.csv", 4, "AMLSIM_BAD_VALUE"),
        ("transactions.csv", 5, "AMLSIM_BAD_VALUE"),
        ("transactions.csv", 6, "AMLSIM_BAD_TIME"),
        ("transactions.csv", 7, "AMLSIM_BAD_TIME"),
        ("transactions.csv", 8, "AMLSIM_UNKNOWN_ACCOUNT"),
        ("transactions.csv", 9, "AMLSIM_FIELD_COUNT"),
        ("transactions.csv", 10, "AMLSIM_FIELD_COUNT"),
    ];
    assert_eq!(told, expected);
    assert_eq!((sample.accounts.len(), sample.transactions.len()), (4, 2));
    assert_eq!(
        sample.bad[1].to_string(),
        "nodes.csv:6: AMLSIM_BAD_LABEL: the label is neither 0 nor 1"
    );
    let text = [NODES_HEADER.as_bytes(), b"\n7,\xff,1,1\n"].concat();
    fs::write(folder.path().join("nodes.csv"), text).unwrap();
    let sample = Sample::load(folder.path()).unwrap();
    assert_eq!(sample.bad[0].fault.code(), "AMLSIM_BAD_ENCODING");
}

#[test]
fn what_is_no_such_folder_is_told_by_code() {
    let code = |path: &Path| Sample::load(path).err().map(|error| error.code());
    let folder = folder_of(NODES, "1,2,1.00,1");
    assert_eq!(code(folder.path()), None);
    let compressed = folder.path().join("transactions.csv.zst");
    let content = fs::read(&compressed).unwrap();
    fs::write(&compressed, &content[..content.len() - 5]).unwrap();
    assert_eq!(code(folder.path()), Some("AMLSIM_IO"));
    fs::remove_file(&compressed).unwrap();
    assert_eq!(code(folder.path()), Some("AMLSIM_MISSING_FILE"));
    fs::write(folder.path().join("transactions.csv"), "source,target\n").unwrap();
    assert_eq!(code(folder.path()), Some("AMLSIM_BAD_HEADER"));
    assert_eq!(code(&folder.path().join("nowhere")), Some("AMLSIM_MISSING_FILE"));
}

/// What the rules find in a published sample; None where there is none.
fn measured(name: &str) -> Option<Measured> {
    let sample = Sample::load(&published(&format!("amlsim/{name}"))?).unwrap();
    assert_eq!(sample.bad, []);
    assert_eq!((sample.accounts.len(), sample.days()), (20_000, 149));
    let measured = measure(&sample, Rules::default()).unwrap();
    println!("{measured}");
    Some(measured)
}

fn rule<'a>(measured: &'a Measured, name: &str) -> &'a Found {
    measured.rules.iter().find(|found| found.name == name).unwrap()
}

#[test]
fn most_accounts_in_cycles_of_the_published_sample_are_labelled() {
    let Some(measured) = measured("20K_cycle200") else {
        return;
    };
    let cycles = rule(&measured, "cycle");
    assert!(cycles.recall.unwrap() > 0.10, "{measured}");
    assert!(cycles.precision.unwrap() > 0.80, "{measured}");
    assert!(measured.messages < 117_805 * 7 / 2, "{measured}");
}

#[test]
fn a_third_of_the_collectors_and_payers_of_the_published_sample_is_found() {
    let Some(measured) = measured("20K_fanin200") else {
        return;
    };
    let fan_in = rule(&measured, "fan-in");
    assert!(fan_in.recall.unwrap() > 0.33, "{measured}");
    assert!(fan_in.precision.unwrap() > 0.95, "{measured}");
}

#[test]
fn on_the_sample_that_nothing_was_chosen_on_the_rules_hold() {
    let Some(measured) = measured("20K_fanin200cycle200") else {
        return;
    };
    assert!(rule(&measured, "fan-in").recall.unwrap() > 0.17, "{measured}");
    assert!(rule(&measured, "cycle").precision.unwrap() > 0.80, "{measured}");
    assert_eq!(rule(&measured, "structuring").alerts, 0);
}

#[test]
fn customers_who_pay_each_other_as_people_do_raise_few_alerts() {
    let config = Config {
        accounts: 2_000,
        rows: 120_000,
        ..Config::default()
    };
    let sample = unlabelled(&generate(1, &config)).unwrap();
    let measured = measure(&sample, Rules::default()).unwrap();
    println!("{measured}");
    assert_eq!((measured.accounts, measured.labelled), (2_000, 0));
    assert!(measured.payments > 15_000, "{measured}");
    assert!(measured.all.alerts_per_day < 0.1, "{measured}");
    assert_eq!(measured.all.precision, None);
}
