//! A generated history through a whole bank: what is recorded is what stands in topic and database, also when it comes
//! again; and what is planted into either is found.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test needs and does not get fails it"
)]

mod doctor;
mod laundering;
mod periods;
mod refused;
mod slow_through_payments;

use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};

use bank::LocalBank;
use doctor::{Fault, doctored};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tributary_contracts::{record::Record, topics::ACCOUNTS_EVENTS};
use tributary_history::{Config, History, generate};
use tributary_local_stack::Options as StackOptions;
use tributary_replay::{
    DifferenceKind, Entry, Moment, News, Options, Plan, Progress, ReadModelLedger, Reconciliation, Replayed,
    Through, TopicLedger, read_model, replay,
};
use tributary_stream::kafka::EventReader;
use tributary_testkit::output_within;

/// Most time of one command: each has some thousand rows to do with.
const COMMAND_WITHIN: Duration = Duration::from_secs(300);

fn history() -> History {
    let config = Config {
        accounts: 60,
        rows: 2_500,
        ..Config::default()
    };
    generate(1993, &config)
}

fn replayed(history: &History, bank: &LocalBank) -> Replayed {
    let options = Options {
        brokers: bank.brokers(),
        speed: None,
        since: Moment::now(),
        through: Through::Ledger,
    };
    replay(history, &options, &mut Progress::quiet(), &|| false).unwrap()
}

fn read_back(replayed: &Replayed, bank: &LocalBank) -> ReadModelLedger {
    let next = replayed.ledger.next_offsets();
    read_model(&bank.database_url(), replayed.plan.accounts(), next).unwrap()
}

/// Everything that is in the events topic.
fn events(bank: &LocalBank) -> Vec<Record> {
    let starts = BTreeMap::from([(0, 0), (1, 0)]);
    let mut reader = EventReader::open(&bank.brokers(), ACCOUNTS_EVENTS.name, &starts).unwrap();
    let mut records = Vec::new();
    while !reader.at_end() {
        records.extend(reader.poll(Duration::from_millis(500), 10_000).unwrap().records);
    }
    records
}

/// A replay that has found these events.
fn having_seen(history: &History, records: &[Record]) -> Replayed {
    let mut plan = Plan::of(history).unwrap();
    let mut ledger = TopicLedger::new(plan.accounts());
    plan.look_at(&ledger);
    for record in records {
        ledger.observe(record, &mut News::default()).unwrap();
    }
    Replayed {
        plan,
        ledger,
        sent: 0,
        known_before: 0,
        payments: None,
        faults: Default::default(),
        refused: Default::default(),
        took: Duration::ZERO,
        first_entry_after: None,
    }
}

fn execute(database_url: &str, statements: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut database = PgConnection::connect(database_url).await.unwrap();
        for statement in statements {
            let sql = sqlx::AssertSqlSafe((*statement).to_owned());
            let done = sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
            assert!(done.rows_affected() > 0, "{statement}");
        }
    });
}

/// The command itself, on the running bank.
fn bank_command(bank: &LocalBank, arguments: &[&Path]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
    command
        .args(arguments)
        .env("KAFKA_BROKERS", bank.brokers())
        .env("DATABASE_URL", bank.database_url());
    let output = output_within(&mut command, COMMAND_WITHIN);
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), text.concat())
}

/// `bank replay` on the running bank: whether all is sound, the reconciliation, and what was said.
fn replay_command(bank: &LocalBank, path: &Path) -> (bool, Value, String) {
    let home = tempfile::tempdir().unwrap();
    let json = home.path().join("reconciliation.json");
    let (success, text) = bank_command(bank, &[Path::new("replay"), path, Path::new("--json"), &json]);
    let told = std::fs::read(&json).unwrap_or_else(|error| panic!("{error}: {text}"));
    (success, serde_json::from_slice(&told).unwrap(), text)
}

#[test]
fn histories_are_replayed_once_reconcile_row_by_row_and_come_back_from_an_export() {
    let home = tempfile::tempdir().unwrap();
    let bank = LocalBank::start(&StackOptions::temporary().own_servers()).unwrap();
    let history = history();
    let statistics = &history.statistics;
    assert!(statistics.transfers > 0 && statistics.settlements > 0 && statistics.reversals > 0);

    // Given a first replay, everything is there and equal.
    let first = replayed(&history, &bank);
    assert_eq!((first.sent, first.known_before), (statistics.rows, 0));
    let found = read_back(&first, &bank);
    let reconciliation = Reconciliation::of(&history, &first, Some(found), None).unwrap();
    assert!(reconciliation.is_sound(), "{reconciliation}");
    assert_eq!(
        reconciliation.transactions.read_model,
        Some(statistics.transactions)
    );
    assert_eq!(reconciliation.accounts.topic, 60);
    let entries = first.ledger.entries().count();

    // When the same comes again, no entry is added, and everything is equal still.
    let second = replayed(&history, &bank);
    assert_eq!(second.known_before, second.sent);
    assert_eq!(second.ledger.entries().count(), entries);
    let found = read_back(&second, &bank);
    let reconciliation = Reconciliation::of(&history, &second, Some(found.clone()), None).unwrap();
    assert!(reconciliation.is_sound(), "{reconciliation}");

    exports_come_back(&bank, home.path());
    faults_in_the_topic_are_found(&history, &events(&bank));
    faults_in_the_database_are_found(&history, &second, &bank, &found);
    // Of sources of their own, so they can stand on the same bank.
    refused::what_stands_behind_a_refused_row_waits_for_its_repair(&bank, home.path());
    periods::an_account_goes_on_where_the_ledger_has_it_and_nowhere_else(&bank, home.path());
    bank.stop().unwrap();
}

/// What is exported keeps its source, so the bank that it is of knows every row of it.
fn exports_come_back(bank: &LocalBank, home: &Path) {
    let file = home.join("export.jsonl.zst");
    let (success, text) = bank_command(bank, &[Path::new("export"), &file]);
    assert!(success, "{text}");
    let json = home.join("reconciliation.json");
    let arguments = [Path::new("replay"), &file, Path::new("--json"), &json];
    let (success, text) = bank_command(bank, &arguments);
    assert!(success, "{text}");
    assert!(text.contains("Everything reconciles"), "{text}");
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(told["sent"], told["known_before"], "{text}");
    assert_eq!(told["checker"]["clean"], true);

    let balances = home.join("balances");
    let arguments = [Path::new("export"), Path::new("--balances"), &balances];
    let (success, text) = bank_command(bank, &arguments);
    assert!(success, "{text}");
    let lines = std::fs::read_to_string(balances.join("balances.csv")).unwrap();
    assert_eq!(lines.lines().count(), 61);
}

fn faults_in_the_topic_are_found(history: &History, records: &[Record]) {
    let honest = having_seen(history, records);
    let reconciliation = Reconciliation::of(history, &honest, None, None).unwrap();
    assert!(reconciliation.agrees(), "{reconciliation}");
    for (fault, kind) in [
        (Fault::Dropped, DifferenceKind::Missing),
        (Fault::Doubled, DifferenceKind::Doubled),
        (Fault::Swapped, DifferenceKind::Amount),
    ] {
        let seen = having_seen(history, &doctored(records, fault));
        let reconciliation = Reconciliation::of(history, &seen, None, None).unwrap();
        assert!(!reconciliation.agrees(), "{fault:?}: {reconciliation}");
        let mut found = reconciliation.topic_differences.first.iter();
        assert!(
            found.any(|difference| difference.kind == kind),
            "{fault:?}: {reconciliation}"
        );
    }
}

/// Each is planted, found, and taken back.
fn faults_in_the_database_are_found(
    history: &History,
    replayed: &Replayed,
    bank: &LocalBank,
    honest: &ReadModelLedger,
) {
    let url = bank.database_url();
    let (one, other) = two_that_differ(honest);
    let account = one.account;
    let at = |entry: &Entry| format!("account_id = '{account}' AND seq = {}", entry.seq);
    let give = |entry: &Entry, movement: i64| {
        let which = at(entry);
        format!("UPDATE accounts.entries SET movement = {movement} WHERE {which}")
    };
    let double_it = format!(
        "CREATE TEMP TABLE doubled AS SELECT * FROM accounts.entries WHERE {}; \
         UPDATE doubled SET seq = 1000000, event_offset = 1000000; INSERT INTO accounts.entries SELECT * FROM doubled",
        at(one)
    );
    let swap_them = [give(one, other.movement), give(other, one.movement)].join("; ");
    let plants = [
        (
            format!("DELETE FROM accounts.entries WHERE {}", at(one)),
            Some(DifferenceKind::Missing),
        ),
        (double_it, Some(DifferenceKind::Doubled)),
        (swap_them, Some(DifferenceKind::Amount)),
        (
            format!("UPDATE accounts.accounts SET posted = posted + 1 WHERE account_id = '{account}'"),
            None,
        ),
    ];
    let copy = "accounts.copy_of_entries";
    execute(
        &url,
        &[&format!("CREATE TABLE {copy} AS SELECT * FROM accounts.entries")],
    );
    for (plant, kind) in plants {
        execute(&url, &[&plant]);
        let found = read_back(replayed, bank);
        let reconciliation = Reconciliation::of(history, replayed, Some(found), None).unwrap();
        assert!(!reconciliation.agrees(), "{plant}: {reconciliation}");
        let differences = reconciliation.read_model_differences.as_ref().unwrap();
        let kinds: Vec<_> = differences
            .first
            .iter()
            .map(|difference| difference.kind)
            .collect();
        assert!(
            kind.is_none_or(|kind| kinds.contains(&kind)),
            "{plant}: {reconciliation}"
        );
        let restore = format!("INSERT INTO accounts.entries SELECT * FROM {copy}");
        execute(&url, &["DELETE FROM accounts.entries", &restore]);
    }
    execute(
        &url,
        &[
            &format!("UPDATE accounts.accounts SET posted = posted - 1 WHERE account_id = '{account}'"),
            &format!("DELETE FROM {copy}"),
        ],
    );
}

/// Two entries of one account that move different amounts.
fn two_that_differ(ledger: &ReadModelLedger) -> (&Entry, &Entry) {
    let pairs = ledger.entries.windows(2).map(|pair| (&pair[0], &pair[1]));
    let differ =
        |(one, other): &(&Entry, &Entry)| one.account == other.account && one.movement != other.movement;
    pairs.into_iter().find(differ).unwrap()
}
