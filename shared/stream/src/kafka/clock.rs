//! How long to go on waiting, and how long something took: the only place of this module that looks at a clock.

use std::time::{Duration, Instant};

/// A moment up to which something is awaited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long to wait for a broker; no decision depends on it"
    )]
    pub(super) fn after(wait: Duration) -> Self {
        Self(Instant::now() + wait)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "how long to wait for a broker; no decision depends on it"
    )]
    pub(super) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(super) fn passed(self) -> bool {
        self.remaining().is_zero()
    }
}

/// Does it, and says how long that took.
#[expect(
    clippy::disallowed_methods,
    reason = "how slow the broker is; no decision depends on it"
)]
pub(super) fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let done = act();
    (done, started.elapsed())
}
