use std::{fs, path::Path};

use tributary_fraud_training::handbook::{HEADER, HandbookError, ReadRow, Reader, Transaction, Transactions};

use crate::support::{file_of, handbook};

const GOOD: &str = "7,2018-04-01 00:00:31,596,3156,57.16,0,0";

#[test]
fn a_row_is_read_plain_and_compressed() {
    let expected = Transaction {
        id: 7,
        at_s: 1_522_540_831,
        customer: 596,
        terminal: 3_156,
        amount_minor: 5_716,
        fraud: false,
    };
    for name in ["t.csv", "t.csv.zst"] {
        let (_directory, path) = file_of(name, &[GOOD, "8,2018-04-01 00:00:31,1,2,0.0,1,3"]);
        let loaded = Transactions::load(&path).unwrap();
        assert_eq!(loaded.bad, []);
        assert_eq!(loaded.rows[0], expected);
        assert!(loaded.rows[1].fraud);
        assert_eq!(loaded.rows[1].amount_minor, 0);
    }
}

#[test]
fn rows_come_by_time_and_those_of_a_second_by_id() {
    let lines = [
        "9,2018-04-01 00:00:31,1,1,1.00,0,0",
        "7,2018-04-01 00:00:31,1,1,1.00,0,0",
        "8,2018-04-01 00:00:30,1,1,1.00,0,0",
    ];
    let (_directory, path) = file_of("t.csv", &lines);
    let ids: Vec<u64> = Transactions::load(&path)
        .unwrap()
        .rows
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(ids, [8, 7, 9]);
}

#[test]
fn each_bad_row_is_told_by_line_and_code_and_the_others_are_read() {
    let long = format!("7,{}", "9".repeat(2_000));
    let lines = [
        GOOD,
        "x,2018-04-01 00:00:31,596,3156,57.16,0,0",
        "2,2018-04-31 00:00:31,596,3156,57.16,0,0",
        "3,2018-04-01 00:00:31,-596,3156,57.16,0,0",
        "4,2018-04-01 00:00:31,596,99999999999,57.16,0,0",
        "5,2018-04-01 00:00:31,596,3156,-57.16,0,0",
        "6,2018-04-01 00:00:31,596,3156,57.16,2,0",
        "6,2018-04-01 00:00:31,596,3156,57.16,0,none",
        "6,2018-04-01 00:00:31,596,3156,57.16,0",
        "",
        "7,2018-04-02 00:00:31,596,3156,57.16,0,0",
        &long,
        "8,2018-04-01 00:00:31,596,3156,57.16,1,1",
    ];
    let (_directory, path) = file_of("t.csv", &lines);
    let loaded = Transactions::load(&path).unwrap();
    let told: Vec<(u64, &str)> = loaded
        .bad
        .iter()
        .map(|bad| (bad.position.line, bad.fault.code()))
        .collect();
    let expected = [
        (3, "HANDBOOK_BAD_TRANSACTION_ID"),
        (4, "HANDBOOK_BAD_TIME"),
        (5, "HANDBOOK_BAD_CUSTOMER"),
        (6, "HANDBOOK_BAD_TERMINAL"),
        (7, "HANDBOOK_BAD_AMOUNT"),
        (8, "HANDBOOK_BAD_LABEL"),
        (9, "HANDBOOK_BAD_SCENARIO"),
        (10, "HANDBOOK_FIELD_COUNT"),
        (11, "HANDBOOK_FIELD_COUNT"),
        (12, "HANDBOOK_DUPLICATE_TRANSACTION"),
        (13, "HANDBOOK_LINE_TOO_LONG"),
    ];
    assert_eq!(told, expected);
    assert_eq!(loaded.rows.len(), 2);
    assert_eq!(
        loaded.bad[5].to_string(),
        "t.csv:8: HANDBOOK_BAD_LABEL: the fraud label is neither 0 nor 1"
    );
    fs::write(&path, [HEADER.as_bytes(), b"\n7,\xff,1,1,1,0,0\n"].concat()).unwrap();
    assert_eq!(
        Transactions::load(&path).unwrap().bad[0].fault.code(),
        "HANDBOOK_BAD_ENCODING"
    );
}

#[test]
fn what_is_no_such_file_is_told_by_code() {
    let code = |path: &Path| Reader::open(path).err().map(|error| error.code());
    let (directory, path) = file_of("t.csv", &[]);
    assert_eq!(code(&path), None);
    assert_eq!(
        code(&directory.path().join("t.txt")),
        Some("HANDBOOK_UNKNOWN_KIND")
    );
    assert_eq!(
        code(&directory.path().join("u.csv")),
        Some("HANDBOOK_MISSING_FILE")
    );
    assert_eq!(code(directory.path()), Some("HANDBOOK_UNKNOWN_KIND"));
    fs::write(&path, "").unwrap();
    assert_eq!(code(&path), Some("HANDBOOK_BAD_HEADER"));
    fs::write(&path, "TRANSACTION_ID,TX_DATETIME\n").unwrap();
    assert_eq!(code(&path), Some("HANDBOOK_BAD_HEADER"));
}

#[test]
fn a_compressed_file_that_is_cut_off_is_not_taken_for_its_end() {
    let (_directory, path) = file_of("t.csv.zst", &[GOOD]);
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 5]).unwrap();
    let outcome = Transactions::load(&path);
    assert!(matches!(outcome, Err(HandbookError::Io { .. })));
}

#[test]
fn the_published_file_has_no_bad_row() {
    let Some(path) = handbook() else { return };
    let mut reader = Reader::open(&path).unwrap();
    let (mut rows, mut frauds) = (0, 0);
    while let Some(ReadRow { position, row }) = reader.next_row().unwrap() {
        let row = row.unwrap_or_else(|fault| panic!("{position}: {fault}"));
        rows += 1;
        frauds += u64::from(row.fraud);
    }
    assert_eq!((rows, frauds), (1_303_778, 10_659));
}
