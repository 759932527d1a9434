//! The bank's HTTP API.
//!
//! A request that changes something becomes a command in a service's inbox and is acknowledged when it stands there; the
//! outcome is the event that answers the record. A request that reads goes to the read models in PostgreSQL. The gateway
//! holds no state of its own: any number may run, and each may be killed.

mod amount;
mod api;
mod app;
mod cursor;
mod extract;
mod gateway;
mod guard;
mod host;
mod log;
mod metrics;
mod outcome;
mod personal;
mod position;
mod prefer;
mod problem;
mod read;
mod server;
mod wish;

pub use gateway::{Gateway, GatewayError, Limits, Options, document};
pub use personal::PersonalData;
pub use problem::CODES;

/// Refuses an address that others could reach, as long as nobody has to sign in.
pub(crate) const LISTEN_NOT_LOOPBACK: &str = "LISTEN_NOT_LOOPBACK";
