//! The payments' read model in PostgreSQL: one row a payment with its state, one a standing
//! order with its next date, and what was refused. `schema.sql` says what
//! the tables hold.
//!
//! A batch loads the rows of the payments and orders that it touches, folds its events into them and stores each once. The fold
//! asserts what the saga asserted when it wrote the events; a contradiction stops the projection.

mod fold;
mod in_memory;
mod orders;
mod store;

use sqlx::PgConnection;
use tributary_contracts::payments::PaymentsEvent;
use tributary_projection::{ApplyError, LoggedEvent, ReadModel};

pub use in_memory::{OrderState, PaymentState, PaymentsRows};

/// The read model of `payments.events`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PaymentsModel;

impl ReadModel for PaymentsModel {
    type Event = PaymentsEvent;

    const NAME: &'static str = "payments";
    const VERSION: i32 = 2;
    const DDL: &'static str = include_str!("schema.sql");

    async fn apply(
        &mut self,
        database: &mut PgConnection,
        events: &[LoggedEvent<PaymentsEvent>],
    ) -> Result<(), ApplyError> {
        let mut fold = fold::Fold::default();
        store::load(database, events, &mut fold).await?;
        Self::fold(&mut fold, events)?;
        store::store(database, &fold).await?;
        Ok(())
    }
}

impl PaymentsModel {
    /// Folds a batch into the rows that it touches.
    fn fold(fold: &mut fold::Fold, events: &[LoggedEvent<PaymentsEvent>]) -> Result<(), ApplyError> {
        for event in events {
            fold.event(event).map_err(|fault| ApplyError::Corrupt {
                partition: event.partition,
                offset: event.offset,
                code: fault.code(),
                detail: fault.to_string(),
            })?;
        }
        Ok(())
    }
}
