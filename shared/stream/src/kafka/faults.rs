//! What an error of librdkafka means to whoever waits for the answer.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::log::{Fault, FaultKind};

/// A fault of that kind, told as `what: error`.
pub(super) fn fault(kind: FaultKind, what: &str, error: &KafkaError) -> Fault {
    // A transaction's error tells more in its text than in its code.
    let text = match error {
        KafkaError::Transaction(error) => format!("{what}: {} ({})", error.string(), error.name()),
        error => format!("{what}: {error}"),
    };
    Fault { kind, message: text }
}

/// The fault that an error is, by its code.
pub(super) fn classify(what: &str, error: &KafkaError) -> Fault {
    let kind = match error {
        KafkaError::MessageConsumptionFatal(_)
        | KafkaError::ClientConfig(..)
        | KafkaError::ClientCreation(_) => FaultKind::Fatal,
        KafkaError::Transaction(error) if error.is_fatal() => FaultKind::Fatal,
        error => error.rdkafka_error_code().map_or(FaultKind::Transient, kind_of),
    };
    fault(kind, what, error)
}

/// What trying again would do, by the code of an error.
pub(super) fn kind_of(code: Code) -> FaultKind {
    match code {
        // What librdkafka reports in place of resetting, when it may not reset.
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => FaultKind::DataGone,
        Code::Fatal
        | Code::FencedInstanceId
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedVersion
        | Code::InvalidTransactionTimeout
        | Code::MessageSizeTooLarge
        | Code::InvalidRecord
        | Code::UnknownPartition
        | Code::UnknownTopic
        | Code::UnknownTopicOrPartition => FaultKind::Fatal,
        _ => FaultKind::Transient,
    }
}

/// Whether this code says that another owns the transactional id or the partitions by now.
pub(super) fn is_fencing(code: Code) -> bool {
    matches!(
        code,
        Code::ProducerFenced
            | Code::Fenced
            | Code::InvalidProducerEpoch
            | Code::FencedInstanceId
            | Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::RebalanceInProgress
    )
}

/// Whether this code is a definite no to a record, by the client or by the broker: nothing of it is on its way.
pub(super) fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::InvalidTopic
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::QueueFull
    )
}
