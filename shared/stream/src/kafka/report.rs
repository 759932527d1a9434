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

/// Whether a log line tells of a lost connection, of a request that timed out, or of a session that did. A connection
/// that is lost with at most one request in flight is told of in no other way (rdkafka_broker.c,
/// rd_kafka_broker_conn_closed).
pub(super) fn is_trouble(facility: &str, message: &str) -> bool {
    matches!(facility, "REQTMOUT" | "SESSTMOUT") || facility == "FAIL" && !never_connected(message)
}

/// Whether an error is one of connecting: nothing was on its way over such a connection. A cluster with one broker down
/// works on, and its clients are told of this again and again.
pub(super) fn never_connected(message: &str) -> bool {
    message.contains("in state CONNECT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_trouble_and_one_that_never_was_is_not() {
        let lost = "[thrd:TxnCoordinator]: TxnCoordinator: 127.0.0.1:9092: Disconnected: connection closed by peer: receive 0 \
                    after POLLIN (after 151ms in state UP)";
        let refused = "[thrd:127.0.0.1:9093/bootstrap]: 127.0.0.1:9093/bootstrap: Connect to ipv4#127.0.0.1:9093 failed: \
                       Connection refused (after 0ms in state CONNECT)";
        assert!(is_trouble("FAIL", lost));
        assert!(!is_trouble("FAIL", refused));
        assert!(is_trouble(
            "REQTMOUT",
            "Timed out 1 in-flight, 0 retry-queued, 0 out-queue, 0 partially-sent requests"
        ));
        assert!(is_trouble("SESSTMOUT", "Consumer group session timed out"));
        assert!(!is_trouble("CONFWARN", lost));
    }
}
