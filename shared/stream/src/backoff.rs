//! Pauses after failures that may pass.

use std::time::Duration;

/// Shortest and longest pause.
const SHORTEST_MS: u64 = 20;
const LONGEST_MS: u64 = 2_000;

/// Counts failures in a row, and says how long to pause before the next try: twice as long after each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures_in_a_row: u32,
    pause: Option<Duration>,
}

impl Backoff {
    pub(crate) fn failed(&mut self) {
        self.failures_in_a_row += 1;
        let doubled = SHORTEST_MS << self.failures_in_a_row.min(10);
        self.pause = Some(Duration::from_millis(doubled.min(LONGEST_MS)));
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures_in_a_row = 0;
    }

    /// Nothing failed, but somebody else is waited for.
    pub(crate) fn wait(&mut self) {
        self.pause = Some(Duration::from_millis(SHORTEST_MS));
    }

    /// How long to pause now, once.
    pub(crate) fn take_pause(&mut self) -> Option<Duration> {
        self.pause.take()
    }
}
