//! Replay of a history through the ledger, and its reconciliation.
//!
//! - [`replay`]: sends every row as a command and follows what becomes of it.
//! - [`set_up_orders`]: the standing orders that are in force at the history's end.
//! - [`Reconciliation`]: holds what the topic and PostgreSQL say against the history, row by row and in sums.
//! - [`attempt_payments`]: what people want to pay on the day after it, as payments; [`assessments`]: what they have paid, for the
//!   fraud service to learn their habits from.
//! - [`export`]: writes a log as a history.

mod attempts;
mod clock;
mod command;
mod entry;
mod error;
mod expectation;
mod export;
mod order;
mod pay;
mod plan;
mod progress;
mod read_model;
mod reconciliation;
mod run;
mod schedule;
mod topic;

pub use attempts::{Assessment, Attempted, assessments, attempt_payments};
pub use clock::Moment;
pub use command::{RowCommand, RowFault, Translator, account_id, command_id, gl_account};
pub use entry::Entry;
pub use error::ReplayError;
pub use export::{ExportError, Exported, export};
pub use order::{Ordered, set_up_orders};
pub use pay::ApiError;
pub use plan::Plan;
pub use progress::{Progress, grouped};
pub use read_model::{ReadModelError, await_read_model, read_model};
pub use reconciliation::{
    Checked, Counts, Difference, DifferenceKind, Differences, LeftOut, ReadModelLedger, Reconciliation,
    SumLine,
};
pub use run::{Options, Replayed, Through, replay};
pub use topic::{HoldStep, News, Refused, TopicLedger};
