use std::time::Duration;

use tokio::time::sleep;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// Waits ever longer between tries, until one makes progress.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(crate) fn progressed(&mut self) {
        self.attempts = 0;
    }

    /// Counts a try that failed; returns how many did in a row.
    pub(crate) fn failed(&mut self) -> u32 {
        self.attempts = self.attempts.saturating_add(1);
        self.attempts
    }

    pub(crate) async fn wait(&self) {
        sleep(self.duration()).await;
    }

    fn duration(&self) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(16);
        FIRST.saturating_mul(1 << doublings).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_anew_after_progress() {
        let mut backoff = Backoff::default();
        let mut durations = Vec::new();
        for _ in 0..40 {
            backoff.failed();
            durations.push(backoff.duration());
        }
        assert_eq!(durations[..3], [FIRST, FIRST * 2, FIRST * 4]);
        assert_eq!(durations.last(), Some(&LONGEST));
        backoff.progressed();
        assert_eq!(backoff.failed(), 1);
        assert_eq!(backoff.duration(), FIRST);
    }
}
