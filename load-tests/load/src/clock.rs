//! The edge that looks at a clock: a load test measures how long things take; no decision depends on it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Start(Instant);

impl Start {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge that paces a load and measures it"
    )]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Milliseconds since the epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "a client says until when its command is worth something"
)]
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
