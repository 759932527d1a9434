//! Transactions are what costs: how long a worker gathers input before the next one.

use std::time::Duration;

/// Shortest pause between two transactions: while the coordinator still writes the last one's markers, the next gets
/// `CONCURRENT_TRANSACTIONS`, for which librdkafka waits 20 ms (docs/librdkafka.md).
const PAUSE_MS: i64 = 2;

/// How much longer than a commit a worker gathers: it then commits for a third of its time at most.
const GATHER_FACTOR: i64 = 2;

/// A worker gathers for a while that follows what a commit takes: quick commits mean a machine with time to spare, where
/// waiting would only add to latency, slow ones a busy machine, where fewer and larger transactions get more done. It may
/// always do so many transactions a second, whatever they take. After a quiet time it commits at once.
pub(super) struct Budget {
    /// A transaction and the gathering before it needn't take longer than this.
    period_ms: i64,
    /// A moving average, in eighths of a millisecond: what the clock gives is whole milliseconds.
    commit_eighths: i64,
    ended_ms: i64,
}

impl Budget {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            period_ms: 1000 / i64::from(per_second.max(1)),
            commit_eighths: 0,
            ended_ms: i64::MIN,
        }
    }

    /// A transaction was handed to the log at `began_ms` and has ended.
    pub(super) fn spend(&mut self, began_ms: i64, now_ms: i64) {
        let took_ms = now_ms.saturating_sub(began_ms).clamp(0, 1000);
        // An eighth of the way to the new value.
        self.commit_eighths += took_ms - self.commit_eighths / 8;
        self.ended_ms = now_ms;
    }

    /// How long to gather from now on.
    pub(super) fn linger(&self, now_ms: i64) -> Duration {
        let commit_ms = self.commit_eighths / 8;
        let gather_ms = (commit_ms * GATHER_FACTOR)
            .min(self.period_ms - commit_ms)
            .max(PAUSE_MS.min(self.period_ms));
        let passed_ms = now_ms.saturating_sub(self.ended_ms).max(0);
        Duration::from_millis(gather_ms.saturating_sub(passed_ms).max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Transactions in two seconds whose input never ends, each of which takes so long.
    fn transactions(budget: &mut Budget, commit_ms: i64) -> i64 {
        let (mut now_ms, mut transactions) = (1_000, 0);
        while now_ms < 3_000 {
            now_ms += budget.linger(now_ms).as_millis() as i64;
            let began_ms = now_ms;
            now_ms += commit_ms;
            budget.spend(began_ms, now_ms);
            transactions += 1;
        }
        transactions
    }

    #[test]
    fn a_quiet_worker_commits_at_once() {
        let mut budget = Budget::new(40);
        assert_eq!(budget.linger(1_000), Duration::ZERO);
        let _busy = transactions(&mut budget, 8);
        assert!(budget.linger(3_010) > Duration::ZERO);
        assert_eq!(budget.linger(3_100), Duration::ZERO);
    }

    #[test]
    fn quick_commits_come_often_and_slow_ones_as_often_as_the_budget_allows() {
        // A third of the time: 4 ms of 12.
        let quick = transactions(&mut Budget::new(40), 4);
        assert!((150..=190).contains(&quick), "{quick}");
        // 15 ms of 25, not of 45.
        let slow = transactions(&mut Budget::new(40), 15);
        assert!((76..=88).contains(&slow), "{slow}");
        // Nothing but the pause is left.
        let slower = transactions(&mut Budget::new(40), 60);
        assert!((30..=34).contains(&slower), "{slower}");
    }

    #[test]
    fn without_a_bound_there_is_no_gathering() {
        assert_eq!(transactions(&mut Budget::new(u32::MAX), 1), 2_000);
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let mut budget = Budget::new(40);
        budget.spend(4_990, 5_000);
        budget.spend(1_000, 900);
        assert!(budget.linger(800) <= Duration::from_millis(25));
    }
}
