//! The read model as a reader sees it: how far it is, and whether it says what the log says.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::runtime::Runtime;
use tributary_accounts::projection::{LedgerModel, verify};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, LOCAL_PARTITIONS};
use tributary_projection::{KafkaTopic, Offsets, projection_name, stored_offsets};

use crate::{
    observer::now,
    rig::{Rig, SCHEMA},
};

/// How often a reader looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) struct ReadModel {
    runtime: Runtime,
    database: PgConnectOptions,
    brokers: String,
}

impl ReadModel {
    pub(crate) fn of(rig: &Rig) -> Self {
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            database: rig.stack.database_url().parse().unwrap(),
            brokers: rig.stack.brokers(),
        }
    }

    /// Where the rows stand; `None` while the database is away or the model isn't there yet.
    fn offsets(&self) -> Option<Offsets> {
        self.runtime.block_on(async {
            let database = self.database.clone().options([("search_path", SCHEMA)]);
            let mut connection = PgConnection::connect_with(&database).await.ok()?;
            stored_offsets(
                &mut connection,
                &projection_name::<LedgerModel>(),
                ACCOUNTS_EVENTS.name,
            )
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

    /// Waits until the rows reach these offsets, and compares each with the log.
    pub(crate) fn judge(&self, ends: &Offsets, patience: Duration) {
        let deadline = now() + patience;
        let reached = |offsets: &Offsets| ends.iter().all(|(partition, end)| offsets[partition] >= *end);
        while !self.offsets().is_some_and(|offsets| reached(&offsets)) {
            assert!(
                now() < deadline,
                "the read model doesn't reach {ends:?}: {:?}",
                self.offsets()
            );
            thread::sleep(LOOK_EVERY);
        }
        let topic = Arc::new(KafkaTopic::new(self.brokers.clone(), ACCOUNTS_EVENTS.name));
        let schema = SCHEMA.parse().unwrap();
        let differences = self
            .runtime
            .block_on(verify(&self.database, &schema, topic))
            .unwrap();
        assert!(differences.is_empty(), "{differences:?}");
    }
}
