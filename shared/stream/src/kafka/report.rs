//! librdkafka's own log lines and errors, as traces.

use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::error::KafkaError;

pub(super) fn log(level: Level, facility: &str, message: &str) {
    match level {
        Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        Level::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
        Level::Notice | Level::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
        Level::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}

pub(super) fn error(error: &KafkaError, reason: &str) {
    // The end of a partition comes as an error, too.
    if !matches!(
        error,
        KafkaError::Global(rdkafka::types::RDKafkaErrorCode::PartitionEOF)
    ) {
        tracing::warn!(target: "librdkafka", "{error}: {reason}");
    }
}

/// Whether a log line tells of a lost connection or of a request that timed out. A connection that is lost with at most
/// one request in flight is told of in no other way (rdkafka_broker.c, rd_kafka_broker_conn_closed).
pub(super) fn is_trouble(facility: &str) -> bool {
    matches!(facility, "FAIL" | "REQTMOUT")
}
