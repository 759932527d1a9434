//! A schema of a test's own.

use std::{
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use tributary_local_stack::{Options, Stack};
use tributary_projection::{MemoryTopic, Projection, ProjectionError, ReadModel, Settings};

/// The PostgreSQL that `DATABASE_URL` names, or one that is started for this test binary.
///
/// # Panics
/// When neither is there.
pub fn database() -> PgConnectOptions {
    static STARTED: OnceLock<Stack> = OnceLock::new();
    let named = std::env::var("DATABASE_URL")
        .ok()
        .filter(|url| !url.trim().is_empty());
    let url = named.unwrap_or_else(|| {
        let stack = STARTED.get_or_init(|| {
            let mut options = Options::temporary();
            // Only the database is needed.
            options.external_brokers = Some("none".to_owned());
            Stack::start(&options).expect("a PostgreSQL of our own starts")
        });
        stack.database_url()
    });
    PgConnectOptions::from_str(&url).expect("DATABASE_URL is an address of PostgreSQL")
}

/// A schema of a test's own, and a connection whose `search_path` it is.
pub struct Database {
    pub settings: Settings,
    pub admin: PgConnection,
}

impl Database {
    /// An empty one, named after the test.
    ///
    /// # Panics
    /// When PostgreSQL is not there.
    pub async fn new(test: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("{test}_{}_{number}", std::process::id());
        let settings = Settings::new(database(), schema.parse().unwrap());
        let options = settings.database.clone().options([("search_path", &schema)]);
        let admin = PgConnection::connect_with(&options).await.unwrap();
        let mut database = Self { settings, admin };
        database.clear().await;
        database
    }

    /// Drops the schema.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    pub async fn clear(&mut self) {
        let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.settings.schema);
        self.execute(&sql).await;
    }

    /// Returns how many rows it changed.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    pub async fn execute(&mut self, sql: &str) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql)
            .execute(&mut self.admin)
            .await
            .unwrap()
            .rows_affected()
    }

    /// One value of one row, as text.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    pub async fn text(&mut self, sql: &str) -> String {
        let sql = AssertSqlSafe(format!("SELECT ({sql})::text"));
        let value: Option<String> = sqlx::query_scalar(sql).fetch_one(&mut self.admin).await.unwrap();
        value.unwrap_or_else(|| "null".to_owned())
    }

    /// Folds all that is in the topic now.
    ///
    /// # Errors
    /// What stops the projection.
    ///
    /// # Panics
    /// When the end isn't reached in two minutes.
    pub async fn fold(&self, topic: &MemoryTopic, model: impl ReadModel) -> Result<(), ProjectionError> {
        let projection = Projection::new(self.settings.clone(), topic.clone(), model);
        let mut status = projection.status();
        let end = topic.end();
        let drained = async move {
            let reached = status.wait_for(|status| status.has_reached(&end));
            let waited = tokio::time::timeout(Duration::from_secs(120), reached).await;
            assert!(waited.is_ok(), "the end is not reached");
        };
        projection.run(drained).await
    }
}
