//! Generated histories with fraud: labels that belong to rows, as many as asked for, of the shape of each scenario.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
};

use chrono::{NaiveDateTime, Timelike};
use tributary_history::{
    Config, FraudWanted, HistoryRow, Labelled, Labels, NextDay, Scenario, Transfer, generate,
    generate_with_fraud, generate_with_next_day, open_history,
};

fn config() -> Config {
    Config {
        accounts: 300,
        rows: 15_000,
        days: 200,
        start: "2025-01-01".parse().unwrap(),
    }
}

fn transfers(labelled: &Labelled) -> Vec<Transfer> {
    labelled
        .history
        .rows()
        .unwrap()
        .filter_map(|row| match row.unwrap() {
            HistoryRow::Transfer(row) => Some(row),
            _ => None,
        })
        .collect()
}

fn frauds_of(labelled: &Labelled, scenario: Scenario) -> Vec<Transfer> {
    let names: BTreeSet<&str> = labelled
        .labels
        .labels
        .iter()
        .filter(|label| label.scenario == scenario)
        .map(|label| label.payment.as_str())
        .collect();
    let mut all = transfers(labelled);
    all.retain(|row| names.contains(row.payment.as_str()));
    all
}

fn at(row: &Transfer) -> NaiveDateTime {
    row.date.and_time(row.time.unwrap())
}

#[test]
fn without_fraud_nothing_has_changed() {
    // The digest of what the generator wrote before it knew of fraud.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.jsonl");
    generate(7, &config()).write_to(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let digest = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!((bytes.len(), digest), (3_051_854, 0x16ce_3008_b5e0_a9d8));
}

#[test]
fn the_same_seed_gives_the_same_history_and_labels() {
    let [one, again] = [(); 2].map(|()| generate_with_fraud(3, &config(), FraudWanted::BasisPoints(300)));
    assert_eq!(one.labels, again.labels);
    assert!(
        one.history
            .rows()
            .unwrap()
            .map(Result::unwrap)
            .eq(again.history.rows().unwrap().map(Result::unwrap))
    );
    let other = generate_with_fraud(4, &config(), FraudWanted::BasisPoints(300));
    assert_ne!(one.labels, other.labels);
    assert_ne!(
        one.labels.source,
        generate(3, &config()).header.source,
        "two histories of one ledger must not share a source"
    );
}

#[test]
fn there_is_as_much_fraud_as_asked_for() {
    for share in [50, 300, 1_000] {
        let labelled = generate_with_fraud(1, &config(), FraudWanted::BasisPoints(share));
        let found = labelled.labels.labels.len() as f64 / labelled.history.statistics.transfers as f64;
        let wanted = f64::from(share) / 10_000.0;
        assert!((found / wanted - 1.0).abs() < 0.15, "{found} instead of {wanted}");
    }
    for count in [0, 1, 40, 250] {
        let labelled = generate_with_fraud(1, &config(), FraudWanted::Payments(count));
        assert_eq!(labelled.labels.labels.len(), count as usize);
    }
}

#[test]
fn a_stored_history_with_labels_is_sound_and_every_label_is_of_a_row() {
    let directory = tempfile::tempdir().unwrap();
    let labelled = generate_with_fraud(5, &config(), FraudWanted::BasisPoints(400));
    let path = directory.path().join("history.jsonl.zst");
    let labels_path = Labels::path_beside(&path);
    assert_eq!(labels_path.file_name().unwrap(), "history.labels.jsonl");
    labelled.history.write_to(&path).unwrap();
    labelled.labels.write_to(&labels_path).unwrap();
    // The check holds every balance, sequence and time against the rows before it.
    let stored = open_history(&path).unwrap();
    assert!(stored.is_sound(), "{:?}", stored.bad.first());
    assert_eq!(stored.header.tributary_history, 3);
    assert_eq!(Labels::read(&labels_path, &stored).unwrap(), labelled.labels);
    let amounts: HashMap<String, i64> = transfers(&labelled)
        .into_iter()
        .map(|row| (row.payment, row.amount))
        .collect();
    let stolen: i64 = labelled
        .labels
        .labels
        .iter()
        .map(|label| amounts[&label.payment])
        .sum();
    let tally = labelled.labels.tally(&stored).unwrap();
    assert_eq!(
        tally.values().map(|tally| tally.amount).sum::<i128>(),
        i128::from(stolen)
    );
    assert_eq!(
        tally.keys().copied().collect::<Vec<_>>(),
        Scenario::ALL,
        "{tally:?}"
    );
}

#[test]
fn nobody_pays_what_he_does_not_have() {
    let labelled = generate_with_fraud(6, &config(), FraudWanted::BasisPoints(800));
    let mut available: HashMap<String, i64> = HashMap::new();
    let mut holds: HashMap<String, i64> = HashMap::new();
    for row in labelled.history.rows().unwrap().map(Result::unwrap) {
        let money = available.entry(row.account().to_owned()).or_default();
        match row {
            HistoryRow::Open(_) => {}
            HistoryRow::Posting(row) => *money += row.step(),
            HistoryRow::Reversal(row) => *money += row.amount,
            HistoryRow::Reserve(row) => {
                *money -= row.amount;
                holds.insert(row.hold, row.amount);
            }
            HistoryRow::Settle(row) => *holds.get_mut(&row.hold).unwrap() -= row.amount,
            HistoryRow::Release(row) => *money += holds.remove(&row.hold).unwrap(),
            HistoryRow::Transfer(row) => {
                *money -= row.amount;
                assert!(*money >= 0, "{row:?}");
                *available.entry(row.to).or_default() += row.amount;
            }
        }
    }
}

#[test]
fn times_go_on_and_most_people_sleep_at_night() {
    let labelled = generate_with_fraud(2, &config(), FraudWanted::BasisPoints(200));
    let all = transfers(&labelled);
    assert!(all.windows(2).all(|pair| at(&pair[0]) <= at(&pair[1])));
    let night = all.iter().filter(|row| row.time.unwrap().hour() < 7).count();
    assert!(night * 100 > all.len(), "{night} of {}", all.len());
    assert!(night * 10 < all.len(), "{night} of {}", all.len());
}

#[test]
fn each_scenario_has_its_shape() {
    let labelled = generate_with_fraud(8, &config(), FraudWanted::BasisPoints(1_000));
    let honest: BTreeSet<(String, String)> = {
        let frauds: BTreeSet<&str> = labelled
            .labels
            .labels
            .iter()
            .map(|label| label.payment.as_str())
            .collect();
        let mut all = transfers(&labelled);
        all.retain(|row| !frauds.contains(row.payment.as_str()));
        all.into_iter().map(|row| (row.from, row.to)).collect()
    };
    let is_new = |row: &Transfer| !honest.contains(&(row.from.clone(), row.to.clone()));

    let bursts = frauds_of(&labelled, Scenario::CardNotPresent);
    let mut by_victim: BTreeMap<_, Vec<&Transfer>> = BTreeMap::new();
    for row in &bursts {
        by_victim.entry((&row.from, row.date)).or_default().push(row);
    }
    assert!(by_victim.len() > 3);
    for rows in by_victim.values() {
        let minutes = (at(rows[rows.len() - 1]) - at(rows[0])).num_minutes();
        assert!(minutes < 40, "{minutes}");
    }
    assert!(bursts.iter().all(|row| row.amount <= 150_000));
    // Who is a stranger now may be paid later.
    assert!(bursts.iter().filter(|row| is_new(row)).count() * 10 > bursts.len() * 9);

    let nights = frauds_of(&labelled, Scenario::AccountTakeOver);
    assert!(nights.len() > 3);
    for row in &nights {
        let before = row.from_balance_after.unwrap() + row.amount;
        assert!(
            row.time.unwrap().hour() < 7 && row.amount * 10 > before * 3,
            "{row:?}"
        );
    }

    let payees: BTreeMap<String, BTreeSet<String>> = frauds_of(&labelled, Scenario::CompromisedPayee)
        .into_iter()
        .fold(BTreeMap::new(), |mut payees, row| {
            payees
                .entry(row.to)
                .or_insert_with(BTreeSet::new)
                .insert(row.from);
            payees
        });
    assert!(payees.values().any(|payers| payers.len() > 2), "{payees:?}");

    let (into, out) = (
        frauds_of(&labelled, Scenario::MuleFanIn),
        frauds_of(&labelled, Scenario::MuleFanOut),
    );
    for row in &out {
        let came_in: Vec<_> = into
            .iter()
            .filter(|come| come.to == row.from && come.date == row.date)
            .collect();
        assert!(
            !came_in.is_empty() && came_in.iter().all(|come| at(come) < at(row)),
            "{row:?}"
        );
    }
}

#[test]
fn the_day_after_has_what_people_want_to_pay_and_changes_nothing_before() {
    let next = NextDay {
        honest: 80,
        frauds: 30,
    };
    let with = generate_with_next_day(9, &config(), FraudWanted::BasisPoints(200), next);
    let without = generate_with_fraud(9, &config(), FraudWanted::BasisPoints(200));
    assert_eq!(with.labels, without.labels);
    assert_eq!(with.history.orders, without.history.orders);
    assert_eq!(transfers(&with), transfers(&without));
    assert!(without.next.is_empty());
    let frauds = with.next.iter().filter(|attempt| attempt.scenario.is_some());
    assert_eq!((with.next.len(), frauds.count()), (110, 30));
    let after = with.history.statistics.last.unwrap();
    assert!(with.next.iter().all(|attempt| attempt.transfer.date > after));
    assert!(
        with.next
            .windows(2)
            .all(|pair| pair[0].transfer.time <= pair[1].transfer.time)
    );
}

#[test]
fn labels_that_do_not_belong_to_the_history_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let labelled = generate_with_fraud(5, &config(), FraudWanted::Payments(20));
    let path = directory.path().join("labels.jsonl");
    let code = |text: &str| {
        fs::write(&path, text).unwrap();
        Labels::read(&path, &labelled.history).unwrap_err().code()
    };
    labelled.labels.write_to(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let first = good.lines().nth(1).unwrap();
    assert_eq!(code(""), "HISTORY_EMPTY_FILE");
    assert_eq!(code("{}\n"), "HISTORY_BAD_HEADER");
    assert_eq!(
        code(&good.replace("\"tributary_labels\":1", "\"tributary_labels\":9")),
        "HISTORY_UNSUPPORTED_VERSION"
    );
    assert_eq!(
        code(&good.replace("synthetic-5", "synthetic-6")),
        "HISTORY_LABELS_OF_ANOTHER"
    );
    assert_eq!(code(&format!("{good}{first}\n")), "HISTORY_BAD_LABEL");
    assert_eq!(code(&format!("{good}garbage\n")), "HISTORY_BAD_LABEL");
    assert_eq!(code(&good.replace("/payment/", "/nothing/")), "HISTORY_BAD_LABEL");
    let early = confirmed_too_early(&good);
    assert_eq!(code(&early), "HISTORY_BAD_LABEL");
    fs::remove_file(&path).unwrap();
    let missing = Labels::read(&path, &labelled.history).unwrap_err();
    assert_eq!(missing.code(), "HISTORY_MISSING_FILE");
}

/// The same labels, the first confirmed long before its payment.
fn confirmed_too_early(labels: &str) -> String {
    let (before, after) = labels.split_once("\"confirmed\":\"").unwrap();
    format!("{before}\"confirmed\":\"1999-01-01{}", &after[10..])
}

#[test]
fn a_time_in_a_history_of_an_earlier_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.jsonl");
    generate_with_fraud(5, &config(), FraudWanted::Payments(20))
        .history
        .write_to(&path)
        .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replacen("\"tributary_history\":3", "\"tributary_history\":2", 1),
    )
    .unwrap();
    let stored = open_history(&path).unwrap();
    assert!(stored.bad.iter().all(|bad| bad.code() == "HISTORY_BAD_FORMAT"));
    assert!(!stored.bad.is_empty());
}
