//! A read model as a reader sees it: how far it is, and whether it says what the log says.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::runtime::Runtime;
use tributary_accounts::projection::{LedgerModel, verify};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, LOCAL_PARTITIONS, Topic};
use tributary_projection::{KafkaTopic, Offsets, Projection, Settings, projection_name, stored_offsets};
use tributary_stream::kafka::Watermarks;

use crate::{observer::now, rig::Rig};

/// How often a reader looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Most time to take in what stands in the log.
const REACH_WITHIN: Duration = Duration::from_secs(60);

/// Tables of a read model that say where it stands, and not what became of anything.
const BOOKKEEPING: &str = "('projection', 'projection_offsets')";

pub(crate) struct ReadModel {
    runtime: Runtime,
    database: PgConnectOptions,
    brokers: String,
    schema: &'static str,
    /// Name and version of the model, by which its offsets are kept.
    projection: String,
    topic: &'static str,
}

impl ReadModel {
    /// The ledger's.
    pub(crate) fn ledger(rig: &Rig) -> Self {
        Self::of::<LedgerModel>(rig, bank::LEDGER_SCHEMA, ACCOUNTS_EVENTS)
    }

    pub(crate) fn of<M: tributary_projection::ReadModel>(
        rig: &Rig,
        schema: &'static str,
        topic: Topic,
    ) -> Self {
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            database: rig.stack.database_url().parse().unwrap(),
            brokers: rig.stack.brokers(),
            schema,
            projection: projection_name::<M>(),
            topic: topic.name,
        }
    }

    /// Where the rows stand; `None` while the database is away or the model isn't there yet.
    fn offsets(&self) -> Option<Offsets> {
        self.runtime.block_on(async {
            let database = self.database.clone().options([("search_path", self.schema)]);
            let mut connection = PgConnection::connect_with(&database).await.ok()?;
            stored_offsets(&mut connection, &self.projection, self.topic)
                .await
                .ok()
        })
    }

    /// Waits until the rows of every partition have moved on from where they are when it is called first with a
    /// database that answers; how long that took since `since`.
    pub(crate) fn moves_again(&self, since: Instant, patience: Duration) -> Option<Duration> {
        let mut before: Option<Offsets> = None;
        while since.elapsed() < patience {
            if let Some(offsets) = self
                .offsets()
                .filter(|offsets| offsets.len() == LOCAL_PARTITIONS as usize)
            {
                match &before {
                    None => before = Some(offsets),
                    Some(before)
                        if offsets
                            .iter()
                            .all(|(partition, offset)| offset > &before[partition]) =>
                    {
                        return Some(now() - since);
                    }
                    Some(_) => {}
                }
            }
            thread::sleep(LOOK_EVERY);
        }
        None
    }

    /// Waits until the rows are those of all that stands in the log now; up to where that is.
    fn reach_the_end(&self) -> Offsets {
        let ends = Watermarks::connect(&self.brokers)
            .unwrap()
            .ends(self.topic)
            .unwrap();
        let deadline = now() + REACH_WITHIN;
        let reached = |offsets: &Offsets| {
            ends.iter()
                .all(|(partition, end)| offsets.get(partition).is_some_and(|offset| offset >= end))
        };
        while !self.offsets().is_some_and(|offsets| reached(&offsets)) {
            assert!(
                now() < deadline,
                "the read model in {} doesn't reach {ends:?} within {REACH_WITHIN:?}: {:?}",
                self.schema,
                self.offsets()
            );
            thread::sleep(LOOK_EVERY);
        }
        ends
    }

    /// The ledger's rows, once they are those of the whole log, say what the checker's own fold of it says.
    pub(crate) fn judge_ledger(&self) {
        let ends = self.reach_the_end();
        let topic = Arc::new(KafkaTopic::new(self.brokers.clone(), self.topic));
        let schema = self.schema.parse().unwrap();
        let differences = self
            .runtime
            .block_on(verify(&self.database, &schema, topic))
            .unwrap();
        assert!(differences.is_empty(), "{differences:?}");
        println!("  every row of {} equals the log up to {ends:?}", self.schema);
    }

    /// The rows, once they are those of the whole log, are the same as a fold makes of it that nobody disturbs.
    pub(crate) fn judge_by_folding_again<M: tributary_projection::ReadModel>(&self, model: M) {
        let ends = self.reach_the_end();
        let again = format!("{}_again", self.schema);
        let settings = Settings::new(self.database.clone(), again.parse().unwrap());
        let topic = KafkaTopic::new(self.brokers.clone(), self.topic);
        let projection = Projection::new(settings, topic, model);
        let mut status = projection.status();
        let rows = self.runtime.block_on(async {
            let folded = projection.run(async move {
                let reached = status.wait_for(|status| status.has_reached(&ends));
                let waited = tokio::time::timeout(REACH_WITHIN, reached).await;
                assert!(
                    waited.is_ok(),
                    "a new fold doesn't reach the end within {REACH_WITHIN:?}"
                );
            });
            folded.await.unwrap();
            let mut database = PgConnection::connect_with(&self.database).await.unwrap();
            let tables: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
                "SELECT table_name::text FROM information_schema.tables
                 WHERE table_schema = '{again}' AND table_name NOT IN {BOOKKEEPING}"
            )))
            .fetch_all(&mut database)
            .await
            .unwrap();
            assert!(!tables.is_empty(), "there are no tables in {again}");
            let mut rows = 0;
            for table in tables {
                let (all, different) = compare(&mut database, self.schema, &again, &table).await;
                assert_eq!(
                    different, 0,
                    "rows of {}.{table} differ from those of a new fold",
                    self.schema
                );
                rows += all;
            }
            rows
        });
        println!("  {rows} rows of {} equal those of a new fold", self.schema);
    }
}

/// Rows of a table, and how many stand in only one of two schemas.
async fn compare(database: &mut PgConnection, schema: &str, again: &str, table: &str) -> (i64, i64) {
    // As text, since JSON has no equality.
    let only_in = |one: &str, other: &str| {
        format!(
            "(SELECT line::text FROM {one}.{table} AS line EXCEPT ALL SELECT line::text FROM {other}.{table} AS line)"
        )
    };
    let sql = format!(
        "SELECT (SELECT count(*) FROM {schema}.{table}),
                (SELECT count(*) FROM ({} UNION ALL {}) AS different)",
        only_in(schema, again),
        only_in(again, schema)
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .fetch_one(database)
        .await
        .unwrap()
}
