//! The real bank's year 1993 through the command, as a person would: the published sums, a second run, a corrupted copy,
//! an export that gives the same bytes on another bank.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test needs and does not get fails it"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bank::LocalBank;
use serde_json::Value;
use tributary_local_stack::Options;
use tributary_testkit::{output_within, published};

/// Sums that an independent script has computed from the file, customers' side, in haler.
const SUMS: [(&str, i64); 5] = [
    ("1010", 1_616_536_150),
    ("4020", -4_992_160),
    ("4030", -7_500),
    ("5010", 81_086_290),
    ("5900", -3_320),
];
const BANKS: i64 = 1_964_971_830;
const BALANCES: i64 = 3_657_591_290;

/// The real bank's directory; None, said on the terminal, where there is none.
fn berka() -> Option<PathBuf> {
    published("berka/trans_1993.asc")?.parent().map(Path::to_path_buf)
}

/// Most time of one command, which may have to do with a year of the real bank.
const COMMAND_WITHIN: Duration = Duration::from_secs(1_200);

/// Runs the command on a running bank; whether it succeeded, and what it said.
fn command(bank: &LocalBank, arguments: &[&Path]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
    command
        .args(arguments)
        .env("KAFKA_BROKERS", bank.brokers())
        .env("DATABASE_URL", bank.database_url());
    let output = output_within(&mut command, COMMAND_WITHIN);
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), text.concat())
}

/// Replays a history; whether all is sound, and the reconciliation.
fn replay(bank: &LocalBank, path: &Path) -> (bool, Value, String) {
    let home = tempfile::tempdir().unwrap();
    let json = home.path().join("reconciliation.json");
    let arguments = [Path::new("replay"), path, Path::new("--json"), &json];
    let (success, text) = command(bank, &arguments);
    let told = fs::read(&json).unwrap_or_else(|error| panic!("{error}: {text}"));
    (success, serde_json::from_slice(&told).unwrap(), text)
}

fn balances(bank: &LocalBank) -> [Vec<u8>; 2] {
    let out = tempfile::tempdir().unwrap();
    let arguments = [Path::new("export"), Path::new("--balances"), out.path()];
    let (success, text) = command(bank, &arguments);
    assert!(success, "{text}");
    ["balances.csv", "statements.csv"].map(|name| fs::read(out.path().join(name)).unwrap())
}

fn bank() -> LocalBank {
    LocalBank::start(&Options::temporary().own_servers()).unwrap()
}

fn sum(reconciliation: &Value, column: &str, counts: impl Fn(&str) -> bool) -> i64 {
    let lines = reconciliation["sums"].as_array().unwrap().iter();
    let chosen = lines.filter(|line| counts(line["account"].as_str().unwrap()));
    chosen.map(|line| line[column].as_i64().unwrap()).sum()
}

#[test]
fn the_year_1993_reconciles_twice_survives_a_corrupted_copy_and_an_export_gives_the_same_bytes() {
    let Some(berka) = berka() else { return };
    let home = tempfile::tempdir().unwrap();
    let first = bank();

    // Given a corrupted copy, its bad row and what stands behind it stay out, and everything else is posted.
    let copy = corrupted(&berka, home.path());
    let (success, told, text) = replay(&first, &copy);
    assert!(!success, "{text}");
    assert_eq!(told["bad"][0]["place"], "trans_1993.asc:5001", "{text}");
    assert_eq!(told["bad"][0]["code"], "HISTORY_BAD_AMOUNT");
    assert!(!told["parked"].as_array().unwrap().is_empty());
    assert_eq!(told["topic_differences"]["total"], 0, "{text}");
    assert_eq!(told["read_model_differences"]["total"], 0, "{text}");
    let posted = told["transactions"]["topic"].as_u64().unwrap();
    let left_out = told["bad"].as_array().unwrap().len() + told["parked"].as_array().unwrap().len();
    assert_eq!(posted + left_out as u64, 28_205);

    // When the sound files come, they go on from there, and all is as published.
    let (success, told, text) = replay(&first, &berka);
    assert!(success, "{text}");
    assert_eq!(told["known_before"].as_u64().unwrap(), 1_139 + posted);
    for place in ["history", "topic", "read_model"] {
        assert_eq!(told["accounts"][place], 1_139, "{text}");
        assert_eq!(told["transactions"][place], 28_205, "{text}");
        assert_eq!(told["running_balances"][place], 28_205, "{text}");
        assert_eq!(told["roundings"][place], 1_422, "{text}");
        for (account, expected) in SUMS {
            assert_eq!(
                sum(&told, place, |name| name == account),
                expected,
                "{account} {place}"
            );
        }
        assert_eq!(sum(&told, place, |name| name.starts_with("1100:")), BANKS);
        assert_eq!(told["balances"][0][place], BALANCES);
    }

    // When they come again, nothing is new.
    let before = balances(&first);
    let (success, told, text) = replay(&first, &berka);
    assert!(success, "{text}");
    assert_eq!(
        (&told["sent"], &told["known_before"]),
        (&29_344.into(), &29_344.into())
    );
    assert_eq!(balances(&first), before);

    // What is exported gives the same balances and statements on another bank, byte for byte.
    let file = home.path().join("export.jsonl.zst");
    let (success, text) = command(&first, &[Path::new("export"), &file]);
    assert!(success, "{text}");
    first.stop().unwrap();
    let second = bank();
    let (success, _, text) = replay(&second, &file);
    assert!(success, "{text}");
    assert!(balances(&second) == before, "the balances differ");
    second.stop().unwrap();
}

#[test]
fn two_halves_of_the_year_one_after_the_other_make_the_year() {
    let Some(berka) = berka() else { return };
    let home = tempfile::tempdir().unwrap();
    let bank = bank();
    let halves = halves(&berka, home.path());
    let mut transactions = 0;
    for half in &halves {
        let (success, told, text) = replay(&bank, half);
        assert!(success, "{text}");
        transactions += told["transactions"]["topic"].as_u64().unwrap();
        let carried = told["carried_on"].as_u64().unwrap();
        assert_eq!(carried > 0, half == &halves[1], "{text}");
    }
    assert_eq!(transactions, 28_205);
    // The year as one file knows every row, and finds everything as published: also the roundings between the halves.
    let (success, told, text) = replay(&bank, &berka);
    assert!(success, "{text}");
    assert_eq!(told["sent"], told["known_before"], "{text}");
    assert_eq!(told["transactions"]["read_model"], 28_205, "{text}");
    assert_eq!(told["roundings"]["read_model"], 1_422, "{text}");
    assert_eq!(told["balances"][0]["read_model"], BALANCES);
    bank.stop().unwrap();
}

#[test]
fn the_second_half_alone_begins_in_mid_life_and_the_first_half_does_not_fit_behind_it() {
    let Some(berka) = berka() else { return };
    let home = tempfile::tempdir().unwrap();
    let bank = bank();
    let [first, second] = halves(&berka, home.path());
    let (success, told, text) = replay(&bank, &second);
    assert!(success, "{text}");

    assert!(sum(&told, "topic", |name| name == "3000") > 0, "{text}");
    assert_eq!(told["balances"][0]["read_model"], BALANCES);
    let before = balances(&bank);
    // What the ledger has of these accounts begins with a balance of theirs: no row of before can be posted behind it.
    let (success, told, text) = replay(&bank, &first);
    assert!(!success, "{text}");
    assert_eq!(told["topic_differences"]["total"], 0, "{text}");
    let posted = told["transactions"]["topic"].as_u64().unwrap();
    let left_out = told["bad"].as_array().unwrap().len() + told["parked"].as_array().unwrap().len();
    let rows = fs::read_to_string(first.join("trans.asc"))
        .unwrap()
        .lines()
        .count()
        - 1;
    assert_eq!(posted + left_out as u64, rows as u64, "{text}");
    assert_eq!(balances(&bank) == before, posted == 0);
    bank.stop().unwrap();
}

/// The year's files until the end of June, and from July on.
fn halves(berka: &Path, home: &Path) -> [PathBuf; 2] {
    let text = fs::read_to_string(berka.join("trans_1993.asc")).unwrap();
    let (header, rows) = text.split_once("\r\n").unwrap();
    ["first", "second"].map(|name| {
        let half = home.join(name);
        fs::create_dir(&half).unwrap();
        for name in ["account.asc", "disp.asc"] {
            fs::copy(berka.join(name), half.join(name)).unwrap();
        }
        let of_half = |line: &&str| (line.split(';').nth(2).unwrap() < "930701") == (name == "first");
        let lines: Vec<_> = [header].into_iter().chain(rows.lines().filter(of_half)).collect();
        fs::write(half.join("trans.asc"), lines.join("\r\n") + "\r\n").unwrap();
        half
    })
}

/// A copy of the bank's files of which one amount is no number.
fn corrupted(berka: &Path, home: &Path) -> PathBuf {
    let copy = home.join("corrupted");
    fs::create_dir(&copy).unwrap();
    for name in ["account.asc", "disp.asc"] {
        fs::copy(berka.join(name), copy.join(name)).unwrap();
    }
    let text = fs::read_to_string(berka.join("trans_1993.asc")).unwrap();
    let mut lines: Vec<_> = text.split("\r\n").map(str::to_owned).collect();
    let mut fields: Vec<_> = lines[5_000].split(';').collect();
    fields[5] = "12x.40";
    lines[5_000] = fields.join(";");
    fs::write(copy.join("trans_1993.asc"), lines.join("\r\n")).unwrap();
    copy
}
