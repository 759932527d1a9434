//! Why a replay can end early.

use std::time::Duration;

use tributary_contracts::codec::DecodeError;
use tributary_history::HistoryError;
use tributary_stream::log::Fault;

use crate::pay::ApiError;

/// How long nothing may move while something is under way.
pub(crate) const NO_PROGRESS_MAX: Duration = Duration::from_secs(60);

/// Why a replay ended early. What was posted stays posted: replaying again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("{0}")]
    Log(Fault),
    #[error("accounts.events/{partition}, offset {offset}: {error}")]
    Unreadable {
        partition: i32,
        offset: i64,
        error: DecodeError,
    },
    #[error(
        "nothing moved for {} s: {unanswered} commands are not answered, {in_transit} payments are in transit, \
         {waiting} rows wait; {hint}",
        NO_PROGRESS_MAX.as_secs()
    )]
    Stalled {
        unanswered: u64,
        in_transit: usize,
        waiting: usize,
        hint: &'static str,
    },
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the replay was interrupted; replaying the same history again goes on from here")]
    Interrupted,
}

impl From<Fault> for ReplayError {
    fn from(fault: Fault) -> Self {
        Self::Log(fault)
    }
}
