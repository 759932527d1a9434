//! The replay's one look at the clock: pace, patience and what is shown to people.

use std::time::{Duration, Instant};

/// A moment of this process.
#[derive(Clone, Copy, Debug)]
pub struct Moment(Instant);

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
