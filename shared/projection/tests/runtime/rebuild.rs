//! A new generation is built while the old one serves.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tributary_projection::{
    EventSource, EventTopic, MemoryTopic, Offsets, Projection, SchemaName, Settings, SourceBatch, State,
    discard_rebuild, rebuild,
};
use tributary_stream::log::{Fault, FaultKind};

use crate::support::{
    Running, database, drop_schema, reached, schema,
    tally::{OlderTally, Tally, append_many, assert_folded},
};

async fn schemas(admin: &mut PgConnection, settings: &Settings) -> Vec<String> {
    sqlx::query_scalar("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE $1 ORDER BY nspname")
        .bind(format!("{}%", settings.schema))
        .fetch_all(admin)
        .await
        .unwrap()
}

async fn execute(admin: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(admin).await.unwrap();
}

/// What a reader sees in one statement: rows, their sum as maintained, and the offsets.
async fn read(reader: &mut PgConnection, schema: &SchemaName) -> (i64, i64, i64) {
    let sql = format!(
        "SELECT (SELECT count(*) FROM {schema}.seen), (SELECT coalesce(sum(events), 0)::bigint FROM {schema}.sums),
                (SELECT count(*) FROM {schema}.seen AS s JOIN {schema}.projection_offsets AS o
                   ON s.partition = o.partition AND s.event_offset < o.next_offset)"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .fetch_one(reader)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rebuild_repairs_rows_while_events_flow_in_and_readers_read() {
    // Given a model with a planted fault, a projection that feeds it, and a reader,
    let (mut settings, mut admin) = schema("rebuild").await;
    settings.events_max = 20;
    settings.rebuild_events_max = 20;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 100);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    let sql = format!("DELETE FROM {}.seen WHERE event_offset = 8", settings.schema);
    execute(&mut admin, sql).await;
    let reading = tokio::spawn({
        let schema = settings.schema.clone();
        async move {
            let mut reader = PgConnection::connect_with(&database()).await.unwrap();
            let mut seen: Vec<(i64, i64, i64)> = Vec::new();
            while seen.last().is_none_or(|&(rows, ..)| rows < 1_000) {
                seen.push(read(&mut reader, &schema).await);
            }
            seen
        }
    });
    // when it is rebuilt, again and again, while events flow in,
    for round in 0..4 {
        let rebuilding = tokio::spawn({
            let (settings, topic) = (settings.clone(), topic.clone());
            async move { rebuild(&settings, topic, Tally).await }
        });
        for _ in 0..10 {
            append_many(&topic, 10);
            tokio::task::yield_now().await;
        }
        let rebuilt = rebuilding.await.unwrap().unwrap();
        assert_eq!(rebuilt.generation, round + 2);
    }
    reached(&mut running.status, &topic.end()).await;
    // then nothing is missing, and every reader saw rows and offsets that fit, of the old generation or the new.
    assert_folded(&mut admin, settings.schema.as_str(), 1_000).await;
    let seen = reading.await.unwrap();
    println!("{} reads", seen.len());
    for (rows, counted, before_offsets) in seen {
        assert_eq!(rows, before_offsets, "no row is ahead of the offsets");
        assert!(
            rows == counted || rows == counted - 2,
            "{rows} rows, {counted} counted"
        );
    }
    assert_eq!(schemas(&mut admin, &settings).await, [settings.schema.as_str()]);
    running.stop().await;
    drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn an_interrupted_rebuild_goes_on_where_it_stopped() {
    let (mut settings, mut admin) = schema("resume").await;
    settings.rebuild_events_max = 4;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 20);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    running.stop().await;
    // Given a rebuild whose reader fails for good in mid-way,
    let shadow = format!("{}_2", settings.schema);
    let hindered = Hindered { topic: topic.clone() };
    let error = rebuild(&settings, hindered, Tally).await.unwrap_err();
    assert_eq!(error.code(), "PROJECTION_LOG_UNREADABLE");
    let sql = format!("SELECT sum(next_offset)::bigint FROM {shadow}.projection_offsets");
    let before: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(before > 0, "it came some way");
    // and something in the shadow that a new start would lose,
    execute(&mut admin, format!("CREATE TABLE {shadow}.kept ()")).await;
    // when it is started again,
    rebuild(&settings, topic.clone(), Tally).await.unwrap();
    // then it went on with the same shadow and ended.
    execute(&mut admin, format!("DROP TABLE {}.kept", settings.schema)).await;
    assert_folded(&mut admin, settings.schema.as_str(), 40).await;
    drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn an_interrupted_rebuild_can_be_discarded() {
    let (settings, mut admin) = schema("discard").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 20);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    running.stop().await;
    let hindered = Hindered { topic: topic.clone() };
    rebuild(&settings, hindered, Tally).await.unwrap_err();
    assert_eq!(schemas(&mut admin, &settings).await.len(), 2);
    discard_rebuild::<Tally>(&settings).await.unwrap();
    assert_eq!(schemas(&mut admin, &settings).await, [settings.schema.as_str()]);
    assert_folded(&mut admin, settings.schema.as_str(), 40).await;
    drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn a_newer_program_rebuilds_an_older_model_before_it_goes_on() {
    let (settings, mut admin) = schema("upgrade").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 20);
    let mut older = Running::start(Projection::new(settings.clone(), topic.clone(), OlderTally));
    reached(&mut older.status, &topic.end()).await;
    // When two instances of the new version start while the old one still runs,
    let mut newer: Vec<Running> = (0..2)
        .map(|_| Running::start(Projection::new(settings.clone(), topic.clone(), Tally)))
        .collect();
    for running in &mut newer {
        let ready = running.status.wait_for(|status| status.state == State::Running);
        ready.await.unwrap();
    }
    append_many(&topic, 20);
    for running in &mut newer {
        reached(&mut running.status, &topic.end()).await;
    }
    // then the old one stops by itself, and the new ones go on.
    assert_eq!(older.failed().await.code(), "PROJECTION_MODEL_NEWER");
    for running in newer {
        running.stop().await;
    }
    assert_folded(&mut admin, settings.schema.as_str(), 80).await;
    assert_eq!(schemas(&mut admin, &settings).await, [settings.schema.as_str()]);
    drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn a_reader_in_a_long_transaction_is_waited_for_and_sees_one_generation() {
    let (settings, mut admin) = schema("reader").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 20);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    // Given a reader in mid-transaction,
    let mut reader = PgConnection::connect_with(&database()).await.unwrap();
    execute(&mut reader, "BEGIN ISOLATION LEVEL REPEATABLE READ".to_owned()).await;
    let first = read(&mut reader, &settings.schema).await;
    // when a rebuild wants to swap,
    let mut rebuilding = tokio::spawn({
        let (settings, topic) = (settings.clone(), topic.clone());
        async move { rebuild(&settings, topic, Tally).await }
    });
    append_many(&topic, 20);
    let waited = tokio::time::timeout(Duration::from_secs(2), &mut rebuilding).await;
    assert!(waited.is_err(), "the swap waits for the reader");
    // then the reader reads on what it read before, and the swap comes after it.
    assert_eq!(read(&mut reader, &settings.schema).await, first);
    execute(&mut reader, "COMMIT".to_owned()).await;
    rebuilding.await.unwrap().unwrap();
    reached(&mut running.status, &topic.end()).await;
    running.stop().await;
    assert_folded(&mut admin, settings.schema.as_str(), 80).await;
    drop_schema(&mut admin, settings.schema.as_str()).await;
}

/// A topic whose sources fail after a few polls.
struct Hindered {
    topic: MemoryTopic,
}

impl EventTopic for Hindered {
    fn name(&self) -> &str {
        self.topic.name()
    }

    fn partitions(&self) -> Result<Vec<i32>, Fault> {
        self.topic.partitions()
    }

    fn read(&self, from: &Offsets) -> Result<Box<dyn EventSource>, Fault> {
        Ok(Box::new(HinderedSource {
            source: self.topic.read(from)?,
            polls_left: 3,
        }))
    }
}

struct HinderedSource {
    source: Box<dyn EventSource>,
    polls_left: u32,
}

impl EventSource for HinderedSource {
    fn poll(&mut self, max_wait: Duration, _: usize) -> Result<SourceBatch, Fault> {
        if self.polls_left == 0 {
            return Err(Fault {
                kind: FaultKind::Fatal,
                message: "no access".to_owned(),
            });
        }
        self.polls_left -= 1;
        self.source.poll(max_wait, 4)
    }
}
