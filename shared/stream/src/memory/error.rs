//! Why the in-memory broker refuses a request, by Kafka's names.

use crate::log::{Fault, FaultKind};

/// A broker's refusal; each variant is the Kafka error of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    #[error("UNKNOWN_TOPIC_OR_PARTITION: no such topic or partition")]
    UnknownTopicOrPartition,
    #[error("MESSAGE_TOO_LARGE: the record is larger than the topic takes")]
    MessageTooLarge,
    /// Below the log's start, or above its end.
    #[error("OFFSET_OUT_OF_RANGE: the log doesn't hold that offset")]
    OffsetOutOfRange,
    /// A producer with the same transactional id has a newer epoch, or the broker aborted the transaction by time-out.
    #[error("PRODUCER_FENCED: the producer's epoch is old")]
    ProducerFenced,
    #[error("INVALID_TXN_STATE: the transaction isn't in a state for that")]
    InvalidTxnState,
    /// The markers of the last transaction are still being written.
    #[error("CONCURRENT_TRANSACTIONS: the last transaction is still being completed")]
    ConcurrentTransactions,
    #[error("ILLEGAL_GENERATION: the group has rebalanced since")]
    IllegalGeneration,
    #[error("UNKNOWN_MEMBER_ID: the member was expelled from the group")]
    UnknownMemberId,
    /// Another consumer took over the `group.instance.id` (KIP-345).
    #[error("FENCED_INSTANCE_ID: another consumer took over this member's name")]
    FencedInstanceId,
    /// A transaction that changes the committed offset is undecided (KIP-447).
    #[error("UNSTABLE_OFFSET_COMMIT: a transaction that changes the offset is undecided")]
    UnstableOffsetCommit,
    /// Offsets can't be set from outside while members are at work.
    #[error("NON_EMPTY_GROUP: the group has members")]
    NonEmptyGroup,
}

impl BrokerError {
    /// Whether another client has taken over what the request was about.
    pub fn is_fencing(self) -> bool {
        matches!(
            self,
            Self::ProducerFenced | Self::IllegalGeneration | Self::UnknownMemberId | Self::FencedInstanceId
        )
    }
}

impl From<BrokerError> for Fault {
    fn from(error: BrokerError) -> Self {
        let kind = match error {
            BrokerError::OffsetOutOfRange => FaultKind::DataGone,
            BrokerError::UnknownTopicOrPartition
            | BrokerError::MessageTooLarge
            | BrokerError::InvalidTxnState
            | BrokerError::NonEmptyGroup => FaultKind::Fatal,
            BrokerError::ProducerFenced
            | BrokerError::ConcurrentTransactions
            | BrokerError::IllegalGeneration
            | BrokerError::UnknownMemberId
            | BrokerError::FencedInstanceId
            | BrokerError::UnstableOffsetCommit => FaultKind::Transient,
        };
        Self {
            kind,
            message: error.to_string(),
        }
    }
}
