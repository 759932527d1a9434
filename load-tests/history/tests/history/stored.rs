//! Files of the format: what is wrong with a line is named, and parks the accounts that it is about.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use tributary_history::{History, HistoryError, open_history};

const HEADER: &str = r#"{"tributary_history":1,"source":"test","currency":"CZK"}"#;

fn open(account: &str) -> String {
    format!(
        r#"{{"row":"open","account":"{account}","owner":"{account}-owner","date":"2025-01-01","currency":"CZK","product":"recorded"}}"#
    )
}

fn posting(account: &str, sequence: u64, amount: i64, balance: i64) -> String {
    format!(
        r#"{{"row":"posting","account":"{account}","sequence":{sequence},"date":"2025-01-02","amount":{amount},"contra":"cash","kind":"cash","reference":"r","balance_after":{balance}}}"#
    )
}

fn transfer(from: (&str, u64, i64), to: (&str, u64, i64), amount: i64) -> String {
    format!(
        r#"{{"row":"transfer","payment":"p{}","date":"2025-01-02","from":"{}","from_sequence":{},"to":"{}","to_sequence":{},"amount":{amount},"from_balance_after":{},"to_balance_after":{}}}"#,
        from.1, from.0, from.1, to.0, to.1, from.2, to.2
    )
}

fn hold(row: &str, account: &str, sequence: u64, rest: &str) -> String {
    format!(
        r#"{{"row":"{row}","account":"{account}","sequence":{sequence},"date":"2025-01-02","hold":"h"{rest}}}"#
    )
}

fn stored(lines: &[String]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.jsonl");
    fs::write(&path, format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap();
    (directory, path)
}

fn history(lines: &[String]) -> (TempDir, History) {
    let (directory, path) = stored(lines);
    (directory, open_history(&path).unwrap())
}

fn bad(history: &History) -> Vec<(u64, &'static str)> {
    history
        .bad
        .iter()
        .map(|bad| (bad.position.line, bad.fault.code()))
        .collect()
}

#[test]
fn a_row_that_does_not_go_with_those_before_it_is_reported_and_not_given() {
    let a = || vec![open("a"), open("b"), posting("a", 2, 100, 100)];
    let settle = |sequence, amount: i64| {
        hold(
            "settle",
            "a",
            sequence,
            &format!(r#","amount":{amount},"contra":"cash""#),
        )
    };
    let reserve = |sequence, amount: i64| hold("reserve", "a", sequence, &format!(r#","amount":{amount}"#));
    for (rows, code) in [
        (vec![posting("a", 3, 5, 106)], "HISTORY_BALANCE_MISMATCH"),
        (vec![posting("a", 2, 5, 105)], "HISTORY_BAD_SEQUENCE"),
        (
            vec![posting("a", 3, 5, 105).replace("2025-01-02", "2024-01-02")],
            "HISTORY_DATE_ORDER",
        ),
        (vec![posting("a", 3, i64::MAX, 0)], "HISTORY_OVERFLOW"),
        (vec![posting("c", 3, 5, 5)], "HISTORY_NOT_OPEN"),
        (vec![open("a")], "HISTORY_ALREADY_OPEN"),
        (vec![transfer(("a", 3, 95), ("c", 2, 5), 5)], "HISTORY_NOT_OPEN"),
        (
            vec![transfer(("a", 3, 95), ("a", 4, 100), 5)],
            "HISTORY_SAME_ACCOUNT",
        ),
        (
            vec![transfer(("a", 3, 100), ("b", 2, 0), 0)],
            "HISTORY_NOT_POSITIVE",
        ),
        (
            vec![transfer(("a", 3, 95), ("b", 2, 6), 5)],
            "HISTORY_BALANCE_MISMATCH",
        ),
        (vec![settle(3, 5)], "HISTORY_UNKNOWN_HOLD"),
        (vec![hold("release", "a", 3, "")], "HISTORY_UNKNOWN_HOLD"),
        (vec![reserve(3, 5), settle(4, 6)], "HISTORY_HOLD_EXCEEDED"),
        (vec![reserve(3, 5), reserve(4, 6)], "HISTORY_DUPLICATE_HOLD"),
        (
            vec![reserve(3, 5), settle(4, 5), settle(5, 1)],
            "HISTORY_UNKNOWN_HOLD",
        ),
        (vec![reserve(3, 0)], "HISTORY_NOT_POSITIVE"),
        (
            vec![posting("a", 3, 5, 105).replace("\"kind\"", "\"kin\"")],
            "HISTORY_BAD_FORMAT",
        ),
        (
            vec![posting("a", 3, 5, 105).replace("amount\":5", "amount\":5.5")],
            "HISTORY_BAD_FORMAT",
        ),
        (vec!["{".to_owned()], "HISTORY_BAD_FORMAT"),
        (
            vec![posting("a", 3, 5, 105).replace("\"r\"", &format!("\"{}\"", "r".repeat(70_000)))],
            "HISTORY_LINE_TOO_LONG",
        ),
    ] {
        let lines: Vec<_> = a().into_iter().chain(rows.clone()).collect();
        let (_kept, history) = history(&lines);
        assert_eq!(bad(&history), [(lines.len() as u64 + 1, code)], "{rows:?}");
        assert_eq!(history.statistics.rows, lines.len() as u64 - 1, "{rows:?}");
    }
}

#[test]
fn an_account_is_parked_behind_its_bad_row_and_others_go_on() {
    let (_kept, history) = history(&[
        open("a"),
        open("b"),
        posting("a", 2, 100, 100),
        posting("a", 3, 7, 999),
        posting("b", 2, 50, 50),
        posting("a", 4, 1, 108),
        posting("b", 3, 50, 100),
    ]);
    assert_eq!(bad(&history), [(5, "HISTORY_BALANCE_MISMATCH")]);
    let parked: Vec<_> = history
        .parked
        .iter()
        .map(|parked| (parked.position.line, parked.behind.line))
        .collect();
    assert_eq!(parked, [(7, 5)]);
    assert_eq!(history.rows().unwrap().map(Result::unwrap).count(), 5);
}

#[test]
fn a_transfer_with_a_parked_account_parks_the_other_one_too() {
    let (_kept, history) = history(&[
        open("a"),
        open("b"),
        open("c"),
        posting("a", 2, 100, 999),
        posting("c", 2, 1, 1),
        transfer(("a", 3, 95), ("b", 2, 5), 5),
        posting("b", 3, 1, 6),
        posting("c", 3, 1, 2),
    ]);
    assert_eq!(bad(&history), [(5, "HISTORY_BALANCE_MISMATCH")]);
    let parked: Vec<_> = history.parked.iter().map(|parked| parked.position.line).collect();
    assert_eq!(parked, [7, 8]);
    assert_eq!(history.sums().balances, 2);
}

const WITH_ORDERS: &str = r#"{"tributary_history":2,"source":"test","currency":"CZK"}"#;

fn order(name: &str, account: &str, to: &str, rest: &str) -> String {
    format!(r#"{{"row":"order","order":"{name}","account":"{account}","to":"{to}"{rest}}}"#)
}

fn history_with_orders(header: &str, lines: &[String]) -> (TempDir, History) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.jsonl");
    fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    let history = open_history(&path).unwrap();
    (directory, history)
}

const MONTHLY: &str = r#","amount":500,"symbol":"SIPO","day":31"#;

#[test]
fn a_standing_order_that_can_not_be_is_reported_and_parks_nothing() {
    let euro = open("e").replace("CZK", "EUR");
    let sound = || order("o", "a", "b", MONTHLY);
    for (bad_order, code) in [
        (order("p", "a", "a", MONTHLY), "HISTORY_SAME_ACCOUNT"),
        (order("p", "a", "c", MONTHLY), "HISTORY_NOT_OPEN"),
        (order("p", "c", "a", MONTHLY), "HISTORY_NOT_OPEN"),
        (order("p", "a", "e", MONTHLY), "HISTORY_CURRENCY_MISMATCH"),
        (
            order("p", "a", "b", r#","amount":0,"day":1"#),
            "HISTORY_NOT_POSITIVE",
        ),
        (
            order("p", "a", "b", r#","amount":1,"day":0"#),
            "HISTORY_BAD_DAY_OF_MONTH",
        ),
        (
            order("p", "a", "b", r#","amount":1,"day":32"#),
            "HISTORY_BAD_DAY_OF_MONTH",
        ),
        (order("o", "b", "a", MONTHLY), "HISTORY_DUPLICATE_ORDER"),
        (order("p", "a", "b", r#","amount":1"#), "HISTORY_BAD_FORMAT"),
        (
            order("p", "a", "b", r#","amount":1,"day":300"#),
            "HISTORY_BAD_FORMAT",
        ),
        (
            order("p", "a", "b", r#","amount":1,"day":1,"bank_to":"ST"}"#),
            "HISTORY_BAD_FORMAT",
        ),
    ] {
        let lines = [
            open("a"),
            open("b"),
            euro.clone(),
            sound(),
            bad_order.clone(),
            posting("a", 2, 100, 100),
        ];
        let (_kept, history) = history_with_orders(WITH_ORDERS, &lines);
        assert_eq!(bad(&history), [(6, code)], "{bad_order}");
        assert!(history.parked.is_empty(), "{bad_order}");
        assert_eq!((history.statistics.rows, history.statistics.orders), (4, 1));
        assert_eq!(history.rows().unwrap().map(Result::unwrap).count(), 4);
        assert_eq!(
            (history.orders[0].order.as_str(), history.orders[0].day),
            ("o", 31)
        );
    }
}

#[test]
fn an_order_of_a_parked_account_is_parked_wherever_the_bad_row_stands() {
    let lines = [
        open("a"),
        open("b"),
        open("c"),
        order("o", "a", "b", MONTHLY),
        order("p", "b", "a", MONTHLY),
        order("q", "b", "c", MONTHLY),
        posting("a", 2, 100, 99),
    ];
    let (_kept, history) = history_with_orders(WITH_ORDERS, &lines);
    assert_eq!(bad(&history), [(8, "HISTORY_BALANCE_MISMATCH")]);
    let parked: Vec<_> = history.parked.iter().map(|parked| parked.position.line).collect();
    assert_eq!(parked, [5, 6]);
    assert_eq!(history.orders.len(), 1);
}

#[test]
fn a_file_of_the_first_version_is_read_and_has_no_orders() {
    let lines = [open("a"), open("b"), posting("a", 2, 100, 100)];
    let (_kept, history) = history_with_orders(HEADER, &lines);
    assert!(history.is_sound() && history.orders.is_empty());
    let lines = [open("a"), open("b"), order("o", "a", "b", MONTHLY)];
    let (_kept, history) = history_with_orders(HEADER, &lines);
    assert_eq!(bad(&history), [(4, "HISTORY_BAD_FORMAT")]);
}

#[test]
fn a_line_that_is_no_json_is_missed_where_its_account_goes_on() {
    let (_kept, history) = history(&[
        open("a"),
        posting("a", 2, 100, 100)[1..].to_owned(),
        posting("a", 3, 1, 101),
    ]);
    assert_eq!(
        bad(&history),
        [(3, "HISTORY_BAD_FORMAT"), (4, "HISTORY_BALANCE_MISMATCH")]
    );
}

#[test]
fn a_file_that_is_no_history_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let open = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        open_history(&path).unwrap_err().code()
    };
    assert_eq!(open("a.jsonl", b""), "HISTORY_EMPTY_FILE");
    assert_eq!(open("a.jsonl", b"{\"row\":\"open\"}\n"), "HISTORY_BAD_HEADER");
    assert_eq!(
        open("a.jsonl", b"{\"tributary_history\":1}\n"),
        "HISTORY_BAD_HEADER"
    );
    assert_eq!(open("a.jsonl", b"no json\n"), "HISTORY_BAD_HEADER");
    assert_eq!(
        open("a.jsonl", b"{\"tributary_history\":4,\"what\":1}\n"),
        "HISTORY_UNSUPPORTED_VERSION"
    );
    assert_eq!(open("a.csv", b"a;b\n"), "HISTORY_UNKNOWN_KIND");
    assert_eq!(open("a.jsonl.zst", b"not compressed"), "HISTORY_IO");
}

#[test]
fn a_file_that_changes_after_it_was_opened_is_not_read_on() {
    let (_kept, path) = stored(&[open("a"), posting("a", 2, 100, 100)]);
    let history = open_history(&path).unwrap();
    fs::write(&path, format!("{HEADER}\n{}\n{{\n", open("a"))).unwrap();
    let last = history.rows().unwrap().last().unwrap();
    assert!(matches!(last, Err(HistoryError::Changed(_))), "{last:?}");
}

#[test]
fn a_compressed_file_that_is_cut_off_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.jsonl.zst");
    let config = tributary_history::Config {
        accounts: 5,
        rows: 300,
        ..Default::default()
    };
    tributary_history::generate(1, &config).write_to(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(open_history(&path).unwrap_err().code(), "HISTORY_IO");
}
