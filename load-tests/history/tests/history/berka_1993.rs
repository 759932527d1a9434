//! The real bank's year 1993: sums and running balances against those computed by others.

use crate::support;

use std::{collections::HashMap, fs};

use tributary_history::{Contra, HistoryRow, Posting, open_history};

fn postings(history: &tributary_history::History) -> Vec<Posting> {
    let posting = |row| match row {
        HistoryRow::Posting(posting) => Some(posting),
        _ => None,
    };
    history
        .rows()
        .unwrap()
        .map(Result::unwrap)
        .filter_map(posting)
        .collect()
}

#[test]
fn the_sums_of_1993_are_those_that_are_published() {
    let Some(berka) = support::berka() else { return };
    let history = open_history(&berka).unwrap();
    assert!(history.is_sound(), "{:?} {:?}", history.bad, history.parked);
    let statistics = &history.statistics;
    assert_eq!((statistics.accounts, statistics.transactions), (1_139, 28_205));
    assert_eq!(statistics.first.unwrap().to_string(), "1993-01-01");
    assert_eq!(statistics.last.unwrap().to_string(), "1993-12-31");
    let sums = history.sums();
    assert_eq!(sums.of(&Contra::Cash), 1_616_536_150);
    assert_eq!(sums.banks(), 1_964_971_830);
    assert_eq!(sums.of(&Contra::InterestPaid), 81_086_290);
    assert_eq!(sums.of(&Contra::Fee), -4_992_160);
    assert_eq!(sums.of(&Contra::PenaltyInterest), -7_500);
    assert_eq!(sums.of(&Contra::OpeningBalance), 0);
    assert_eq!((sums.roundings, sums.roundings_count), (-3_320, 1_422));
    assert_eq!(sums.balances, 3_657_591_290);
}

#[test]
fn every_running_balance_equals_that_of_an_order_found_independently() {
    let Some(berka) = support::berka() else { return };
    let oracle = fs::read_to_string(berka.join("trans_ordered_1993.csv")).unwrap();
    let mut expected: HashMap<String, Vec<[String; 5]>> = HashMap::new();
    for line in oracle.lines().skip(1) {
        let field: Vec<_> = line.split(',').collect();
        let row = [field[2], field[3], field[9], field[10], field[11]].map(str::to_owned);
        expected
            .entry(format!("berka/{}", field[0]))
            .or_default()
            .push(row);
    }
    let history = open_history(&berka).unwrap();
    let mut found: HashMap<String, Vec<[String; 5]>> = HashMap::new();
    for posting in postings(&history) {
        let date = posting.date.to_string();
        let balance = posting.balance_after.unwrap().to_string();
        let row = [
            date,
            posting.reference,
            posting.amount.to_string(),
            balance,
            posting.rounding.to_string(),
        ];
        found.entry(posting.account).or_default().push(row);
    }
    assert_eq!(found.len(), expected.len());
    for (account, rows) in expected {
        assert_eq!(found[&account], rows, "{account}");
    }
}

#[test]
fn rows_come_by_day_and_each_accounts_by_sequence_after_its_opening() {
    let Some(berka) = support::berka() else { return };
    let history = open_history(&berka).unwrap();
    let mut last_date = None;
    let mut last_sequence: HashMap<String, u64> = HashMap::new();
    for row in history.rows().unwrap() {
        let row = row.unwrap();
        assert!(last_date <= Some(row.date()));
        last_date = Some(row.date());
        let last = last_sequence.insert(row.account().to_owned(), row.sequence());
        assert_eq!(last.is_none(), matches!(row, HistoryRow::Open(_)), "{row:?}");
        assert!(last < Some(row.sequence()), "{row:?}");
    }
}

#[test]
fn a_debit_that_leaves_less_than_nothing_is_forced_and_nothing_else_is() {
    let Some(berka) = support::berka() else { return };
    let history = open_history(&berka).unwrap();
    let mut balances: HashMap<String, i64> = HashMap::new();
    let mut forced = 0;
    for posting in postings(&history) {
        let balance = balances.entry(posting.account.clone()).or_default();
        let falls_below_zero = posting.step() < 0 && *balance + posting.step() < 0;
        assert_eq!(posting.forced, falls_below_zero, "{posting:?}");
        forced += u64::from(posting.forced);
        *balance += posting.step();
    }
    assert_eq!(history.statistics.forced, forced);
    assert!(forced > 0);
}

#[test]
fn lines_may_end_in_lf_alone() {
    let Some(berka) = support::berka() else { return };
    let text = fs::read_to_string(berka.join("trans_1993.asc")).unwrap();
    let copy = support::copy_with(&berka, text.replace("\r\n", "\n").as_bytes());
    let copied = open_history(copy.path()).unwrap();
    assert_eq!(copied.statistics, open_history(&berka).unwrap().statistics);
    assert!(copied.is_sound());
}

#[test]
fn a_period_that_begins_in_mid_life_opens_accounts_with_the_balance_of_then() {
    let Some(berka) = support::berka() else { return };
    let whole = open_history(&berka).unwrap();
    let mut expected: HashMap<String, i64> = HashMap::new();
    let mut later = Vec::new();
    for posting in postings(&whole) {
        if posting.date.to_string().as_str() < "1993-07-01" {
            expected.insert(posting.account.clone(), posting.balance_after.unwrap());
        } else {
            later.push(posting);
        }
    }
    let text = fs::read_to_string(berka.join("trans_1993.asc")).unwrap();
    let second_half = text
        .lines()
        .skip(1)
        .filter(|line| line.split(';').nth(2).unwrap() >= "930701");
    let copy = support::copy_with(&berka, &support::file_of(second_half));
    let history = open_history(copy.path()).unwrap();
    assert!(history.is_sound(), "{:?}", history.bad);
    for row in history.rows().unwrap() {
        if let HistoryRow::Open(open) = row.unwrap() {
            let opening = expected.get(&open.account).copied().unwrap_or(0);
            // The first row's rounding can't be told from the balance before it.
            assert!((open.opening_balance - opening).abs() <= 10, "{}", open.account);
        }
    }
    let found: Vec<_> = postings(&history)
        .into_iter()
        .map(|row| (row.account, row.sequence, row.reference))
        .collect();
    let later: Vec<_> = later
        .into_iter()
        .map(|row| (row.account, row.sequence, row.reference))
        .collect();
    assert_eq!(found, later);
}

#[test]
fn periods_in_files_of_their_own_give_the_same_rows_and_what_they_share_counts_once() {
    let Some(berka) = support::berka() else { return };
    let text = fs::read_to_string(berka.join("trans_1993.asc")).unwrap();
    let until = |end: &str| {
        let lines = text
            .lines()
            .skip(1)
            .filter(|line| line.split(';').nth(2).unwrap() < end);
        support::file_of(lines)
    };
    let copy = support::copy_with(&berka, text.as_bytes());
    fs::write(copy.path().join("trans_early.asc"), until("930401")).unwrap();
    let history = open_history(copy.path()).unwrap();
    assert!(history.is_sound());
    assert_eq!(
        history.overlaps,
        until("930401").split(|byte| *byte == b'\n').count() as u64 - 2
    );
    assert_eq!(history.statistics, open_history(&berka).unwrap().statistics);
}
