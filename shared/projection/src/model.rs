use std::future::Future;

use sqlx::PgConnection;
use tributary_contracts::codec::Message;

use crate::LoggedEvent;

/// A fold of a topic's events into tables.
pub trait ReadModel: Send + 'static {
    /// The events of the topic's service.
    type Event: Message + Send + Sync + 'static;

    /// Names the model in its offsets, such as `ledger`.
    const NAME: &'static str;

    /// Raised with each change of tables or of what they mean: the model is then rebuilt.
    const VERSION: i32;

    /// Statements that create tables, indexes and views, without schema: each generation has one of its own.
    const DDL: &'static str;

    /// Writes what a batch changes, in the transaction that also moves the offsets. The connection's `search_path` is
    /// the model's schema. A batch is never applied twice, never out of order within a partition, and never leaves
    /// an event out; after an error the transaction is rolled back, so nothing may be kept in memory that isn't
    /// a function of the tables.
    fn apply(
        &mut self,
        database: &mut PgConnection,
        events: &[LoggedEvent<Self::Event>],
    ) -> impl Future<Output = Result<(), ApplyError>> + Send;
}

/// Text as PostgreSQL can hold it, with U+FFFD in place of NUL: whoever sends a command may put one into it, which must
/// not stop a projection.
pub fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Why a batch can't be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// An event contradicts what came before it or itself. The projection stops there.
    #[error("{code} in partition {partition}, offset {offset}: {detail}")]
    Corrupt {
        partition: i32,
        offset: i64,
        /// Stable.
        code: &'static str,
        detail: String,
    },
}
