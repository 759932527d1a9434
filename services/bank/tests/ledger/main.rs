//! The ledger on a real Kafka: commands in, events out, whatever comes in.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod bad_input;
mod bank;
mod dead_letters;
mod transfers;
