//! The key store: one row a data subject, in PostgreSQL.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, PgPool, Row};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::Wrapped;

/// Schema of the key store in its database.
const SCHEMA: &str = "pii";

pub(crate) const NO_KEY_STORE: &str = "there is no key store in this database";

/// Connections to its database: look-ups by primary key.
const CONNECTIONS_MAX: u32 = 4;

/// How long one is waited for.
const CONNECTION_WITHIN: Duration = Duration::from_secs(5);

/// What the store says of a subject's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Key(Wrapped),
    Erased,
}

/// What erasing a subject's key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// The key is gone.
    Erased,
    /// There was none. From now on there will be none.
    HadNoKey,
    ErasedBefore,
}

/// How many subjects the store knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys by the master key that wraps them.
    pub keys: BTreeMap<String, i64>,
    /// Tombstones.
    pub erased: i64,
}

/// A tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    pub subject: Uuid,
    /// RFC 3339, in UTC.
    pub erased_at: String,
}

/// The keys of all data subjects, wrapped. A system of record: what is lost here is lost for good.
#[derive(Debug)]
pub struct KeyStore {
    pool: PgPool,
    schema: String,
    /// Whether it is made where it isn't there.
    makes: bool,
    /// Whether the tables stand.
    stands: OnceCell<()>,
}

impl KeyStore {
    /// In the schema `pii` of a database, which should hold nothing else. It is connected to when it is first needed, and made
    /// where it isn't there.
    ///
    /// Within a runtime: the pool starts a task.
    pub fn new(database: PgConnectOptions) -> Self {
        Self::in_schema(database, SCHEMA)
    }

    /// In a schema of another name, such as a test's own.
    pub fn in_schema(database: PgConnectOptions, schema: &str) -> Self {
        let options = database
            .application_name("key store")
            .options([("search_path", schema)]);
        Self {
            pool: PgPoolOptions::new()
                .max_connections(CONNECTIONS_MAX)
                .acquire_timeout(CONNECTION_WITHIN)
                .connect_lazy_with(options),
            schema: schema.replace('"', "\"\""),
            makes: true,
            stands: OnceCell::new(),
        }
    }

    /// Takes it for an error that it isn't there: who erases a person in the wrong database must be told.
    pub fn must_exist(self) -> Self {
        Self { makes: false, ..self }
    }

    async fn pool(&self) -> Result<&PgPool, sqlx::Error> {
        self.stands.get_or_try_init(|| self.create()).await?;
        Ok(&self.pool)
    }

    /// Makes the tables, unless they are there: then it takes no right to make any.
    async fn create(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('tributary key store', 0))";
        sqlx::query(lock).execute(&mut *transaction).await?;
        // Not `to_regclass`: it may answer from a cache that hasn't heard yet of what another just committed.
        let there: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                            WHERE nspname = current_setting('search_path') AND relname = 'subject_keys')",
        )
        .fetch_one(&mut *transaction)
        .await?;
        if !there && !self.makes {
            return Err(sqlx::Error::Configuration(NO_KEY_STORE.into()));
        }
        if !there {
            let schema = format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", self.schema);
            for sql in [schema.as_str(), include_str!("schema.sql")] {
                let sql = AssertSqlSafe(sql.to_owned());
                sqlx::raw_sql(sql).execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await
    }

    /// What is stored of these subjects; nothing of those that are not known.
    pub(crate) async fn find(&self, subjects: &[Uuid]) -> Result<HashMap<Uuid, Stored>, sqlx::Error> {
        let rows = sqlx::query("SELECT subject, master, wrapped FROM subject_keys WHERE subject = ANY($1)")
            .bind(subjects)
            .fetch_all(self.pool().await?)
            .await?;
        rows.iter().map(stored).collect()
    }

    /// Stores a subject's first key, and says what is stored then: of two that come at once, the first one's.
    pub(crate) async fn create_key(&self, subject: Uuid, key: &Wrapped) -> Result<Stored, sqlx::Error> {
        sqlx::query(
            "INSERT INTO subject_keys (subject, master, wrapped) VALUES ($1, $2, $3)
             ON CONFLICT (subject) DO NOTHING",
        )
        .bind(subject)
        .bind(&key.master)
        .bind(&key.bytes)
        .execute(self.pool().await?)
        .await?;
        let found = self.find(&[subject]).await?.remove(&subject);
        found.ok_or(sqlx::Error::RowNotFound)
    }

    /// Erases a subject's key, for good.
    ///
    /// # Errors
    /// The database's.
    pub async fn erase(&self, subject: Uuid) -> Result<Erasure, sqlx::Error> {
        let row = sqlx::query(
            "INSERT INTO subject_keys (subject, erased_at) VALUES ($1, now())
             ON CONFLICT (subject) DO UPDATE SET master = NULL, wrapped = NULL, erased_at = now()
             WHERE subject_keys.erased_at IS NULL
             RETURNING xmax = 0",
        )
        .bind(subject)
        .fetch_optional(self.pool().await?)
        .await?;
        match row {
            None => Ok(Erasure::ErasedBefore),
            Some(row) if row.try_get(0)? => Ok(Erasure::HadNoKey),
            Some(_) => Ok(Erasure::Erased),
        }
    }

    /// Counts keys and tombstones.
    ///
    /// # Errors
    /// The database's.
    pub async fn counts(&self) -> Result<Counts, sqlx::Error> {
        let rows = sqlx::query("SELECT master, count(*) FROM subject_keys GROUP BY master")
            .fetch_all(self.pool().await?)
            .await?;
        let mut counts = Counts::default();
        for row in &rows {
            match row.try_get(0)? {
                Some(master) => drop(counts.keys.insert(master, row.try_get(1)?)),
                None => counts.erased = row.try_get(1)?,
            }
        }
        Ok(counts)
    }

    /// Up to `limit` tombstones, those behind `after`, by subject.
    ///
    /// # Errors
    /// The database's.
    pub async fn erased(&self, after: Option<Uuid>, limit: i64) -> Result<Vec<Erased>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT subject, to_char(erased_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM subject_keys
             WHERE erased_at IS NOT NULL AND ($1::uuid IS NULL OR subject > $1) ORDER BY subject LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(self.pool().await?)
        .await?;
        let erased = |row: &PgRow| {
            Ok(Erased {
                subject: row.try_get(0)?,
                erased_at: row.try_get(1)?,
            })
        };
        rows.iter().map(erased).collect()
    }

    /// Up to `limit` keys that another master key wraps.
    pub(crate) async fn wrapped_by_others(
        &self,
        master: &str,
        limit: i64,
    ) -> Result<Vec<(Uuid, Wrapped)>, sqlx::Error> {
        let rows =
            sqlx::query("SELECT subject, master, wrapped FROM subject_keys WHERE master <> $1 LIMIT $2")
                .bind(master)
                .bind(limit)
                .fetch_all(self.pool().await?)
                .await?;
        let wrapped = |row: &PgRow| match stored(row)? {
            (subject, Stored::Key(key)) => Ok((subject, key)),
            (_, Stored::Erased) => Err(sqlx::Error::RowNotFound),
        };
        rows.iter().map(wrapped).collect()
    }

    /// Puts a subject's key, wrapped anew, in the place of what it was wrapped as. Returns whether that still stood there: a
    /// key that was erased meanwhile stays so.
    pub(crate) async fn replace(
        &self,
        subject: Uuid,
        from: &Wrapped,
        to: &Wrapped,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE subject_keys SET master = $3, wrapped = $4 WHERE subject = $1 AND wrapped = $2",
        )
        .bind(subject)
        .bind(&from.bytes)
        .bind(&to.master)
        .bind(&to.bytes)
        .execute(self.pool().await?)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn stored(row: &PgRow) -> Result<(Uuid, Stored), sqlx::Error> {
    let (master, wrapped): (Option<String>, Option<Vec<u8>>) = (row.try_get(1)?, row.try_get(2)?);
    let stored = match (master, wrapped) {
        (Some(master), Some(bytes)) => Stored::Key(Wrapped { master, bytes }),
        _ => Stored::Erased,
    };
    Ok((row.try_get(0)?, stored))
}
