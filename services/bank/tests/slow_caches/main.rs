//! PostgreSQL and the snapshots are caches: both deleted, they come back from the log, and the books are the same.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::{fs, path::Path, process::Command, time::Duration};

use bank::LocalBank;
use tributary_accounts::Accounts;
use tributary_contracts::topics::{ACCOUNTS_EVENTS, LOCAL_PARTITIONS};
use tributary_history::{Config, History, generate};
use tributary_local_stack::{Options as StackOptions, Place, PostgresConfig};
use tributary_replay::{Moment, Options, Progress, Replayed, Through, replay};
use tributary_stream::{
    kafka::EventReader,
    log::EventsRead,
    snapshot::{ObjectSnapshots, SnapshotFollower},
};
use tributary_testkit::output_within;

/// Most time of one command: there are some thousand rows.
const COMMAND_WITHIN: Duration = Duration::from_secs(300);

fn replayed(history: &History, bank: &LocalBank) -> Replayed {
    let options = Options {
        brokers: bank.brokers(),
        speed: None,
        since: Moment::now(),
        through: Through::Ledger,
    };
    replay(history, &options, &mut Progress::quiet(), &|| false).unwrap()
}

/// Balances and statements, as `bank export --balances` writes them.
fn exported(bank: &LocalBank, directory: &Path) -> [Vec<u8>; 2] {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
    command
        .args(["export", "--balances"])
        .arg(directory)
        .env("KAFKA_BROKERS", bank.brokers())
        .env("DATABASE_URL", bank.database_url());
    let output = output_within(&mut command, COMMAND_WITHIN);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ["balances.csv", "statements.csv"].map(|name| fs::read(directory.join(name)).unwrap())
}

/// Takes the snapshots now that the bank itself would take after 50,000 events.
fn take_snapshots(bank: &LocalBank, directory: &Path) {
    let store = ObjectSnapshots::in_directory(directory).unwrap();
    let mut follower = SnapshotFollower::<Accounts>::new(LOCAL_PARTITIONS, 1, &store);
    let mut reader = EventReader::open(&bank.brokers(), ACCOUNTS_EVENTS.name, &follower.next()).unwrap();
    while !reader.at_end() {
        let mut batch = reader.poll(Duration::from_millis(500), 5_000).unwrap();
        for (partition, next) in batch.next {
            let records = batch
                .records
                .extract_if(.., |record| record.partition == partition)
                .collect();
            follower
                .absorb(partition, &EventsRead { records, next }, &store)
                .unwrap();
        }
    }
}

fn entries(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
fn without_database_and_snapshots_the_log_alone_gives_the_same_books_to_the_byte() {
    // given: a bank with a history, its read models, and a snapshot of every partition
    let home = tempfile::tempdir().unwrap();
    let options = StackOptions::at(Place::Directory(home.path().join("bank"))).own_servers();
    let mut bank = LocalBank::start(&options).unwrap();
    let data = bank.stack().data_dir().to_owned();
    let (cluster, snapshots) = (PostgresConfig::below(&data).home, data.join("snapshots"));
    let history = generate(
        2026,
        &Config {
            accounts: 40,
            rows: 1_200,
            ..Config::default()
        },
    );
    let first = replayed(&history, &bank);
    assert_eq!((first.sent, first.known_before), (history.statistics.rows, 0));
    let before = exported(&bank, &home.path().join("before"));
    assert_eq!(before[0].iter().filter(|byte| **byte == b'\n').count(), 41);
    take_snapshots(&bank, &snapshots);
    assert!(bank.stop().unwrap());
    let partitions = entries(&snapshots.join("accounts"));
    assert_eq!(partitions, usize::try_from(LOCAL_PARTITIONS).unwrap());

    // when: all but Kafka's log is deleted, and the bank started again
    fs::remove_dir_all(&cluster).unwrap();
    fs::remove_dir_all(&snapshots).unwrap();
    let mut bank = LocalBank::start(&options).unwrap();

    // then: the database is a new one, the books are the old ones, and every row is known
    let timings = bank.stack().timings();
    assert!(
        timings
            .iter()
            .any(|timing| timing.step == "initialise PostgreSQL's cluster"),
        "{timings:?}"
    );
    let after = exported(&bank, &home.path().join("after"));
    assert!(before == after, "balances or statements differ");
    let second = replayed(&history, &bank);
    assert_eq!(second.known_before, second.sent);
    assert!(before == exported(&bank, &home.path().join("again")));

    bank.stop().unwrap();
    if !cluster.starts_with(home.path()) {
        fs::remove_dir_all(cluster).unwrap();
    }
}
