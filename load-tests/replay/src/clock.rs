//! The replay's one look at the clock: pace, patience and what is shown to people.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment of this process.
#[derive(Clone, Copy, Debug)]
pub struct Moment(Instant);

/// Milliseconds since the epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge that knows which days are over"
)]
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Moment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge that paces a replay and says how long it took"
    )]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
