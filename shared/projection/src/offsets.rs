use std::collections::BTreeMap;

use sqlx::{PgConnection, Row};

use crate::batch::Move;

/// The next offset of each partition.
pub type Offsets = BTreeMap<i32, i64>;

/// The stored offsets of a model, named `<name>/v<version>`, in the connection's schema. Read in one snapshot with the
/// rows, they say which events the rows are a fold of.
///
/// # Errors
/// The database's.
pub async fn stored_offsets(
    database: &mut PgConnection,
    projection: &str,
    topic: &str,
) -> Result<Offsets, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT partition, next_offset FROM projection_offsets WHERE projection = $1 AND topic = $2",
    )
    .bind(projection)
    .bind(topic)
    .fetch_all(database)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// Moves offsets, each from where it is expected to be. False: at least one is elsewhere, and the transaction must be
/// rolled back. It comes first in the transaction, so that a second instance waits here rather than after its work.
pub(crate) async fn advance(
    database: &mut PgConnection,
    projection: &str,
    topic: &str,
    moves: &[Move],
) -> Result<bool, sqlx::Error> {
    let column = |of: fn(&Move) -> i64| moves.iter().map(of).collect::<Vec<_>>();
    let partitions: Vec<i32> = moves.iter().map(|moved| moved.partition).collect();
    let updated = sqlx::query(
        "UPDATE projection_offsets AS stored SET next_offset = moved.next
         FROM UNNEST($3::int[], $4::bigint[], $5::bigint[]) AS moved (partition, expected, next)
         WHERE stored.projection = $1 AND stored.topic = $2
           AND stored.partition = moved.partition AND stored.next_offset = moved.expected",
    )
    .bind(projection)
    .bind(topic)
    .bind(&partitions)
    .bind(column(|moved| moved.expected))
    .bind(column(|moved| moved.next))
    .execute(database)
    .await?;
    Ok(updated.rows_affected() == moves.len() as u64)
}
