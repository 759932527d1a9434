//! Generated histories: the same for the same seed, and a bank whose books are right.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use chrono::Datelike;
use tributary_history::{Config, Contra, HistoryRow, StandingOrder, generate, open_history};

fn config(accounts: u32, rows: u32, days: u32) -> Config {
    Config {
        accounts,
        rows,
        days,
        start: "2025-01-01".parse().unwrap(),
    }
}

#[test]
fn the_same_seed_and_configuration_give_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = |name: &str, seed: u64, config: &Config| {
        let path = directory.path().join(name);
        generate(seed, config).write_to(&path).unwrap();
        fs::read(path).unwrap()
    };
    let small = config(40, 1_000, 90);
    let first = bytes("a.jsonl.zst", 7, &small);
    assert_eq!(bytes("b.jsonl.zst", 7, &small), first);
    assert_ne!(bytes("c.jsonl.zst", 8, &small), first);
}

#[test]
fn histories_of_other_seeds_or_configurations_share_no_source() {
    let sources: BTreeSet<_> = [
        generate(1, &config(10, 100, 30)),
        generate(2, &config(10, 100, 30)),
        generate(1, &config(11, 100, 30)),
        generate(1, &config(10, 101, 30)),
    ]
    .into_iter()
    .map(|history| history.header.source)
    .collect();
    assert_eq!(sources.len(), 4);
}

#[test]
fn a_year_of_a_bank_has_as_many_rows_as_asked_for_and_all_kinds_of_them() {
    for (accounts, rows) in [(500, 20_000), (1_139, 28_205), (50, 20_000)] {
        let history = generate(1, &config(accounts, rows, 365));
        let statistics = &history.statistics;
        assert_eq!(statistics.accounts, u64::from(accounts));
        let off = statistics.rows.abs_diff(rows.into());
        assert!(
            off * 50 < u64::from(rows),
            "{} rows instead of {rows}",
            statistics.rows
        );
        for (kind, count) in [
            ("transfers", statistics.transfers),
            ("reserves", statistics.reserves),
            ("settlements", statistics.settlements),
            ("releases", statistics.releases),
            ("reversals", statistics.reversals),
            ("forced", statistics.forced),
            ("roundings", history.sums().roundings_count),
        ] {
            assert!(count > 10, "{count} {kind} of {rows} rows");
            assert!(count < statistics.rows / 4, "{count} {kind} of {rows} rows");
        }
        let sums = history.sums();
        assert!(sums.of(&Contra::InterestPaid) > 0);
        assert!(sums.of(&Contra::Fee) < 0);
        assert!(sums.of(&Contra::PenaltyInterest) < 0);
        assert!(
            sums.by_contra
                .keys()
                .filter(|contra| matches!(contra, Contra::Bank(_)))
                .count()
                > 5
        );
        assert!(sums.balances > 0);
    }
}

/// Keeps its own books, apart from the generator's.
#[derive(Default)]
struct Books {
    balances: BTreeMap<String, i64>,
    holds: BTreeMap<(String, String), i64>,
    postings: BTreeMap<(String, u64), (i64, Contra)>,
    settled_in_part: usize,
}

impl Books {
    fn available(&self, account: &str) -> i64 {
        let held = self
            .holds
            .iter()
            .filter(|((of, _), _)| of == account)
            .map(|(_, left)| left);
        self.balances[account] - held.sum::<i64>()
    }

    fn take(&mut self, row: &HistoryRow) {
        let account = row.account().to_owned();
        match row {
            HistoryRow::Open(_) => assert_eq!(self.balances.insert(account, 0), None),
            HistoryRow::Posting(posting) => {
                *self.balances.get_mut(&account).unwrap() += posting.step();
                assert_eq!(posting.balance_after, Some(self.balances[&account]));
                assert_eq!(
                    posting.forced,
                    posting.step() < 0 && self.available(&account) < 0,
                    "{row:?}"
                );
                assert_ne!(posting.amount, 0);
                self.postings.insert(
                    (account, posting.sequence),
                    (posting.step(), posting.contra.clone()),
                );
            }
            HistoryRow::Transfer(transfer) => {
                assert!(transfer.amount > 0 && transfer.from != transfer.to);
                *self.balances.get_mut(&transfer.from).unwrap() -= transfer.amount;
                *self.balances.get_mut(&transfer.to).unwrap() += transfer.amount;
                assert_eq!(transfer.from_balance_after, Some(self.balances[&transfer.from]));
                assert_eq!(transfer.to_balance_after, Some(self.balances[&transfer.to]));
                assert!(self.available(&transfer.from) >= 0, "{row:?}");
            }
            HistoryRow::Reserve(reserve) => {
                assert!(reserve.amount > 0);
                let held = self
                    .holds
                    .insert((account.clone(), reserve.hold.clone()), reserve.amount);
                assert_eq!(held, None);
                assert!(self.available(&account) >= 0, "{row:?}");
            }
            HistoryRow::Settle(settle) => {
                *self.balances.get_mut(&account).unwrap() -= settle.amount;
                assert_eq!(settle.balance_after, Some(self.balances[&account]));
                let left = self
                    .holds
                    .get_mut(&(account.clone(), settle.hold.clone()))
                    .unwrap();
                *left -= settle.amount;
                assert!(settle.amount > 0 && *left >= 0);
                self.settled_in_part += usize::from(*left > 0);
                if *left == 0 {
                    self.holds.remove(&(account, settle.hold.clone()));
                }
            }
            HistoryRow::Release(release) => {
                assert!(
                    self.holds
                        .remove(&(account, release.hold.clone()))
                        .is_some_and(|left| left > 0)
                );
            }
            HistoryRow::Reversal(reversal) => {
                let (step, contra) = self.postings.remove(&(account.clone(), reversal.of)).unwrap();
                assert_eq!((reversal.amount, &reversal.contra), (-step, &contra));
                *self.balances.get_mut(&account).unwrap() += reversal.amount;
                assert_eq!(reversal.balance_after, Some(self.balances[&account]));
                assert_eq!(
                    reversal.forced,
                    reversal.amount < 0 && self.available(&account) < 0,
                    "{row:?}"
                );
            }
        }
    }
}

#[test]
fn books_kept_apart_agree_with_every_row() {
    let history = generate(3, &config(120, 6_000, 365));
    let mut books = Books::default();
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let mut date = None;
    for row in history.rows().unwrap().map(Result::unwrap) {
        books.take(&row);
        assert!(date <= Some(row.date()));
        date = Some(row.date());
        assert!(
            last.insert(row.account().to_owned(), row.sequence()) < Some(row.sequence()),
            "{row:?}"
        );
        if let HistoryRow::Transfer(row) = row {
            assert!(
                last.insert(row.to.clone(), row.to_sequence) < Some(row.to_sequence),
                "{row:?}"
            );
        }
    }
    assert!(books.settled_in_part > 0);
    let balances: i128 = books.balances.values().map(|balance| i128::from(*balance)).sum();
    assert_eq!(balances, history.sums().balances);
}

#[test]
fn a_generated_history_that_was_stored_is_sound_and_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let history = generate(5, &config(100, 4_000, 200));
    for name in ["history.jsonl", "history.jsonl.zst"] {
        let path = directory.path().join(name);
        history.write_to(&path).unwrap();
        let stored = open_history(&path).unwrap();
        assert!(stored.is_sound(), "{:?}", stored.bad.first());
        assert_eq!(
            (&stored.header, &stored.statistics),
            (&history.header, &history.statistics)
        );
        assert_eq!(stored.orders, history.orders);
        assert!(history.orders.len() > 20);
        assert!(
            stored
                .rows()
                .unwrap()
                .map(Result::unwrap)
                .eq(history.rows().unwrap().map(Result::unwrap))
        );
    }
}

#[test]
fn standing_orders_have_the_proportions_of_the_berka_banks_and_customers_as_payees() {
    let history = generate(1, &config(4_000, 0, 365));
    let orders = &history.orders;
    let per_account = orders.len() as f64 / 4_000.0;
    assert!((0.68..0.80).contains(&per_account), "{per_account}");
    let mut symbols: BTreeMap<&str, usize> = BTreeMap::new();
    for order in orders {
        *symbols.entry(order.symbol.as_deref().unwrap_or("")).or_default() += 1;
    }
    for (symbol, percent) in [
        ("SIPO", 54.1),
        ("", 21.3),
        ("UVER", 11.1),
        ("POJISTNE", 8.2),
        ("LEASING", 5.3),
    ] {
        let here = symbols[symbol] as f64 * 100.0 / orders.len() as f64;
        assert!(
            (here - percent).abs() < 2.5,
            "{symbol}: {here} % instead of {percent} %"
        );
    }
    assert_eq!(symbols.len(), 5);

    let owners: BTreeMap<String, String> = history
        .rows()
        .unwrap()
        .filter_map(|row| match row.unwrap() {
            HistoryRow::Open(open) => Some((open.account, open.owner)),
            _ => None,
        })
        .collect();
    let names: BTreeSet<_> = orders.iter().map(|order| &order.order).collect();
    assert_eq!(names.len(), orders.len());
    for order in orders {
        assert!(order.amount > 0 && (1..=28).contains(&order.day), "{order:?}");
        assert_ne!(owners[&order.account], owners[&order.to], "{order:?}");
    }
}

#[test]
fn what_an_order_has_paid_is_there_as_transfers_on_its_day() {
    let history = generate(2, &config(300, 9_000, 365));
    let mut made: BTreeMap<(String, String, i64, u32), u32> = BTreeMap::new();
    for row in history.rows().unwrap() {
        if let HistoryRow::Transfer(row) = row.unwrap() {
            let key = (row.from, row.to, row.amount, row.date.day());
            *made.entry(key).or_default() += 1;
        }
    }
    let paid = |order: &StandingOrder| {
        let key = (
            order.account.clone(),
            order.to.clone(),
            order.amount,
            order.day.into(),
        );
        made.get(&key).copied().unwrap_or_default()
    };
    let more_than_once = history.orders.iter().filter(|order| paid(order) > 1).count();
    assert!(
        more_than_once * 2 > history.orders.len(),
        "{more_than_once} of {}",
        history.orders.len()
    );
    assert!(history.orders.iter().all(|order| paid(order) <= 12));
}

#[test]
fn customers_pay_each_other_again() {
    let history = generate(2, &config(300, 9_000, 365));
    let mut pairs: BTreeMap<(String, String), u32> = BTreeMap::new();
    for row in history.rows().unwrap() {
        if let HistoryRow::Transfer(row) = row.unwrap() {
            *pairs.entry((row.from, row.to)).or_default() += 1;
        }
    }
    let all: u32 = pairs.values().sum();
    let again: u32 = pairs.values().filter(|count| **count > 1).sum();
    assert!(again * 2 > all, "{again} of {all}");
    let mutual = |(from, to): &(String, String)| pairs.contains_key(&(to.clone(), from.clone()));
    let mutual = pairs.keys().filter(|pair| mutual(pair)).count();
    assert!(mutual * 10 > pairs.len(), "{mutual} of {}", pairs.len());
}

#[test]
fn a_configuration_of_nothing_gives_nothing() {
    for nothing in [config(0, 100, 30), config(10, 100, 0)] {
        let history = generate(1, &nothing);
        assert_eq!((history.statistics.rows, history.orders.len()), (0, 0));
    }
}
