use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;

const HEADER: &str =
    "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD,TX_FRAUD_SCENARIO";

/// A file of April and May in which large amounts are fraud, or any at random.
fn transactions(by_chance: bool) -> (TempDir, PathBuf) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut text = format!("{HEADER}\n");
    for id in 0..60 * 60 {
        let (day, minute) = (id / 60, id % 60 * 24);
        let large = random.random_bool(0.04);
        let amount = random.random_range(100..5_000) + if large { 20_000 } else { 0 };
        let fraud = if by_chance {
            random.random_bool(0.04)
        } else {
            large
        };
        text += &format!(
            "{id},2018-{:02}-{:02} {:02}:{:02}:00,{},{},{}.{:02},{},0\n",
            4 + day / 30,
            day % 30 + 1,
            minute / 60,
            minute % 60,
            random.random_range(0..200),
            random.random_range(0..30),
            amount / 100,
            amount % 100,
            u8::from(fraud)
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    fs::write(&path, text).unwrap();
    (directory, path)
}

fn evaluate(file: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bank"))
        .args(["fraud", "evaluate"])
        .arg(file)
        .args(more)
        .output()
        .unwrap()
}

const WEEKS: [&str; 4] = ["--train-from", "2018-05-08", "--test-from", "2018-05-22"];

#[test]
fn a_champion_that_is_good_enough_ends_well_and_its_artefact_is_written() {
    let (directory, file) = transactions(false);
    let [json, artefact] = ["out.json", "model.json"].map(|name| directory.path().join(name));
    let [json_path, artefact_path] = [&json, &artefact].map(|path| path.to_str().unwrap());
    let more = [&WEEKS[..], &["--json", json_path, "--artefact", artefact_path]].concat();
    let output = evaluate(&file, &more);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("book: XGBoost") && text.contains("reaches the 0.70"),
        "{text}"
    );
    let figures: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(figures["champion"]["passed"], true);
    assert_eq!(figures["train"]["payments"], 420);
    let artefact: Value = serde_json::from_slice(&fs::read(artefact).unwrap()).unwrap();
    assert_eq!(artefact["hash"], figures["champion"]["hash"]);
    let on_stdout = evaluate(&file, &[&WEEKS[..], &["--json"]].concat());
    assert_eq!(
        serde_json::from_slice::<Value>(&on_stdout.stdout).unwrap(),
        figures
    );
}

#[test]
fn a_champion_below_070_fails() {
    let (_directory, file) = transactions(true);
    let output = evaluate(&file, &WEEKS);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("MISSES the 0.70"), "{text}");
}

#[test]
fn what_cannot_be_evaluated_fails_with_a_code() {
    let (_directory, file) = transactions(false);
    let fails = |file: &Path, more: &[&str], code: &str| {
        let output = evaluate(file, more);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(code), "{error}");
    };
    fails(&file.with_extension("txt"), &[], "HANDBOOK_UNKNOWN_KIND");
    fails(Path::new("/nowhere/t.csv"), &[], "HANDBOOK_MISSING_FILE");
    fails(
        &file,
        &[],
        "EVALUATE_DAY_MISSING: the file has no payments on 2018-07-25",
    );
    // The last day of the test is the first that the file doesn't have.
    let beyond = ["--train-from", "2018-05-11"];
    fails(&file, &beyond, "no payments on 2018-05-31");
    let never = ["--train-from", "+262142-12-25"];
    fails(&file, &never, "EVALUATE_NO_SUCH_WEEK");
    let (_by_chance, without_frauds) = transactions(false);
    let text = fs::read_to_string(&without_frauds)
        .unwrap()
        .replace(",1,0\n", ",0,0\n");
    fs::write(&without_frauds, text).unwrap();
    fails(&without_frauds, &WEEKS, "EVALUATE_NOTHING_TO_LEARN");
    let early = ["--train-from", "2018-05-08", "--test-from", "2018-05-21"];
    fails(&file, &early, "EVALUATE_TEST_TOO_EARLY");
    let text = fs::read_to_string(&file).unwrap().replacen(",0\n", ",x\n", 2);
    fs::write(&file, text).unwrap();
    let output = evaluate(&file, &["--train-from", "2018-05-06"]);
    assert!(output.status.success());
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("begins 35 days before the training"), "{table}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("t.csv:2: HANDBOOK_BAD_SCENARIO") && told.contains("2 bad rows"),
        "{told}"
    );
}
