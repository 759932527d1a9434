//! Read model = fold of the log up to its stored offsets, checked row by row.

mod expected;
mod tables;

use std::sync::Arc;

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tributary_contracts::accounts::AccountsEvent;
use tributary_projection::{
    EventStream, EventTopic, Offsets, Poison, SchemaName, StreamEnd, connect, projection_name, stored_offsets,
};
use tributary_stream::log::Fault;

use super::LedgerModel;
use expected::Expected;

/// Events that are folded and compared at a time.
const EVENTS_MAX: usize = 5_000;

/// A row that isn't what the log says. Lines are in the text format of `COPY`, with columns as `schema.sql` lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub table: &'static str,
    /// Values of the row's primary key.
    pub key: String,
    /// The row that follows from the log; none if there should be none.
    pub expected: Option<String>,
    /// The row that is there.
    pub found: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, key, .. } = self;
        let line = |line: &Option<String>| line.clone().unwrap_or_else(|| "no row".to_owned());
        write!(
            f,
            "{table} {}: expected {}, found {}",
            key.replace('\t', " "),
            line(&self.expected),
            line(&self.found)
        )
    }
}

/// Why it can't be said whether a read model is right.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("the read model can't be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the events can't be read: {0}")]
    Log(Fault),
    #[error("an event can't be decoded: {0}")]
    Poison(Poison),
    /// The log contradicts itself: it is not the read model that is wrong.
    #[error("{partition}/{offset} contradicts the books: {detail}")]
    Corrupt {
        partition: i32,
        offset: i64,
        detail: String,
    },
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
}

impl From<StreamEnd> for VerifyError {
    fn from(end: StreamEnd) -> Self {
        match end {
            StreamEnd::Fault(fault) => Self::Log(fault),
            StreamEnd::Poison(poison) => Self::Poison(poison),
        }
    }
}

/// Folds the topic with the ledger's own core, up to the offsets that the read model has stored, and compares every
/// row, while projections may go on. Finds none: they are equal.
///
/// Keeps in memory what the ledger keeps, and one line an account and hold.
///
/// # Errors
/// When something can't be read.
pub async fn verify(
    database: &PgConnectOptions,
    schema: &SchemaName,
    topic: Arc<dyn EventTopic>,
) -> Result<Vec<Difference>, VerifyError> {
    let mut connection = connect(database, schema).await?;
    let mut snapshot = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let offsets = stored_offsets(&mut snapshot, &projection_name::<LedgerModel>(), topic.name()).await?;
    let mut differences = Vec::new();
    let mut expected = Expected::default();
    for (&partition, &stored) in &offsets {
        let mut walk = Walk {
            database: &mut snapshot,
            topic: Arc::clone(&topic),
            partition,
            stored,
        };
        walk.partition(&mut expected, &mut differences).await?;
    }
    tables::compare_states(&mut snapshot, expected, &mut differences).await?;
    tables::compare_foreign_rows(&mut snapshot, &offsets, &mut differences).await?;
    snapshot.commit().await?;
    Ok(differences)
}

/// The way through one partition.
struct Walk<'w> {
    database: &'w mut PgConnection,
    topic: Arc<dyn EventTopic>,
    partition: i32,
    /// Where the read model stands.
    stored: i64,
}

impl Walk<'_> {
    async fn partition(
        &mut self,
        expected: &mut Expected,
        differences: &mut Vec<Difference>,
    ) -> Result<(), VerifyError> {
        let from = Offsets::from([(self.partition, 0)]);
        let mut events = EventStream::<AccountsEvent>::start(Arc::clone(&self.topic), from, EVENTS_MAX)
            .map_err(VerifyError::Thread)?;
        expected.begin_partition();
        let mut reached = 0;
        while reached < self.stored {
            let mut batch = events.next(EVENTS_MAX).await?;
            let next = batch.next.get(&self.partition).copied().unwrap_or(reached);
            batch
                .events
                .retain(|event| event.offset >= reached && event.offset < self.stored);
            for event in &batch.events {
                expected.event(event)?;
            }
            let range = reached..next.min(self.stored);
            let journal = expected.take_journal();
            tables::compare_journal(self.database, self.partition, range, &journal, differences).await?;
            reached = next;
            if batch.at_end && reached < self.stored {
                differences.push(Difference {
                    table: "projection_offsets",
                    key: self.partition.to_string(),
                    expected: Some(format!("at most {reached}, the log's end")),
                    found: Some(self.stored.to_string()),
                });
                break;
            }
        }
        expected.end_partition(self.partition);
        Ok(())
    }
}
