//! The edge that looks at a clock: a load test measures how long things take; no decision depends on it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When a load began, by both clocks: latencies are told by the steady one, the log's times by the wall's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    steady: Instant,
    wall: Duration,
}

impl Start {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge that paces a load and measures it"
    )]
    pub(crate) fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: wall(),
        }
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.steady.elapsed()
    }

    /// Milliseconds since the epoch at a moment after the start.
    pub(crate) fn wall_ms(self, at: Duration) -> f64 {
        (self.wall + at).as_secs_f64() * 1_000.0
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client says until when its command is worth something"
)]
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Milliseconds since the epoch.
pub(crate) fn wall_ms() -> i64 {
    i64::try_from(wall().as_millis()).unwrap_or(i64::MAX)
}
