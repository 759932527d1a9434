//! The log and its clients on a real Kafka: that of `KAFKA_BROKERS`, or one that these tests start for themselves.

mod broker;
mod conformance;
mod faults;
mod log;
mod processes;
