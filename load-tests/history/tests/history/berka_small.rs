//! A small bank in the published form, where every row can be seen.

use std::fs;

use tributary_history::{Contra, HistoryRow, open_history};

use crate::support::{cash, file_of, small_bank};

fn bad(bank: &tempfile::TempDir) -> Vec<String> {
    let history = open_history(bank.path()).unwrap();
    history
        .bad
        .iter()
        .map(|bad| format!("{} {}", bad.position, bad.fault.code()))
        .collect()
}

fn posted(bank: &tempfile::TempDir) -> Vec<String> {
    let history = open_history(bank.path()).unwrap();
    let rows = history.rows().unwrap().map(Result::unwrap);
    rows.map(|row| match row {
        HistoryRow::Open(open) => format!("open {} {}", open.account, open.opening_balance),
        HistoryRow::Posting(row) => format!("{} {}", row.sequence, row.reference),
        other => panic!("{other:?}"),
    })
    .collect()
}

#[test]
fn a_file_is_whole_or_the_error_says_which_is_not() {
    let code = |bank: &tempfile::TempDir| open_history(bank.path()).unwrap_err().code();
    let bank = small_bank(b"");
    assert_eq!(code(&bank), "HISTORY_EMPTY_FILE");
    fs::write(bank.path().join("trans.asc"), "\"trans_id\";\"date\"\r\n").unwrap();
    assert_eq!(code(&bank), "HISTORY_BAD_HEADER");
    fs::remove_file(bank.path().join("trans.asc")).unwrap();
    assert_eq!(code(&bank), "HISTORY_NO_TRANSACTIONS");
    fs::write(
        bank.path().join("trans_ordered_1993.csv"),
        "no file of the bank's",
    )
    .unwrap();
    assert_eq!(code(&bank), "HISTORY_NO_TRANSACTIONS");
    fs::write(bank.path().join("trans.asc"), file_of([cash(1, 1, 930101, 5, 5)])).unwrap();
    assert!(open_history(bank.path()).unwrap().is_sound());
    fs::remove_file(bank.path().join("disp.asc")).unwrap();
    assert_eq!(code(&bank), "HISTORY_MISSING_FILE");
    assert_eq!(
        open_history(&bank.path().join("none")).unwrap_err().code(),
        "HISTORY_MISSING_FILE"
    );
}

#[test]
fn the_banks_own_file_of_orders_sets_up_none() {
    let bank = small_bank(&file_of([cash(1, 1, 930101, 5, 5)]));
    fs::write(
        bank.path().join("order.asc"),
        "\"order_id\";\"account_id\";\"bank_to\";\"account_to\";\"amount\";\"k_symbol\"\r\n29401;1;\"YZ\";\"87144583\";2452.00;\"SIPO\"\r\n",
    )
    .unwrap();
    let history = open_history(bank.path()).unwrap();
    assert!(history.is_sound() && history.orders.is_empty());
    assert_eq!(history.statistics.orders, 0);
}

#[test]
fn a_file_of_a_header_alone_is_a_history_of_nothing() {
    let bank = small_bank(&file_of::<&str>([]));
    let history = open_history(bank.path()).unwrap();
    assert!(history.is_sound());
    assert_eq!(history.statistics.rows, 0);
}

#[test]
fn a_header_is_known_with_and_without_quotes_in_any_letters_and_behind_a_mark() {
    let sound = file_of([cash(1, 1, 930101, 5, 5)]);
    let text = String::from_utf8(sound).unwrap();
    let (header, rows) = text.split_once("\r\n").unwrap();
    for header in [
        header.replace('"', ""),
        header.to_uppercase(),
        header.replace(';', " ; ").replace('"', ""),
        format!("\u{feff}{header}"),
        header.replace('"', "") + "\n",
    ] {
        let bank = small_bank(format!("{}\r\n{rows}", header.trim_end_matches('\n')).as_bytes());
        assert_eq!(posted(&bank), ["open berka/1 0", "199301010001 1"], "{header}");
    }
    for header in [
        header.replace("k_symbol", "symbol"),
        header.replace(';', ","),
        header.replace(r#";"account""#, ""),
        header.replace(r#""amount";"balance""#, r#""balance";"amount""#),
        rows.trim_end().to_owned(),
    ] {
        let bank = small_bank(format!("{header}\r\n{rows}").as_bytes());
        assert_eq!(
            open_history(bank.path()).unwrap_err().code(),
            "HISTORY_BAD_HEADER",
            "{header}"
        );
    }
}

#[test]
fn fields_are_read_with_and_without_quotes_and_amounts_with_as_many_decimals_as_they_need() {
    let bank = small_bank(&file_of([
        r#""1";"1";"930101";PRIJEM;VKLAD;"100";100.0;;;"#,
        r#"2;1;930102;"VYDAJ";"PREVOD NA UCET";0.5;"99.500";" ";"ST";"66487163""#,
        r#"3;1;930103;"VYDAJ";"PREVOD NA UCET";00000.50;99.00;"SIPO";ST;66487163"#,
        r#"4;1;930104;"VYBER";"VYBER";9.00;90;"";"";"0""#,
        r#"5;1;930105;"VYDAJ";"VYBER";100;-10;"SLUZBY";;0"#,
    ]));
    let history = open_history(bank.path()).unwrap();
    assert!(history.is_sound(), "{:?}", history.bad);
    let sums = history.sums();
    assert_eq!(sums.of(&Contra::Cash), 9_100);
    assert_eq!(sums.of(&Contra::Bank("ST".to_owned())), -100);
    assert_eq!((sums.of(&Contra::Fee), sums.balances), (-10_000, -1_000));
    for amount in [
        "1,00", "1.001", "+1.00", "1.", ".5", "1e2", " 1", "1 000.00", "-1", "",
    ] {
        let row = cash(1, 1, 930101, 5, 5).replace("5.00;5.00", &format!("{amount};5.00"));
        let bank = small_bank(&file_of([row]));
        assert_eq!(bad(&bank), ["trans.asc:2 HISTORY_BAD_AMOUNT"], "{amount}");
    }
}

#[test]
fn blank_lines_at_the_end_are_none_and_one_between_rows_is_a_bad_row() {
    let rows = [cash(1, 1, 930101, 5, 5), cash(2, 2, 930101, 5, 5)];
    let text = String::from_utf8(file_of(&rows)).unwrap();
    assert!(
        open_history(small_bank(format!("{text}\r\n").as_bytes()).path())
            .unwrap()
            .is_sound()
    );
    let between = text.replace("\r\n2;", "\r\n\r\n2;");
    assert_eq!(
        bad(&small_bank(between.as_bytes())),
        ["trans.asc:3 HISTORY_FIELD_COUNT"]
    );
    let without_end = text.trim_end();
    assert!(
        open_history(small_bank(without_end.as_bytes()).path())
            .unwrap()
            .is_sound()
    );
}

#[test]
fn one_empty_file_among_several_is_told_by_name() {
    let bank = small_bank(&file_of([cash(1, 1, 930101, 5, 5)]));
    fs::write(bank.path().join("trans_1994.asc"), "").unwrap();
    let error = open_history(bank.path()).unwrap_err();
    assert_eq!(error.code(), "HISTORY_EMPTY_FILE");
    assert!(error.to_string().contains("trans_1994.asc"), "{error}");
}

#[test]
fn rows_say_on_which_line_of_which_file_they_stand() {
    let bank = small_bank(&file_of([
        cash(9, 1, 930102, -5, 95),
        cash(7, 1, 930101, 100, 100),
    ]));
    fs::write(
        bank.path().join("trans_more.asc"),
        file_of([cash(1, 2, 930101, 1, 1)]),
    )
    .unwrap();
    let history = open_history(bank.path()).unwrap();
    let rows = history.located_rows().unwrap().map(Result::unwrap);
    let places: Vec<_> = rows.map(|(position, _)| position.unwrap().to_string()).collect();
    // An opening stands where the account's first row does.
    assert_eq!(
        places,
        [
            "trans.asc:3",
            "trans.asc:3",
            "trans_more.asc:2",
            "trans_more.asc:2",
            "trans.asc:2"
        ]
    );
}

#[test]
fn rows_of_a_day_are_numbered_in_the_order_of_their_balances() {
    let bank = small_bank(&file_of([
        cash(9, 1, 930102, -5, 120),
        cash(7, 1, 930101, 100, 100),
        cash(8, 1, 930102, 25, 125),
        cash(1, 2, 930101, 1, 1),
    ]));
    assert_eq!(
        posted(&bank),
        [
            "open berka/1 0",
            "199301010001 7",
            "open berka/2 0",
            "199301010001 1",
            "199301020001 8",
            "199301020002 9"
        ]
    );
}

#[test]
fn a_repaired_file_goes_on_with_the_same_sequences() {
    let rows = [
        cash(1, 1, 930101, 100, 100),
        cash(2, 1, 930105, 10, 110),
        cash(3, 1, 930105, 10, 120),
        cash(4, 1, 930105, -1, 119),
        cash(5, 1, 930107, 1, 120),
    ];
    let whole = posted(&small_bank(&file_of(&rows)));
    let mut spoilt = rows.clone();
    spoilt[3] = cash(4, 1, 930105, -1, 118);
    let bank = small_bank(&file_of(&spoilt));
    assert_eq!(bad(&bank), ["trans.asc:5 HISTORY_BALANCE_MISMATCH"]);
    assert_eq!(posted(&bank), whole[..2], "the bad row's day waits as a whole");
}

#[test]
fn a_bad_row_between_two_faults_does_not_hide_the_later_one() {
    let bank = small_bank(&file_of([
        cash(1, 1, 930101, 100, 100),
        cash(2, 1, 930102, 10, 111),
        cash(3, 1, 930103, 10, 121),
        cash(4, 1, 930104, 10, 131).replace("930104", "930134"),
        cash(5, 2, 930101, 1, 1),
    ]));
    let history = open_history(bank.path()).unwrap();
    // The row without a day may well be what the second row misses: it alone is reported until it is repaired.
    assert_eq!(bad(&bank), ["trans.asc:5 HISTORY_BAD_DATE"]);
    assert_eq!(history.parked.len(), 2);
    assert_eq!(
        posted(&bank),
        [
            "open berka/1 0",
            "199301010001 1",
            "open berka/2 0",
            "199301010001 5"
        ]
    );
}

#[test]
fn an_account_that_begins_within_the_period_begins_with_nothing() {
    let bank = small_bank(&file_of([
        cash(1, 1, 930101, 100, 100),
        cash(2, 2, 930103, 10, 60),
    ]));
    assert_eq!(bad(&bank), ["trans.asc:3 HISTORY_BALANCE_MISMATCH"]);
}

#[test]
fn an_account_seen_first_in_mid_life_opens_with_what_it_must_have_had() {
    let bank = small_bank(&file_of([
        cash(1, 3, 930101, -100, 50),
        cash(2, 3, 930101, 30, 180),
        cash(3, 3, 930101, -30, 150),
        cash(4, 1, 930101, 1, 1),
    ]));
    assert_eq!(
        posted(&bank),
        [
            "open berka/1 0",
            "199301010001 4",
            "open berka/3 150",
            "199301010001 2",
            "199301010002 3",
            "199301010003 1"
        ]
        .map(|line| line.replace(" 150", " 15000"))
    );
    let sums = open_history(bank.path()).unwrap().sums();
    assert_eq!(sums.of(&Contra::OpeningBalance), 15_000);
    assert_eq!(sums.balances, 5_100);
}

#[test]
fn an_opening_that_two_orders_allow_is_decided_by_the_day_after() {
    // Either 100 came and went (opening 200, end 200), or went and came (opening 300, end 300).
    let first_day = [cash(1, 3, 930101, 100, 300), cash(2, 3, 930101, -100, 200)];
    for (last, opening) in [
        (cash(3, 3, 930102, 5, 205), 20_000),
        (cash(3, 3, 930102, 5, 305), 30_000),
    ] {
        let bank = small_bank(&file_of(first_day.iter().chain([&last])));
        let history = open_history(bank.path()).unwrap();
        assert!(history.is_sound());
        assert_eq!(history.sums().of(&Contra::OpeningBalance), opening);
    }
    // Where nothing decides it and the day after is broken, the undecided day waits as well.
    let bank = small_bank(&file_of(first_day.iter().chain([&cash(3, 3, 930102, 5, 777)])));
    assert!(posted(&bank).is_empty());
    assert_eq!(bad(&bank), ["trans.asc:4 HISTORY_BALANCE_MISMATCH"]);
}

#[test]
fn the_first_row_of_a_mid_life_account_is_posted_only_when_the_next_day_bears_it_out() {
    let bank = small_bank(&file_of([
        cash(1, 3, 930101, 100, 999),
        cash(2, 3, 930102, 5, 305),
        cash(3, 3, 930103, 5, 310),
    ]));
    assert!(posted(&bank).is_empty());
    assert_eq!(
        bad(&bank),
        [
            "trans.asc:2 HISTORY_BALANCE_MISMATCH",
            "trans.asc:3 HISTORY_BALANCE_MISMATCH"
        ]
    );
    assert_eq!(open_history(bank.path()).unwrap().parked.len(), 1);
}

#[test]
fn an_account_without_an_owner_or_with_a_spoilt_registration_takes_no_rows() {
    let bank = small_bank(&file_of([cash(1, 1, 930101, 5, 5), cash(2, 2, 930101, 5, 5)]));
    let spoil = |name: &str, from: &str, to: &str| {
        let path = bank.path().join(name);
        fs::write(&path, fs::read_to_string(&path).unwrap().replace(from, to)).unwrap();
    };
    spoil("disp.asc", "1;11;1;\"OWNER\"\r\n", "");
    assert_eq!(bad(&bank), ["account.asc:2 HISTORY_NO_OWNER"]);
    assert_eq!(posted(&bank), ["open berka/2 0", "199301010001 2"]);
    spoil(
        "account.asc",
        "2;1;\"POPLATEK MESICNE\";930101",
        "2;1;\"POPLATEK MESICNE\";9301",
    );
    assert_eq!(
        bad(&bank),
        ["account.asc:2 HISTORY_NO_OWNER", "account.asc:3 HISTORY_BAD_DATE"]
    );
    let parked = open_history(bank.path()).unwrap().parked;
    let parked: Vec<_> = parked.iter().map(ToString::to_string).collect();
    assert_eq!(
        parked,
        [
            "trans.asc:2: HISTORY_PARKED: behind account.asc:2 (account berka/1)",
            "trans.asc:3: HISTORY_PARKED: behind account.asc:3 (account berka/2)"
        ]
    );
}

#[test]
fn a_row_before_the_accounts_opening_is_a_bad_row() {
    let bank = small_bank(&file_of([cash(1, 1, 921231, 5, 5), cash(2, 2, 930101, 5, 5)]));
    assert_eq!(bad(&bank), ["trans.asc:2 HISTORY_BEFORE_OPENING"]);
}

#[test]
fn an_id_that_a_different_row_has_is_a_bad_row_in_whichever_file_it_stands() {
    let bank = small_bank(&file_of([cash(1, 1, 930101, 5, 5)]));
    fs::write(
        bank.path().join("trans_more.asc"),
        file_of([cash(1, 1, 930102, 5, 10)]),
    )
    .unwrap();
    assert_eq!(bad(&bank), ["trans_more.asc:2 HISTORY_DUPLICATE_TRANSACTION"]);
}

#[test]
fn interest_that_is_rounded_to_nothing_is_a_row_all_the_same() {
    let interest = r#"2;1;930131;"PRIJEM";"";0.00;5.10;"UROK";;"#.to_owned();
    let bank = small_bank(&file_of([cash(1, 1, 930101, 5, 5), interest]));
    let history = open_history(bank.path()).unwrap();
    assert!(history.is_sound());
    assert_eq!(
        (history.statistics.transactions, history.sums().roundings),
        (2, 10)
    );
}

#[test]
fn a_transfer_that_names_no_bank_stands_against_an_unnamed_one() {
    let transfer = r#"2;1;930131;"VYDAJ";"PREVOD NA UCET";1.50;3.5;" ";;"#.to_owned();
    let bank = small_bank(&file_of([cash(1, 1, 930101, 5, 5), transfer]));
    let sums = open_history(bank.path()).unwrap().sums();
    assert_eq!(sums.of(&Contra::Bank("UNKNOWN".to_owned())), -150);
}

#[test]
fn a_report_repeats_no_amount_and_no_outside_account() {
    let bank = small_bank(&file_of([
        cash(1, 1, 930101, 5, 5),
        r#"2;1;930102;"VYDAJ";"PREVOD NA UCET";77x.88;3.50;"SIPO";"ST";"66487163""#.to_owned(),
        r#"3;2;930102;"VYDAJ";"PREVOD NA UCET";77.88;99.99;"SIPO";"ST";"66487163""#.to_owned(),
    ]));
    let history = open_history(bank.path()).unwrap();
    assert_eq!(history.bad.len(), 2);
    for report in &history.bad {
        let text = format!("{report} {report:?}");
        for secret in ["77", "88", "99", "66487163"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn a_debit_whose_amount_and_balance_are_swapped_is_found_though_it_fits_the_row_before() {
    let rows = [
        cash(1, 1, 930101, 100, 100),
        cash(2, 1, 930105, -30, 70),
        cash(3, 1, 930107, 1, 71),
        cash(4, 1, 930109, 1, 72),
    ];
    let mut spoilt = rows.clone();
    spoilt[1] = cash(2, 1, 930105, -70, 30);
    let bank = small_bank(&file_of(&spoilt));
    assert_eq!(bad(&bank), ["trans.asc:3 HISTORY_BALANCE_MISMATCH"]);
    assert_eq!(posted(&bank), posted(&small_bank(&file_of(&rows)))[..2]);
    assert_eq!(open_history(bank.path()).unwrap().parked.len(), 2);
}
