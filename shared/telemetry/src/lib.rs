//! Logs and metrics of a process: set up once, at its start.
//!
//! Metrics go through OpenTelemetry's API everywhere, traces travel as `traceparent` headers; what exports them is
//! decided here alone, and none is set up yet.

use std::io::IsTerminal;

use opentelemetry_sdk::metrics::SdkMeterProvider;
use tracing_subscriber::EnvFilter;

/// Keeps the process's telemetry going until it is dropped.
pub struct Telemetry {
    _meters: SdkMeterProvider,
}

/// What a service logs by default.
pub const SERVICE_LOGS: &str = "warn";

/// What a command that talks to a person logs by default: a client's connection that comes up slowly or goes down with
/// its broker is no news there.
pub const COMMAND_LOGS: &str = "warn,librdkafka=off";

/// Logs go to standard error: lines for people on a terminal, JSON elsewhere. `RUST_LOG` filters them, `by_default` where
/// it isn't set.
///
/// A second call changes nothing about the logs: tests start several services in one process.
pub fn init(by_default: &str) -> Telemetry {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(by_default));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let started = if terminal {
        logs.try_init()
    } else {
        logs.json().try_init()
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logs were set up before");
    }
    let meters = SdkMeterProvider::default();
    opentelemetry::global::set_meter_provider(meters.clone());
    Telemetry { _meters: meters }
}
