//! The ledger on a real Kafka: commands in, events out, whatever comes in.

mod bad_input;
mod bank;
mod transfers;
