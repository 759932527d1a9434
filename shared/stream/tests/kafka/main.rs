//! The log and its clients on a real Kafka: that of `KAFKA_BROKERS`, or one that these tests start for themselves.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]
#![expect(
    clippy::disallowed_methods,
    reason = "what happens on a broker takes time, and is timed"
)]

mod broker;
mod clients;
mod conformance;
mod log;
mod slow_faults;
mod slow_processes;
