//! How long a worker's transactions may stay open.

use std::time::Duration;

use super::settings::{TRANSACTION_TIMEOUT, TRANSACTION_TIMEOUT_MAX};

/// How many times what the slowest transaction took the next producer's may take.
const TIMES_THE_SLOWEST: u32 = 3;

/// After how many transactions in a row that were fast the broker counts as fast again. A few seconds of work: a broker that
/// is slow now and then is left its time.
const FAST_AGAIN: u32 = 100;

/// Sets a producer's `transaction.timeout.ms`, which it can't change later. As short as it can be, since everybody whose
/// inbox a dead worker wrote into waits for it; longer for the next producer where the broker is slow, or a batch that
/// takes longer than it may would be broken off again and again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    /// What the slowest transaction took, broken off ones included; half as much with every producer since.
    slowest: Duration,
    /// How many transactions in a row have been fast.
    fast: u32,
    /// What the producer at work was given.
    given: Duration,
}

impl Patience {
    /// Takes note of a transaction, however it ended.
    pub(super) fn took(&mut self, time: Duration) {
        self.slowest = self.slowest.max(time);
        self.fast = if time * TIMES_THE_SLOWEST <= TRANSACTION_TIMEOUT {
            self.fast.saturating_add(1)
        } else {
            0
        };
    }

    /// For the next producer.
    pub(super) fn timeout(&mut self) -> Duration {
        if self.fast >= FAST_AGAIN {
            self.slowest = Duration::ZERO;
        }
        self.given = (self.slowest * TIMES_THE_SLOWEST).clamp(TRANSACTION_TIMEOUT, TRANSACTION_TIMEOUT_MAX);
        self.slowest /= 2;
        self.given
    }

    /// Whether the producer at work was made for a broker that was slow and no longer is: if its worker dies, everybody
    /// waits longer than need be.
    pub(super) fn is_too_long(&self) -> bool {
        self.given > TRANSACTION_TIMEOUT && self.fast >= FAST_AGAIN
    }

    /// What the producer at work was given.
    pub(super) fn given(&self) -> Duration {
        self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_broker_is_slow_transactions_may_take_longer_until_it_is_fast_again() {
        let mut patience = Patience::default();
        assert_eq!(patience.timeout(), TRANSACTION_TIMEOUT);
        patience.took(TRANSACTION_TIMEOUT / 10);
        assert_eq!(patience.timeout(), TRANSACTION_TIMEOUT);

        // One is broken off
        patience.took(TRANSACTION_TIMEOUT);
        assert_eq!(patience.timeout(), TRANSACTION_TIMEOUT * 3);
        patience.took(TRANSACTION_TIMEOUT * 3);
        assert_eq!(patience.timeout(), TRANSACTION_TIMEOUT_MAX);

        let later = std::iter::repeat_with(|| patience.timeout()).take(5).last();
        assert_eq!(later, Some(TRANSACTION_TIMEOUT));
    }

    #[test]
    fn it_is_too_long_once_the_broker_has_been_fast_for_a_while() {
        let mut patience = Patience::default();
        assert_eq!(patience.timeout(), TRANSACTION_TIMEOUT);
        fast(&mut patience, FAST_AGAIN);
        assert!(!patience.is_too_long(), "it is as short as can be");

        patience.took(TRANSACTION_TIMEOUT);
        assert_eq!(patience.timeout(), TRANSACTION_TIMEOUT * 3);
        fast(&mut patience, FAST_AGAIN - 1);
        assert!(!patience.is_too_long());
        // Slow once more
        patience.took(TRANSACTION_TIMEOUT / 2);
        fast(&mut patience, FAST_AGAIN - 1);
        assert!(!patience.is_too_long());
        fast(&mut patience, 1);
        assert!(patience.is_too_long());

        assert_eq!(patience.timeout(), TRANSACTION_TIMEOUT);
        assert!(!patience.is_too_long());
    }

    fn fast(patience: &mut Patience, transactions: u32) {
        for _ in 0..transactions {
            patience.took(Duration::from_millis(10));
        }
    }
}
