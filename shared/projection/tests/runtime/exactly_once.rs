//! A batch is applied once, whatever breaks.

use std::time::Duration;

use crate::support::{
    Running,
    proxy::{Lost, Proxy},
    reached, schema,
    tally::{self, OlderTally, Tally, append, append_many},
};
use sqlx::AssertSqlSafe;
use tributary_projection::{MemoryTopic, Projection, ProjectionError, State};
use tributary_stream::log::Fault;

#[tokio::test]
async fn events_of_all_partitions_are_folded_and_markers_move_the_offsets() {
    let (settings, mut admin) = schema("fold").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 30);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    tally::assert_folded(&mut admin, settings.schema.as_str(), 60).await;
    // Given what comes later, also a marker alone.
    append(&topic, 1, 5);
    topic.append_marker(1);
    reached(&mut running.status, &topic.end()).await;
    assert!(running.status.borrow().at_end);
    running.stop().await;
    tally::assert_folded(&mut admin, settings.schema.as_str(), 61).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

/// Breaks the connection at each message that a projection sends, once before the server sees it and once after.
async fn breaks_at_every_message(lost: Lost) {
    let mut broken = 0;
    for at in 0.. {
        // Given a projection whose connection will break,
        let (mut settings, mut admin) = schema("cut").await;
        let proxy = Proxy::start(&settings.database, at, lost).await;
        settings.database = proxy.options(&settings.database);
        settings.events_max = 2;
        let topic = MemoryTopic::new("accounts.events", 2);
        append_many(&topic, 2);
        // when it folds what is there and what comes while it runs,
        let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
        reached(&mut running.status, &topic.end()).await;
        append_many(&topic, 3);
        reached(&mut running.status, &topic.end()).await;
        running.stop().await;
        // then every event is applied once.
        tally::assert_folded(&mut admin, settings.schema.as_str(), 10).await;
        crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
        match proxy.is_broken() {
            true => broken += 1,
            false => break,
        }
    }
    println!("broken at each of {broken} messages ({lost:?})");
    assert!(broken > 20, "only {broken} messages");
}

#[tokio::test]
async fn a_request_lost_at_any_statement_loses_and_doubles_nothing() {
    breaks_at_every_message(Lost::Request).await;
}

#[tokio::test]
async fn an_answer_lost_at_any_statement_commits_included_loses_and_doubles_nothing() {
    breaks_at_every_message(Lost::Answer).await;
}

#[tokio::test]
async fn backends_killed_again_and_again_lose_and_double_nothing() {
    let (mut settings, mut admin) = schema("killed").await;
    settings.events_max = 10;
    let topic = MemoryTopic::new("accounts.events", 2);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    for round in 1..=20_i64 {
        append_many(&topic, 25);
        let name = format!("projection {}", settings.schema);
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1")
            .bind(name)
            .execute(&mut admin)
            .await
            .unwrap();
        if round % 5 == 0 {
            reached(&mut running.status, &topic.end()).await;
        }
    }
    running.stop().await;
    tally::assert_folded(&mut admin, settings.schema.as_str(), 20 * 50).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn two_instances_at_once_apply_each_event_once() {
    let (mut settings, mut admin) = schema("two").await;
    settings.events_max = 5;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 100);
    let mut instances: Vec<Running> = (0..2)
        .map(|_| Running::start(Projection::new(settings.clone(), topic.clone(), Tally)))
        .collect();
    for _ in 0..10 {
        append_many(&topic, 20);
        tokio::task::yield_now().await;
    }
    for running in &mut instances {
        reached(&mut running.status, &topic.end()).await;
    }
    let applied: Vec<u64> = instances
        .iter()
        .map(|running| running.status.borrow().events)
        .collect();
    for running in instances {
        running.stop().await;
    }
    assert_eq!(applied.iter().sum::<u64>(), 600, "applied by each: {applied:?}");
    tally::assert_folded(&mut admin, settings.schema.as_str(), 600).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn what_is_delivered_again_is_dropped() {
    let (mut settings, mut admin) = schema("again").await;
    settings.events_max = 3;
    let topic = MemoryTopic::new("accounts.events", 2);
    topic.redeliver(4);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    for _ in 0..10 {
        append_many(&topic, 4);
        reached(&mut running.status, &topic.end()).await;
    }
    running.stop().await;
    tally::assert_folded(&mut admin, settings.schema.as_str(), 80).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn a_restarted_projection_goes_on_where_its_offsets_stand() {
    let (settings, mut admin) = schema("restart").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 10);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    running.stop().await;
    append_many(&topic, 10);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    assert_eq!(running.status.borrow().events, 20, "only what is new");
    running.stop().await;
    tally::assert_folded(&mut admin, settings.schema.as_str(), 40).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn a_broker_that_is_away_is_waited_for_and_reported() {
    let (settings, mut admin) = schema("broker").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    for _ in 0..3 {
        topic.fail_next_poll(Fault::transient("all brokers are down"));
    }
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    let waiting = running
        .status
        .wait_for(|status| matches!(status.state, State::Waiting { attempts: 3, .. }));
    let waiting = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    let State::Waiting { cause, .. } = waiting.unwrap().unwrap().state.clone() else {
        panic!("it waits");
    };
    assert_eq!(cause, "all brokers are down");
    append_many(&topic, 10);
    reached(&mut running.status, &topic.end()).await;
    running.stop().await;
    tally::assert_folded(&mut admin, settings.schema.as_str(), 20).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn a_poison_event_stops_the_projection_with_its_position_after_what_came_before_it() {
    let (settings, mut admin) = schema("poison").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 5);
    let offset = append(&topic, 1, 7);
    append_many(&topic, 5);
    topic.tamper(1, offset, |record| record.value.truncate(20));
    let running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    let error = running.failed().await;
    let ProjectionError::Poison(poison) = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (poison.partition, poison.offset, poison.code),
        (1, offset, "MALFORMED")
    );
    assert_eq!(error.code(), "PROJECTION_POISON");
    let sql = format!(
        "SELECT next_offset FROM {}.projection_offsets WHERE partition = 1",
        settings.schema
    );
    let next: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(next <= offset, "{next} is not past the poison at {offset}");
    let sql = format!(
        "SELECT max(event_offset) FROM {}.seen WHERE partition = 1",
        settings.schema
    );
    let last: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(
        last < offset && last >= offset - 2,
        "all before {offset}, which {last} isn't"
    );
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn an_older_program_does_not_touch_a_newer_model() {
    let (settings, mut admin) = schema("older").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    running.stop().await;
    append_many(&topic, 1);
    let error = Running::start(Projection::new(settings.clone(), topic.clone(), OlderTally))
        .failed()
        .await;
    assert_eq!(error.code(), "PROJECTION_MODEL_NEWER", "{error}");
    tally::assert_folded(&mut admin, settings.schema.as_str(), 0).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn another_partition_count_stops_the_projection() {
    let (settings, mut admin) = schema("partitions").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    running.stop().await;
    let wider = MemoryTopic::new("accounts.events", 3);
    let error = Running::start(Projection::new(settings.clone(), wider, Tally))
        .failed()
        .await;
    assert_eq!(error.code(), "PROJECTION_PARTITIONS_CHANGED", "{error}");
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}

#[tokio::test]
async fn a_database_that_was_emptied_is_filled_again() {
    let (settings, mut admin) = schema("emptied").await;
    let topic = MemoryTopic::new("accounts.events", 2);
    append_many(&topic, 10);
    let mut running = Running::start(Projection::new(settings.clone(), topic.clone(), Tally));
    reached(&mut running.status, &topic.end()).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
    append_many(&topic, 1);
    reached(&mut running.status, &topic.end()).await;
    running.stop().await;
    tally::assert_folded(&mut admin, settings.schema.as_str(), 22).await;
    crate::support::drop_schema(&mut admin, settings.schema.as_str()).await;
}
