//! A history in which money is laundered: what the service finds while it is replayed is what the rules find in its file.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use bank::LocalBank;
use serde_json::{Value, json};
use tributary_fraud_laundering::{Rule, Rules};
use tributary_fraud_training::laundering::{alerts, unlabelled};
use tributary_history::open_history;
use tributary_ids::AccountId;
use tributary_local_stack::Options as StackOptions;
use tributary_replay::Moment;

use super::{bank_command, replay_command};

/// Nobody waits for the service, so the test does.
const FOUND_WITHIN: Duration = Duration::from_secs(60);

/// Rule, accounts, amounts and days of an alert.
type Said = (String, Vec<String>, Vec<i64>, String, String);

/// Transfers by day of 2001, debtor, creditor and minor units: each rule's pattern, twice, and what people pay.
fn transfers() -> Vec<(u32, u32, u32, i64)> {
    let mut made = Vec::new();
    for start in [10, 160] {
        for part in 0..4 {
            made.push((start + part, 1, 2 + part, 900_000 + i64::from(part)));
        }
        for payer in 2..=5 {
            made.extend([0, 1].map(|part| (start + 20, payer, 6, 30_000 + part)));
        }
        for (step, (from, to)) in [(7, 8), (8, 9), (9, 10), (10, 7)].into_iter().enumerate() {
            made.push((start + 30 + step as u32, from, to, 77_700));
        }
        made.push((start + 40, 2, 11, 60_000));
        made.push((start + 41, 11, 3, 59_000));
    }
    // From lower numbers to higher ones, so that no other cycle comes of them.
    for day in 1..200 {
        let from = 1 + day % 9;
        let to = from + 1 + day * 7 % (10 - from);
        made.push((day, from, to, 10_000 + i64::from(day % 9) * 5_000));
    }
    made.sort_by_key(|(day, ..)| *day);
    made
}

fn account(number: u32) -> String {
    format!("launderer/{number}")
}

fn write(path: &Path) {
    let start: chrono::NaiveDate = "2001-01-01".parse().unwrap();
    let mut lines = vec![json!({"tributary_history": 2, "source": "laundered", "currency": "CZK"})];
    for number in 1..=11 {
        lines.push(
            json!({"row": "open", "account": account(number), "owner": "owner", "date": start, "currency": "CZK",
                   "product": "recorded", "opening_balance": 100_000_000}),
        );
    }
    let mut positions: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for (number, (day, from, to, amount)) in transfers().into_iter().enumerate() {
        let date = start + chrono::Days::new(u64::from(day));
        let mut sequence = |of: u32| {
            let position = positions.entry((of, day)).or_default();
            *position += 1;
            tributary_history::sequence(date, *position)
        };
        let (from_sequence, to_sequence) = (sequence(from), sequence(to));
        lines.push(
            json!({"row": "transfer", "payment": format!("launderer/payment/{number}"), "date": date, "from": account(from),
                   "from_sequence": from_sequence, "to": account(to), "to_sequence": to_sequence, "amount": amount}),
        );
    }
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

/// What the rules say of the file.
fn offline(path: &Path) -> Vec<Said> {
    let sample = unlabelled(&open_history(path).unwrap()).unwrap();
    let (found, ..) = alerts(&sample, Rules::default()).unwrap();
    let id = |number: u128| AccountId::named(&account(u32::try_from(number).unwrap())).to_string();
    let start: chrono::NaiveDate = "2001-01-01".parse().unwrap();
    // A sample's first day is 1.
    let day = |at_s: i64| (start + chrono::Days::new((at_s / 86_400 - 1) as u64)).to_string();
    sorted(found.into_iter().map(|alert| {
        let accounts = alert.accounts.iter().map(|of| id(of.0)).collect();
        let amounts = alert.payments.iter().map(|of| of.amount_minor()).collect();
        let rule = alert.rule.name().to_owned();
        (rule, accounts, amounts, day(alert.from_s), day(alert.to_s))
    }))
}

/// What stands in the service's log.
fn online(bank: &LocalBank) -> Vec<Said> {
    let arguments = ["fraud", "alerts", "--json"].map(Path::new);
    let (success, text) = bank_command(bank, &arguments);
    assert!(success, "{text}");
    let alerts = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    sorted(alerts.map(|alert| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let accounts = alert["accounts"].as_array().unwrap().iter().map(text).collect();
        let payments = alert["payments"].as_array().unwrap().iter();
        let amounts = payments
            .map(|payment| payment["amount"].as_i64().unwrap())
            .collect();
        (
            text(&alert["rule"]),
            accounts,
            amounts,
            text(&alert["from"]),
            text(&alert["to"]),
        )
    }))
}

/// Ids order accounts in one way by name and in another by number, and cycles begin at the lowest: only those are turned. Payments
/// of one day stand in the order of their ids.
fn sorted(said: impl Iterator<Item = Said>) -> Vec<Said> {
    let mut said: Vec<Said> = said
        .map(|(rule, mut accounts, mut amounts, from, to)| {
            match rule == Rule::Cycle.name() {
                true => {
                    let lowest = (0..accounts.len())
                        .min_by_key(|at| accounts[*at].clone())
                        .unwrap();
                    accounts.rotate_left(lowest);
                }
                false => accounts[1..].sort_unstable(),
            }
            amounts.sort_unstable();
            (rule, accounts, amounts, from, to)
        })
        .collect();
    said.sort_unstable();
    said
}

#[test]
fn a_replayed_history_raises_the_alerts_that_the_rules_find_in_its_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("laundered.jsonl");
    write(&path);
    let expected = offline(&path);
    for rule in Rule::ALL {
        let of_rule = expected.iter().filter(|said| said.0 == rule.name()).count();
        assert!(of_rule >= 1, "{rule}: {expected:?}");
    }
    let bank = LocalBank::start(&StackOptions::temporary().own_servers()).unwrap();
    let (sound, _, text) = replay_command(&bank, &path);
    assert!(sound, "{text}");
    let since = Moment::now();
    while online(&bank).len() < expected.len() && since.elapsed() < FOUND_WITHIN {
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(online(&bank), expected);
    // When the same comes again, the ledger knows every row, and nothing is told a second time.
    let (sound, _, text) = replay_command(&bank, &path);
    assert!(sound, "{text}");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(online(&bank), expected);
    let arguments = ["fraud", "alerts", "--rule", "cycle"].map(Path::new);
    let (success, text) = bank_command(&bank, &arguments);
    assert!(success && text.contains("cycle v2: account "), "{text}");
    assert!(!text.contains("fan-in v1"), "{text}");
    bank.stop().unwrap();
}
