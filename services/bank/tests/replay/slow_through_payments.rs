//! Transfers as payments through the HTTP API: the books end as the history records them, and a payment that can't be
//! made is told as a row that was left out.

use std::{fs, path::Path};

use bank::LocalBank;
use tributary_history::{Config, History, generate, open_history};
use tributary_local_stack::Options as StackOptions;
use tributary_replay::{Moment, Options, Progress, Reconciliation, Replayed, Through, replay, set_up_orders};

use super::read_back;

/// Account 2 pays more than it has. Account 3 pays account 4 more than the fraud service approves by itself.
const REFUSED_AND_REVIEWED: &str = r#"{"tributary_history":1,"source":"through-payments","currency":"CZK"}
{"row":"open","account":"1","owner":"a","date":"1993-01-01","currency":"CZK","product":"recorded"}
{"row":"open","account":"2","owner":"b","date":"1993-01-01","currency":"CZK","product":"recorded"}
{"row":"open","account":"3","owner":"c","date":"1993-01-01","currency":"CZK","product":"recorded","opening_balance":9000000000}
{"row":"open","account":"4","owner":"d","date":"1993-01-01","currency":"CZK","product":"recorded"}
{"row":"transfer","payment":"large","date":"1993-01-02","from":"3","from_sequence":199301020001,"to":"4","to_sequence":199301020001,"amount":8000000000}
{"row":"posting","account":"4","sequence":199301020002,"date":"1993-01-02","amount":-8000000000,"contra":"cash","kind":"cash","reference":"1","balance_after":0}
{"row":"posting","account":"2","sequence":199301020001,"date":"1993-01-02","amount":100,"contra":"cash","kind":"cash","reference":"2","balance_after":100}
{"row":"transfer","payment":"unfunded","date":"1993-01-03","from":"2","from_sequence":199301030001,"to":"1","to_sequence":199301030001,"amount":101}
{"row":"posting","account":"1","sequence":199301040001,"date":"1993-01-04","amount":-101,"contra":"cash","kind":"cash","reference":"3","balance_after":0}
"#;

fn replayed(history: &History, bank: &LocalBank) -> (Replayed, Reconciliation) {
    let options = Options {
        brokers: bank.brokers(),
        speed: None,
        since: Moment::now(),
        through: Through::Payments {
            api: format!("http://{}", bank.api()),
        },
    };
    let replayed = replay(history, &options, &mut Progress::quiet(), &|| false).unwrap();
    let found = read_back(&replayed, bank);
    let reconciliation = Reconciliation::of(history, &replayed, Some(found), None).unwrap();
    (replayed, reconciliation)
}

#[test]
fn transfers_as_payments_leave_the_same_books_or_are_told() {
    let home = tempfile::tempdir().unwrap();
    let bank = LocalBank::start(&StackOptions::temporary().own_servers()).unwrap();
    transfers_end_with_the_same_balances_when_they_are_payments(&bank);
    what_is_refused_is_told_and_what_is_reviewed_is_approved(&bank, home.path());
    standing_orders_go_on_and_are_set_up_once(&bank);
    bank.stop().unwrap();
}

fn transfers_end_with_the_same_balances_when_they_are_payments(bank: &LocalBank) {
    let config = Config {
        accounts: 30,
        rows: 600,
        days: 150,
        ..Config::default()
    };
    let history = generate(1996, &config);
    let statistics = &history.statistics;
    assert!(statistics.transfers > 20, "{}", statistics.transfers);

    let (first, reconciliation) = replayed(&history, bank);
    assert!(reconciliation.is_sound(), "{reconciliation}");
    assert_eq!(first.payments, Some(statistics.transfers));
    assert_eq!((first.sent, first.known_before), (statistics.rows, 0));
    let entries = first.ledger.entries().count();

    // The same again makes no further payment
    let (second, reconciliation) = replayed(&history, bank);
    assert!(reconciliation.is_sound(), "{reconciliation}");
    assert_eq!(second.known_before, second.sent);
    assert_eq!(second.ledger.entries().count(), entries);
}

fn standing_orders_go_on_and_are_set_up_once(bank: &LocalBank) {
    let config = Config {
        accounts: 30,
        rows: 150,
        days: 60,
        ..Config::default()
    };
    let history = generate(1997, &config);
    let orders = history.statistics.orders;
    assert!(orders > 10, "{orders}");
    let (_, reconciliation) = replayed(&history, bank);
    assert!(reconciliation.is_sound(), "{reconciliation}");

    let api = format!("http://{}", bank.api());
    let first = set_up_orders(&history, &api, &|| false).unwrap();
    assert!(first.refused.is_empty(), "{:?}", first.refused);
    assert_eq!((first.created, first.known_before), (orders, 0));
    assert_eq!(first.due.values().sum::<u64>(), orders);
    let again = set_up_orders(&history, &api, &|| false).unwrap();
    assert_eq!((again.created, again.known_before), (0, orders));

    // Nothing was paid by them: the books are those of the history.
    let (_, reconciliation) = replayed(&history, bank);
    assert!(reconciliation.is_sound(), "{reconciliation}");
}

fn what_is_refused_is_told_and_what_is_reviewed_is_approved(bank: &LocalBank, home: &Path) {
    let path = home.join("through-payments.jsonl");
    fs::write(&path, REFUSED_AND_REVIEWED).unwrap();
    let history = open_history(&path).unwrap();
    assert!(history.is_sound(), "{:?}", history.bad);

    let (_, reconciliation) = replayed(&history, bank);
    assert!(reconciliation.agrees(), "{reconciliation}");
    let codes: Vec<_> = reconciliation.bad.iter().map(|row| row.code.as_str()).collect();
    assert_eq!(codes, ["INSUFFICIENT_FUNDS"], "{reconciliation}");
    assert_eq!(reconciliation.parked.len(), 1, "{reconciliation}");
    assert_eq!(reconciliation.transactions.topic, 3, "{reconciliation}");
}
