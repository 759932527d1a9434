//! The read models in PostgreSQL, as the API shows them. Rows and the offsets that they are a fold of are read by one
//! statement, and so in one snapshot.

mod accounts;
mod commands;
mod payments;
mod progress;
mod standing_orders;
mod timeline;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{PgPool, Row};
use tributary_contracts::sealed::Sealed;
use tributary_money::{Currency, Money};
use tributary_pii::Place;

pub(crate) use accounts::{Account, Statement};
pub(crate) use commands::{CommandState, CommandStatus};
pub(crate) use payments::{FraudView, Payment, PaymentList, PaymentPage, Queue};
pub(crate) use progress::Progress;
pub(crate) use standing_orders::{STANDING_ORDERS, StandingOrder, StandingOrderPage};
pub(crate) use timeline::Timeline;

use crate::personal::Remittance;
use crate::position::{Position, Positions};
use crate::problem::{Code, Problem};

/// Connections to PostgreSQL: more than it has cores for would only queue there.
const CONNECTIONS_MAX: u32 = 8;

/// How long a request waits for one of them.
const CONNECTION_WITHIN: Duration = Duration::from_secs(5);

/// A read model's schema and the topic that it is a fold of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) topic: &'static str,
    /// Reads the next offsets of its partitions.
    offsets: &'static str,
}

macro_rules! model {
    ($schema:literal, $topic:literal) => {
        Model {
            topic: $topic,
            offsets: concat!(
                "SELECT partition, next_offset FROM ",
                $schema,
                ".projection_offsets WHERE topic = '",
                $topic,
                "'"
            ),
        }
    };
}

pub(crate) const ACCOUNTS: Model = model!("accounts", "accounts.events");
pub(crate) const PAYMENTS: Model = model!("payments", "payments.events");
pub(crate) const TIMELINES: [Model; 3] = [
    model!("timeline_accounts", "accounts.events"),
    model!("timeline_payments", "payments.events"),
    model!("timeline_fraud", "fraud.events"),
];

/// An expression for the last position of each partition that a schema's rows are a fold of, as text.
macro_rules! as_of {
    ($schema:literal) => {
        concat!(
            "(SELECT coalesce(string_agg(topic || '/' || partition || '@' || next_offset - 1, ',' ORDER BY partition), '') FROM ",
            $schema,
            ".projection_offsets WHERE next_offset > 0)"
        )
    };
}
use as_of;

/// Why a read model does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The tables hold what no version of this program writes.
    #[error("a row can't be read: {0}")]
    Row(&'static str),
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        // The database's own text may quote values; its code doesn't.
        let code = match &error {
            ReadError::Database(sqlx::Error::Database(database)) => {
                database.code().map(|code| code.into_owned()).unwrap_or_default()
            }
            ReadError::Database(sqlx::Error::PoolTimedOut) => "pool timed out".to_owned(),
            ReadError::Database(_) => "connection".to_owned(),
            ReadError::Row(what) => (*what).to_owned(),
        };
        tracing::warn!(code, "a read model can't be read");
        Problem::new(
            Code::ReadModelUnavailable,
            "PostgreSQL, or the table in it, is not there; nothing is lost by that",
        )
        .retry_after(1)
    }
}

/// The read models.
#[derive(Clone)]
pub(crate) struct ReadModels {
    pool: PgPool,
}

impl ReadModels {
    /// Connects when the first request needs it.
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECTION_WITHIN)
            .connect_lazy_with(options.application_name("gateway"));
        Self { pool }
    }

    /// Whether PostgreSQL answers and holds every read model: a projection that has just started makes them.
    pub(crate) async fn stand(&self) -> bool {
        sqlx::query(
            "SELECT FROM accounts.projection_offsets, payments.projection_offsets, timeline_accounts.events,
                         timeline_payments.events, timeline_fraud.events LIMIT 0",
        )
        .execute(&self.pool)
        .await
        .is_ok()
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

fn positions(row: &PgRow) -> Result<Vec<Position>, ReadError> {
    let text: &str = row.try_get("as_of")?;
    let positions = Positions::parse(text).map_err(ReadError::Row)?;
    Ok(positions.list())
}

fn currency(row: &PgRow) -> Result<Currency, ReadError> {
    let code: &str = row.try_get("currency")?;
    code.parse().map_err(|_| ReadError::Row("currency"))
}

/// Not opened yet. `place`: what it is sealed for.
fn remittance(row: &PgRow, place: Place) -> Result<Option<Remittance>, ReadError> {
    let text: Option<&str> = row.try_get("remittance")?;
    let sealed = text.map(str::parse).transpose();
    let sealed: Option<Sealed> = sealed.map_err(|_| ReadError::Row("remittance"))?;
    Ok(sealed.map(|sealed| Remittance::new(place, sealed)))
}

/// The decimal string of an amount in minor units.
fn decimal(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).to_decimal().to_string()
}

/// Milliseconds since the epoch as RFC 3339, in UTC.
pub(crate) fn timestamp(ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}
