//! Transactions are what costs: a budget of them, and a linger that follows it.

use std::time::Duration;

/// A token bucket. While it holds tokens a batch is committed at once; empty, the worker gathers until the next one.
pub(super) struct Budget {
    per_second: i64,
    /// In thousandths of a transaction.
    tokens: i64,
    refilled_ms: i64,
}

/// Transactions that may come at once after a quiet time.
const BURST: i64 = 4;

impl Budget {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: i64::from(per_second.max(1)),
            tokens: BURST * 1000,
            refilled_ms: 0,
        }
    }

    /// A transaction has ended.
    pub(super) fn spend(&mut self, now_ms: i64) {
        self.tokens = (self.available(now_ms) - 1000).max(-1000);
        self.refilled_ms = now_ms;
    }

    /// How long to gather before the next one.
    pub(super) fn linger(&self, now_ms: i64) -> Duration {
        let missing = (1000 - self.available(now_ms)).max(0);
        Duration::from_millis((missing / self.per_second) as u64)
    }

    fn available(&self, now_ms: i64) -> i64 {
        let elapsed_ms = now_ms.saturating_sub(self.refilled_ms).clamp(0, 60_000);
        (self.tokens + elapsed_ms * self.per_second).min(BURST * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_worker_commits_at_once_and_a_busy_one_keeps_to_its_budget() {
        let mut budget = Budget::new(40);
        assert_eq!(budget.linger(1_000), Duration::ZERO);
        let (mut now_ms, mut transactions) = (1_000, 0);
        while now_ms < 3_000 {
            now_ms += budget.linger(now_ms).as_millis() as i64 + 1;
            budget.spend(now_ms);
            transactions += 1;
        }
        assert!((76..=88).contains(&transactions), "{transactions} in two seconds");
        assert_eq!(budget.linger(now_ms + 500), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let mut budget = Budget::new(40);
        budget.spend(5_000);
        budget.spend(1_000);
        assert!(budget.linger(900) <= Duration::from_millis(50));
    }
}
