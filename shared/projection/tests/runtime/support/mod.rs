//! A database, a topic and a read model that tests of the runtime share.

pub(crate) mod proxy;
pub(crate) mod tally;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{sync::watch, task::JoinHandle};
use tributary_projection::{Offsets, ProjectionError, SchemaName, Settings, Status};
pub(crate) use tributary_testkit::database;

/// A schema of the test's own, empty.
pub(crate) async fn schema(test: &str) -> (Settings, PgConnection) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name: SchemaName = format!("{test}_{}_{number}", std::process::id()).parse().unwrap();
    let mut admin = PgConnection::connect_with(&database()).await.unwrap();
    drop_schema(&mut admin, name.as_str()).await;
    (Settings::new(database(), name), admin)
}

pub(crate) async fn drop_schema(admin: &mut PgConnection, schema: &str) {
    let sql = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(admin).await.unwrap();
}

/// Waits until everything before these offsets is applied. Panics when nothing happens for 30 s.
pub(crate) async fn reached(status: &mut watch::Receiver<Status>, offsets: &Offsets) {
    let reached = async {
        status
            .wait_for(|status| status.has_reached(offsets))
            .await
            .is_ok()
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), reached).await;
    if waited != Ok(true) {
        panic!("{offsets:?} not reached: {:?}", status.borrow().clone());
    }
}

/// A projection that runs in the background until it is dropped or stopped.
pub(crate) struct Running {
    pub(crate) status: watch::Receiver<Status>,
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<Result<(), ProjectionError>>,
}

impl Running {
    pub(crate) fn start<M: tributary_projection::ReadModel + Sync>(
        projection: tributary_projection::Projection<M>,
    ) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let status = projection.status();
        let task = tokio::spawn(async {
            let ended = projection.run(async {
                stopped.await.ok();
            });
            ended.await.inspect_err(|error| println!("stopped: {error:?}"))
        });
        Self { status, stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).ok();
        self.task.await.unwrap().unwrap();
    }

    /// Waits for it to stop by itself.
    pub(crate) async fn failed(self) -> ProjectionError {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.task).await;
        ended.expect("it stops").unwrap().unwrap_err()
    }
}
