//! One row of the real bank's year 1993 is spoilt: it is named, its account stops, all else goes on.

use std::{collections::HashMap, fs};

use tributary_history::{History, HistoryRow, Posting, open_history};

use crate::support::{self, cash};

/// A spoilt copy of the file, beside what it was.
struct Spoilt {
    whole: History,
    history: History,
    /// The lines of the whole file, the header at index 0.
    lines: Vec<String>,
}

/// A transfer to another bank in mid-year, the first of two rows of its account and day.
const LINE: usize = 12_002;

/// Of these many rows of the year one is spoilt in many ways.
const ROWS_BETWEEN: usize = 499;

fn spoil(spoil: impl FnOnce(&mut Vec<Vec<u8>>)) -> Option<Spoilt> {
    let berka = support::berka()?;
    let text = fs::read_to_string(berka.join("trans_1993.asc")).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let mut spoilt: Vec<_> = lines.iter().map(|line| line.clone().into_bytes()).collect();
    spoil(&mut spoilt);
    let mut bytes = spoilt.join(&b"\r\n"[..]);
    bytes.extend(b"\r\n");
    let copy = support::copy_with(&berka, &bytes);
    let history = open_history(copy.path()).unwrap();
    Some(Spoilt {
        whole: open_history(&berka).unwrap(),
        history,
        lines,
    })
}

fn set(lines: &mut [Vec<u8>], line: usize, field: usize, value: &str) {
    let text = String::from_utf8(lines[line - 1].clone()).unwrap();
    let mut fields: Vec<_> = text.split(';').map(str::to_owned).collect();
    fields[field] = value.to_owned();
    lines[line - 1] = fields.join(";").into_bytes();
}

fn field(lines: &[String], line: usize, field: usize) -> &str {
    lines[line - 1].split(';').nth(field).unwrap()
}

fn by_account(history: &History) -> HashMap<String, Vec<Posting>> {
    let mut accounts: HashMap<String, Vec<Posting>> = HashMap::new();
    for row in history.rows().unwrap() {
        if let HistoryRow::Posting(posting) = row.unwrap() {
            accounts.entry(posting.account.clone()).or_default().push(posting);
        }
    }
    accounts
}

impl Spoilt {
    fn account(&self, line: usize) -> String {
        format!("berka/{}", field(&self.lines, line, 1))
    }

    /// Exactly `line` is reported, with `code`.
    fn reports(&self, line: usize, code: &str) {
        let found: Vec<_> = self
            .history
            .bad
            .iter()
            .map(|bad| (bad.position.to_string(), bad.fault.code()))
            .collect();
        assert_eq!(found, [(format!("trans.asc:{line}"), code)]);
    }

    /// The account of `line` stops before its day, its other rows from then on are parked, and every other
    /// account is as if nothing had happened.
    fn stops_the_account_of(&self, line: usize) {
        let account = self.account(line);
        let date = format!("19{}", field(&self.lines, line, 2));
        let (mut whole, mut found) = (by_account(&self.whole), by_account(&self.history));
        let all = whole.remove(&account).unwrap();
        let (before, after): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|row| row.date.format("%Y%m%d").to_string() < date);
        assert_eq!(found.remove(&account).unwrap_or_default(), before);
        assert_eq!(found, whole);
        assert!(self.history.parked.iter().all(|parked| parked.account == account));
        let behind = format!("trans.asc:{line}");
        assert!(
            self.history
                .parked
                .iter()
                .all(|parked| parked.behind.to_string() == behind)
        );
        assert_eq!(
            self.history.parked.len() + 1,
            after.len(),
            "all later rows but the bad one are parked"
        );
    }
}

macro_rules! spoilt {
    ($spoil:expr) => {
        match spoil($spoil) {
            Some(spoilt) => spoilt,
            None => return,
        }
    };
}

#[test]
fn a_malformed_field_is_reported_and_parks_its_account_from_that_day_on() {
    for (index, value, code) in [
        (5, "12x.00", "HISTORY_BAD_AMOUNT"),
        (5, "-12.00", "HISTORY_BAD_AMOUNT"),
        (5, "12.345", "HISTORY_BAD_AMOUNT"),
        (5, "", "HISTORY_BAD_AMOUNT"),
        (5, "99999999999999999.00", "HISTORY_BAD_AMOUNT"),
        (6, "1,0", "HISTORY_BAD_BALANCE"),
        (3, "\"PRIJEN\"", "HISTORY_UNKNOWN_TYPE"),
        (3, "\"PRIJEM\"", "HISTORY_CONTRADICTION"),
        (4, "\"VLOZ\"", "HISTORY_UNKNOWN_OPERATION"),
        (7, "\"?\"", "HISTORY_UNKNOWN_SYMBOL"),
        (8, "\"st\"", "HISTORY_BAD_BANK"),
        (9, "\"12a\"", "HISTORY_BAD_COUNTERPARTY"),
        (0, "x", "HISTORY_BAD_TRANSACTION_ID"),
        (7, "\"\";\"\"", "HISTORY_FIELD_COUNT"),
        (7, "\"", "HISTORY_BAD_QUOTING"),
    ] {
        let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| set(lines, LINE, index, value));
        assert_eq!(
            field(&spoilt.lines, LINE, 3),
            "\"VYDAJ\"",
            "the line is one that is spoilt so"
        );
        spoilt.reports(LINE, code);
        spoilt.stops_the_account_of(LINE);
    }
}

#[test]
fn a_byte_that_is_no_utf8_spoils_its_line_only() {
    let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| *lines[LINE - 1].last_mut().unwrap() = 0xff);
    spoilt.reports(LINE, "HISTORY_BAD_ENCODING");
    spoilt.stops_the_account_of(LINE);
}

#[test]
fn a_missing_field_spoils_its_line_only() {
    let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| {
        let text = String::from_utf8(lines[LINE - 1].clone()).unwrap();
        lines[LINE - 1] = text.rsplit_once(';').unwrap().0.as_bytes().to_vec();
    });
    spoilt.reports(LINE, "HISTORY_FIELD_COUNT");
    spoilt.stops_the_account_of(LINE);
}

#[test]
fn a_row_whose_day_cannot_be_read_parks_its_account_where_it_is_missed() {
    for value in ["931301", "930229", "93", "", "19930405", "x"] {
        let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| set(lines, LINE, 2, value));
        spoilt.reports(LINE, "HISTORY_BAD_DATE");
        let account = spoilt.account(LINE);
        let expected = &by_account(&spoilt.whole)[&account];
        let found = &by_account(&spoilt.history)[&account];
        assert_eq!(found[..], expected[..found.len()], "what is posted is as before");
        assert!(found.last().unwrap().date < expected.last().unwrap().date);
        assert_eq!(found.len() + spoilt.history.parked.len() + 1, expected.len());
        assert!(
            spoilt
                .history
                .parked
                .iter()
                .all(|parked| parked.behind.line == LINE as u64)
        );
    }
}

#[test]
fn a_wrong_amount_is_found_by_the_balances_around_it() {
    let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| set(lines, LINE, 5, "123456.70"));
    spoilt.reports(LINE, "HISTORY_BALANCE_MISMATCH");
    spoilt.stops_the_account_of(LINE);
}

#[test]
fn a_wrong_balance_is_found_by_the_balances_around_it() {
    let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| set(lines, LINE, 6, "123456.70"));
    spoilt.reports(LINE, "HISTORY_BALANCE_MISMATCH");
    spoilt.stops_the_account_of(LINE);
}

#[test]
fn amount_and_balance_swapped_are_found() {
    let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| {
        let text = String::from_utf8(lines[LINE - 1].clone()).unwrap();
        let fields: Vec<_> = text.split(';').collect();
        let (amount, balance) = (fields[5].to_owned(), fields[6].to_owned());
        set(lines, LINE, 5, &balance);
        set(lines, LINE, 6, &amount);
    });
    spoilt.reports(LINE, "HISTORY_BALANCE_MISMATCH");
    spoilt.stops_the_account_of(LINE);
}

#[test]
fn a_doubled_row_is_reported_where_it_stands_the_second_time() {
    let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| lines.insert(LINE, lines[LINE - 1].clone()));
    spoilt.reports(LINE + 1, "HISTORY_DUPLICATE_TRANSACTION");
    assert!(
        spoilt.history.bad[0]
            .to_string()
            .contains(&format!("trans.asc:{LINE}"))
    );
    let account = spoilt.account(LINE);
    let found = &by_account(&spoilt.history)[&account];
    let date = format!("19{}", field(&spoilt.lines, LINE, 2));
    assert!(
        found
            .iter()
            .all(|row| row.date.format("%Y%m%d").to_string() < date)
    );
}

#[test]
fn a_removed_row_is_missed_by_the_row_behind_it() {
    let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| {
        lines.remove(LINE - 1);
    });
    let account = spoilt.account(LINE);
    let whole = &by_account(&spoilt.whole)[&account];
    let id = field(&spoilt.lines, LINE, 0);
    let removed = whole.iter().position(|row| row.reference == id).unwrap();
    let next = &whole[removed + 1];
    let is_next = |line: &String| line.starts_with(&format!("{};", next.reference));
    let number = spoilt.lines.iter().position(is_next).unwrap() + 1;
    let number = if number > LINE { number - 1 } else { number };
    spoilt.reports(number, "HISTORY_BALANCE_MISMATCH");
    let found = &by_account(&spoilt.history)[&account];
    assert_eq!(found[..], whole[..removed]);
}

#[test]
fn an_account_that_nobody_has_is_reported_and_missed_where_it_belongs() {
    let spoilt = spoilt!(|lines: &mut Vec<Vec<u8>>| set(lines, LINE, 1, "99999"));
    let account = spoilt.account(LINE);
    let codes: Vec<_> = spoilt
        .history
        .bad
        .iter()
        .map(|bad| (bad.fault.code(), bad.account.clone()))
        .collect();
    assert!(codes.contains(&("HISTORY_UNKNOWN_ACCOUNT", None)), "{codes:?}");
    assert!(
        codes.contains(&("HISTORY_BALANCE_MISMATCH", Some(account))),
        "{codes:?}"
    );
    assert_eq!(codes.len(), 2);
}

#[test]
fn a_last_line_that_is_cut_off_is_reported_and_parks_only_its_account() {
    for cut in [1, 2, 3, 9, 11, 20, 33, 50] {
        let Some(spoilt) = spoil(|lines| {
            let last = lines.last_mut().unwrap();
            last.truncate(last.len() - cut);
        }) else {
            return;
        };
        let last = spoilt.lines.len();
        assert_eq!(
            spoilt.history.bad.len(),
            1,
            "cut by {cut}: {:?}",
            spoilt.history.bad
        );
        assert_eq!(spoilt.history.bad[0].position.line, last as u64);
        let account = spoilt.account(last);
        let (mut whole, mut found) = (by_account(&spoilt.whole), by_account(&spoilt.history));
        let (all, found_of_it) = (whole.remove(&account).unwrap(), found.remove(&account).unwrap());
        assert_eq!(found_of_it[..], all[..found_of_it.len()]);
        assert!(found_of_it.len() < all.len(), "the cut row is not posted");
        assert_eq!(found, whole, "cut by {cut}");
    }
}

/// Makes a wrong value of a right one.
type Change = fn(&str) -> String;

/// The rows of one account, and ways to spoil one of them.
struct OneAccount {
    name: String,
    /// In the file's order.
    lines: Vec<Vec<u8>>,
    /// Line number in a file of these rows only, and the row's id.
    line: usize,
    id: String,
    expected: Vec<Posting>,
}

impl OneAccount {
    fn spoilt(&self, spoil: impl FnOnce(&mut Vec<Vec<u8>>, usize)) -> (Vec<Posting>, History) {
        let mut lines = self.lines.clone();
        spoil(&mut lines, self.line - 2);
        // Another account's first row shows that the period begins with the year.
        let other = cash(1, if self.name == "berka/576" { 704 } else { 576 }, 930101, 5, 5);
        let text = lines
            .iter()
            .map(|line| str::from_utf8(line).unwrap())
            .chain([other.as_str()]);
        let copy = support::copy_with(&support::berka().unwrap(), &support::file_of(text));
        let history = open_history(copy.path()).unwrap();
        let found = by_account(&history).remove(&self.name).unwrap_or_default();
        let what = format!("{} line {}", self.name, self.line);
        let different = found
            .iter()
            .zip(&self.expected)
            .find(|(found, expected)| found != expected);
        assert_eq!(different, None, "{what}: what is posted is as it was");
        assert!(
            found.iter().all(|row| row.reference != self.id),
            "{what}: the bad row isn't posted"
        );
        (found, history)
    }

    /// Whether the row is named alone. Where a row of the same day explains the fault as well, both are named.
    fn changed(&self, index: usize, change: Change) -> bool {
        let (found, history) = self.spoilt(|lines, row| {
            let text = str::from_utf8(&lines[row]).unwrap();
            let value = change(text.split(';').nth(index).unwrap());
            set(lines, row + 1, index, &value);
        });
        let named: Vec<_> = history.bad.iter().map(|bad| bad.position.line).collect();
        let what = format!("{} line {} field {index}: {named:?}", self.name, self.line);
        assert!(named.contains(&(self.line as u64)), "{what}");
        assert!(named.len() <= 2, "{what}");
        assert_eq!(
            found.len() + history.bad.len() + history.parked.len(),
            self.expected.len(),
            "{what}"
        );
        named.len() == 1
    }

    fn removed(&self) {
        let last = self.expected.last().unwrap().reference == self.id;
        let (_, history) = self.spoilt(|lines, row| {
            lines.remove(row);
        });
        assert_eq!(
            history.is_sound(),
            last,
            "only the last row isn't missed by any other"
        );
    }

    fn doubled_under_another_id(&self) {
        let (_, history) = self.spoilt(|lines, row| {
            let copy = [b"9".as_slice(), &lines[row]].concat();
            lines.insert(row + 1, copy);
        });
        let named: Vec<_> = history.bad.iter().map(|bad| bad.position.line as usize).collect();
        assert!(
            named.contains(&self.line) || named.contains(&(self.line + 1)),
            "{named:?} {}",
            self.line
        );
        assert!(named.len() <= 2, "{named:?}");
    }
}

/// About as little as can't be a rounding.
fn half_a_crown_off(value: &str) -> String {
    let (crowns, haler) = value.split_once('.').unwrap();
    format!("{crowns}.{}", if haler < "50" { "99" } else { "01" })
}

#[test]
fn whichever_row_is_wrong_it_is_not_posted_and_named() {
    let Some(berka) = support::berka() else { return };
    let text = fs::read_to_string(berka.join("trans_1993.asc")).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let whole = by_account(&open_history(&berka).unwrap());
    let (mut tried, mut alone) = (0, 0);
    for line in (2..=lines.len()).step_by(ROWS_BETWEEN) {
        let number = field(&lines, line, 1);
        let name = format!("berka/{number}");
        let of_account = lines.iter().filter(|line| line.split(';').nth(1) == Some(number));
        let own: Vec<_> = of_account.map(|line| line.clone().into_bytes()).collect();
        let account = OneAccount {
            expected: whole[&name].clone(),
            line: own
                .iter()
                .position(|own| *own == lines[line - 1].as_bytes())
                .unwrap()
                + 2,
            id: field(&lines, line, 0).to_owned(),
            lines: own,
            name,
        };
        let changes: [(usize, Change); 4] = [
            (5, |amount| format!("1{amount}")),
            (5, half_a_crown_off),
            (6, half_a_crown_off),
            (6, |balance| format!("{balance}9")),
        ];
        for (index, change) in changes {
            tried += 1;
            alone += u32::from(account.changed(index, change));
        }
        account.removed();
        account.doubled_under_another_id();
    }
    println!("{alone} of {tried} named alone");
    assert!(alone * 100 >= tried * 98, "{alone} of {tried}");
}
