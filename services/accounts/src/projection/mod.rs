//! The ledger's read models in PostgreSQL: accounts and balances, holds, journal and statements, the general ledger,
//! refusals. `schema.sql` says what they hold.
//!
//! A batch loads the rows of the accounts and holds that it touches, folds its events into them and stores each once.
//! The fold asserts what the ledger asserted when it wrote the events; a contradiction stops the projection.

mod copy;
mod export;
mod fold;
mod in_memory;
mod rows;
mod store;
mod verify;

use sqlx::PgConnection;
use tributary_contracts::accounts::AccountsEvent;
use tributary_projection::{ApplyError, LoggedEvent, ReadModel};

pub use export::{ExportError, export_balances};
pub use in_memory::{AccountState, LedgerRows};
pub use verify::{Difference, VerifyError, verify};

/// The read models of `accounts.events`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedgerModel;

impl ReadModel for LedgerModel {
    type Event = AccountsEvent;

    const NAME: &'static str = "ledger";
    const VERSION: i32 = 2;
    const DDL: &'static str = include_str!("schema.sql");

    async fn apply(
        &mut self,
        database: &mut PgConnection,
        events: &[LoggedEvent<AccountsEvent>],
    ) -> Result<(), ApplyError> {
        let mut fold = fold::Fold::default();
        store::load(database, events, &mut fold).await?;
        for event in events {
            fold.event(event).map_err(|fault| ApplyError::Corrupt {
                partition: event.partition,
                offset: event.offset,
                code: fault.code(),
                detail: fault.to_string(),
            })?;
        }
        store::store(database, &fold).await
    }
}
