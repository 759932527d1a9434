//! The real servers, started, crashed and stopped.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use sqlx::{Connection, PgConnection, Row};
use tributary_local_stack::{
    Endpoints, Kafka, KafkaConfig, Options, Place, Postgres, PostgresConfig, Progress, Stack,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

async fn create_topic(brokers: &str, name: &str) {
    let admin: AdminClient<_> = client(brokers).create().unwrap();
    let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
    let outcome = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
    outcome[0].as_ref().unwrap();
}

fn write_record(brokers: &str, topic: &str) {
    let producer: ThreadedProducer<_> = client(brokers).set("acks", "all").create().unwrap();
    producer
        .send(BaseRecord::to(topic).key("key").payload("value"))
        .unwrap();
    producer.flush(PATIENCE).unwrap();
}

/// Records in the topic's only partition.
fn records_in(brokers: &str, topic: &str) -> i64 {
    let consumer: BaseConsumer = client(brokers).create().unwrap();
    consumer.fetch_watermarks(topic, 0, PATIENCE).unwrap().1
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn rows(url: &str) -> i64 {
    let mut connection = connect(url).await;
    sqlx::query("SELECT count(*) FROM kept")
        .fetch_one(&mut connection)
        .await
        .unwrap()
        .get(0)
}

fn is_gone(pid: u32) -> bool {
    // A zombie has ended; whether its parent has waited for it is not its servers' matter.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_come_back_after_a_crash_with_all_that_was_acknowledged() {
    // given: a stack with one record in Kafka and one row in PostgreSQL
    let mut stack = Stack::start(&Options::temporary().own_servers()).unwrap();
    for timing in stack.timings() {
        println!("{}: {:.2} s", timing.step, timing.took.as_secs_f64());
    }
    let (brokers, url) = (stack.brokers(), stack.database_url());
    create_topic(&brokers, "kept").await;
    write_record(&brokers, "kept");
    let mut connection = connect(&url).await;
    sqlx::query("CREATE TABLE kept (n int)")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("INSERT INTO kept VALUES (1)")
        .execute(&mut connection)
        .await
        .unwrap();

    // when: both are killed, with a session open, and started again
    stack.kafka().unwrap().broker.kill9().unwrap();
    stack.postgres().unwrap().server.kill9().unwrap();
    assert!(
        sqlx::query("SELECT 1").execute(&mut connection).await.is_err(),
        "the session died too"
    );
    let kafka = stack.kafka().unwrap().broker.start_again().unwrap();
    let postgres = stack.postgres().unwrap().server.start_again().unwrap();
    println!(
        "after kill -9: Kafka {:.2} s, PostgreSQL {:.2} s",
        kafka.as_secs_f64(),
        postgres.as_secs_f64()
    );

    // then: the same addresses serve the same data
    assert_eq!(
        (stack.brokers(), stack.database_url()),
        (brokers.clone(), url.clone())
    );
    assert_eq!(records_in(&brokers, "kept"), 1);
    assert_eq!(rows(&url).await, 1);

    // and when it is stopped, then nothing of it is left
    let pids = [
        stack.kafka().unwrap().broker.pid().unwrap(),
        stack.kafka().unwrap().controller.pid().unwrap(),
        stack.postgres().unwrap().server.pid().unwrap(),
    ];
    let directory = stack.data_dir().to_owned();
    stack.stop().unwrap();
    assert!(pids.into_iter().all(is_gone));
    assert!(!directory.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_keeps_the_data_for_the_next_start() {
    // given: a PostgreSQL with a row in a directory of its own
    let home = tempfile::tempdir().unwrap();
    let place = Place::Directory(home.path().join("stack"));
    let mut options = Options::at(place.clone()).own_servers();
    options.external_brokers = Some("127.0.0.1:1".to_owned());
    let mut stack = Stack::start(&options).unwrap();
    assert!(stack.kafka().is_none(), "the one that runs elsewhere is used");
    assert_eq!(stack.brokers(), "127.0.0.1:1");
    let mut connection = connect(&stack.database_url()).await;
    sqlx::query("CREATE TABLE kept (n int)")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("INSERT INTO kept VALUES (1)")
        .execute(&mut connection)
        .await
        .unwrap();

    // then: other processes find it, and can't start a second one there
    let found = Endpoints::of_running(&place).unwrap().unwrap();
    assert_eq!(found.database_url, stack.database_url());
    assert_eq!(Stack::start(&options).unwrap_err().code(), "DATA_DIR_IN_USE");

    // when: it is stopped with a session open, and started again
    assert!(stack.stop().unwrap(), "PostgreSQL does not wait for its clients");
    assert_eq!(Endpoints::of_running(&place).unwrap(), None);
    let stack = Stack::start(&options).unwrap();
    assert_eq!(rows(&stack.database_url()).await, 1);

    // and when: a fresh start is asked for, then the row is gone
    stack.stop().unwrap();
    options.fresh = true;
    let stack = Stack::start(&options).unwrap();
    let mut connection = connect(&stack.database_url()).await;
    assert!(
        sqlx::query("SELECT n FROM kept")
            .execute(&mut connection)
            .await
            .is_err()
    );
    forget(stack, home.path());
}

/// Ends a stack whose directory is not temporary, and what PostgreSQL keeps for it elsewhere.
fn forget(stack: Stack, home: &Path) {
    let postgres = PostgresConfig::below(stack.data_dir()).home;
    drop(stack);
    if !postgres.starts_with(home) {
        std::fs::remove_dir_all(postgres).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused() {
    let mut options = Options::temporary().own_servers();
    options.external_brokers = Some("127.0.0.1:1".to_owned());
    let stack = Stack::start(&options).unwrap();
    let url = stack.database_url();
    let (before, after) = url.split_once('@').unwrap();
    let wrong = format!("{before}0@{after}");
    for url in [wrong, format!("postgres://tributary@{after}")] {
        let error = PgConnection::connect(&url).await.unwrap_err();
        assert!(error.to_string().contains("password"), "{error}");
    }
}

/// The process that holds a stack, from `src/bin/hold_stack.rs`.
fn hold_stack(directory: &Path) -> (Child, [u32; 3], String) {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_hold_stack"))
        .arg(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let pids = [2, 3, 4].map(|word| words[word].parse().unwrap());
    (holder, pids, words[1].to_owned())
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_takes_its_servers_along_and_the_next_start_recovers() {
    // given: another process with a stack, and a session in its PostgreSQL
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("stack");
    let (mut holder, pids, url) = hold_stack(&directory);
    let mut connection = connect(&url).await;
    sqlx::query("CREATE TABLE kept (n int)")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("INSERT INTO kept VALUES (1)")
        .execute(&mut connection)
        .await
        .unwrap();
    for pid in pids {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
        assert_eq!(
            nix::unistd::getpgid(Some(pid)).unwrap(),
            pid,
            "Ctrl-C must not reach the servers"
        );
    }

    // when: that process is killed
    holder.kill().unwrap();
    holder.wait().unwrap();

    // then: its servers end as well
    let watch = std::time::Duration::from_millis(20);
    let looks = PATIENCE.as_millis() / watch.as_millis();
    let ended = (0..looks).any(|_| {
        std::thread::sleep(watch);
        pids.into_iter().all(is_gone)
    });
    assert!(ended, "{pids:?} outlived the process that started them");

    // and the next start in the same directory serves what was kept
    let stack = Stack::start(&Options::at(Place::Directory(directory)).own_servers()).unwrap();
    assert_eq!(rows(&stack.database_url()).await, 1);
    forget(stack, home.path());
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_said() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut kafka = KafkaConfig::below(home.path());
    kafka.port = Some(port);
    assert_eq!(
        Kafka::start(&kafka, &Progress::quiet()).unwrap_err().code(),
        "PORT_TAKEN"
    );
    let mut postgres = PostgresConfig::below(home.path());
    postgres.port = Some(port);
    assert_eq!(
        Postgres::start(&postgres, &Progress::quiet()).unwrap_err().code(),
        "PORT_TAKEN"
    );
    if !postgres.home.starts_with(home.path()) {
        std::fs::remove_dir_all(postgres.home).unwrap();
    }
}
