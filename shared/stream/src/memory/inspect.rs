//! What a test can look at in the broker, beyond what clients see.

use tributary_contracts::record::Record;

use super::broker::Broker;
use super::error::BrokerError;
use super::partition::{Slot, SlotState};
use super::transactions::Status;

/// What stands at one offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub offset: i64,
    pub content: EntryContent,
}

/// A record or a control marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryContent {
    Record { record: Record, state: RecordState },
    Marker { producer_id: i64, commit: bool },
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// Written outside of any transaction.
    Plain,
    /// Its transaction has no marker in this partition yet.
    Undecided,
    Committed,
    Aborted,
}

/// A transaction that isn't complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    pub transactional_id: String,
    pub status: TransactionStatus,
}

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatus {
    /// Undecided, since that time in milliseconds.
    Ongoing { since_ms: i64 },
    /// Decided, with so many markers still to be written.
    Prepared { commit: bool, markers_left: usize },
}

impl Broker {
    pub(super) fn read_all(&self, topic: &str, partition: i32) -> Result<Vec<Entry>, BrokerError> {
        let entry = |(offset, slot): (i64, &Slot)| Entry {
            offset,
            content: match slot {
                Slot::Marker { producer_id, commit } => EntryContent::Marker {
                    producer_id: *producer_id,
                    commit: *commit,
                },
                Slot::Record { record, state } => EntryContent::Record {
                    record: record.clone(),
                    state: match state {
                        SlotState::Plain => RecordState::Plain,
                        SlotState::Open(_) => RecordState::Undecided,
                        SlotState::Committed => RecordState::Committed,
                        SlotState::Aborted => RecordState::Aborted,
                    },
                },
            },
        };
        Ok(self.named(topic, partition)?.slots().map(entry).collect())
    }

    pub(super) fn open_transactions(&self) -> Vec<OpenTransaction> {
        self.coordinator
            .ids
            .iter()
            .filter_map(|(id, state)| {
                let status = match &state.status {
                    Status::Complete { .. } => return None,
                    Status::Ongoing { since_ms, .. } => TransactionStatus::Ongoing { since_ms: *since_ms },
                    Status::Prepared { commit, pending, .. } => TransactionStatus::Prepared {
                        commit: *commit,
                        markers_left: pending.len(),
                    },
                };
                Some(OpenTransaction {
                    transactional_id: id.clone(),
                    status,
                })
            })
            .collect()
    }
}
