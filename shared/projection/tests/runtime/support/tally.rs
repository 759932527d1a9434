//! A small read model that shows every event that was lost, doubled or applied out of order.

use sqlx::{AssertSqlSafe, PgConnection};
use tributary_contracts::{
    accounts::{AccountsEvent, OverdraftLimitSet},
    codec::{self, Message},
    envelope::{EventEnvelope, Position},
    record::Outgoing,
};
use tributary_ids::{AccountId, CommandId};
use tributary_projection::{ApplyError, LoggedEvent, MemoryTopic, Payload, ReadModel};

/// Keeps each event's row, and a sum that a doubled event would spoil.
pub(crate) struct Tally;

impl ReadModel for Tally {
    type Event = AccountsEvent;
    const NAME: &'static str = "tally";
    const VERSION: i32 = 2;
    const DDL: &'static str = "
        CREATE TABLE seen (partition integer, event_offset bigint, amount bigint NOT NULL,
                           PRIMARY KEY (partition, event_offset));
        CREATE TABLE sums (partition integer PRIMARY KEY, events bigint NOT NULL, total bigint NOT NULL);
    ";

    async fn apply(
        &mut self,
        database: &mut PgConnection,
        events: &[LoggedEvent<AccountsEvent>],
    ) -> Result<(), ApplyError> {
        for event in events {
            let amount = amount(event);
            sqlx::query("INSERT INTO seen VALUES ($1, $2, $3)")
                .bind(event.partition)
                .bind(event.offset)
                .bind(amount)
                .execute(&mut *database)
                .await?;
            sqlx::query(
                "INSERT INTO sums VALUES ($1, 1, $2) ON CONFLICT (partition)
                 DO UPDATE SET events = sums.events + 1, total = sums.total + EXCLUDED.total",
            )
            .bind(event.partition)
            .bind(amount)
            .execute(&mut *database)
            .await?;
        }
        Ok(())
    }
}

/// The same model as an earlier program knew it.
pub(crate) struct OlderTally;

impl ReadModel for OlderTally {
    type Event = AccountsEvent;
    const NAME: &'static str = Tally::NAME;
    const VERSION: i32 = 1;
    const DDL: &'static str = Tally::DDL;

    async fn apply(
        &mut self,
        database: &mut PgConnection,
        events: &[LoggedEvent<AccountsEvent>],
    ) -> Result<(), ApplyError> {
        Tally.apply(database, events).await
    }
}

fn amount(event: &LoggedEvent<AccountsEvent>) -> i64 {
    match &event.envelope.data {
        Payload::Service(AccountsEvent::OverdraftLimitSet(set)) => set.limit,
        other => panic!("no such event was written: {other:?}"),
    }
}

/// Appends an event that carries an amount.
pub(crate) fn append(topic: &MemoryTopic, partition: i32, amount: i64) -> i64 {
    let record = record("accounts.events", partition, amount);
    topic.append(partition, &record.key, record.headers, record.value, 1_000)
}

/// The record of an event that carries an amount.
pub(crate) fn record(topic: &'static str, partition: i32, amount: i64) -> Outgoing {
    let account_id = AccountId::named("one");
    let data = AccountsEvent::OverdraftLimitSet(OverdraftLimitSet {
        account_id,
        seq: 1,
        limit: amount,
    });
    let command_id = CommandId::named(&format!("{partition}/{amount}"));
    let ce_type = data.ce_type();
    let envelope = EventEnvelope {
        command_id,
        index: 0,
        of: 1,
        correlation_id: command_id.0,
        time: 1_000,
        origin: Position {
            topic: "accounts.inbox".into(),
            partition,
            offset: 0,
        },
        remembered: None,
        initiator: None,
        data,
    };
    Outgoing {
        topic,
        partition,
        key: account_id.to_string().into_bytes(),
        headers: codec::headers(&envelope.id(), "accounts", ce_type, None),
        value: codec::encode(&envelope),
    }
}

/// Appends `count` events to each of two partitions, with a transaction's marker after every third.
pub(crate) fn append_many(topic: &MemoryTopic, count: i64) {
    for number in 1..=count {
        for partition in 0..2 {
            append(topic, partition, number * 10 + i64::from(partition));
            if number % 3 == 0 {
                topic.append_marker(partition);
            }
        }
    }
}

/// Asserts that a schema holds each of a topic's events once, and is consistent with its offsets.
pub(crate) async fn assert_folded(admin: &mut PgConnection, schema: &str, events: i64) {
    let sql = format!(
        "SELECT (SELECT count(*) FROM {schema}.seen),
                (SELECT coalesce(sum(events), 0)::bigint FROM {schema}.sums),
                (SELECT coalesce(sum(amount), 0)::bigint FROM {schema}.seen),
                (SELECT coalesce(sum(total), 0)::bigint FROM {schema}.sums)"
    );
    let (rows, counted, sum, total): (i64, i64, i64, i64) =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_one(admin).await.unwrap();
    assert_eq!((rows, counted), (events, events), "events kept, events counted");
    assert_eq!(sum, total);
}
