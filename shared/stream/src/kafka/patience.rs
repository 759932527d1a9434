//! How long a worker's transactions may stay open.

use std::time::Duration;

use super::settings::{TRANSACTION_TIMEOUT, TRANSACTION_TIMEOUT_MAX};

/// How many times what the slowest transaction took the next producer's may take.
const TIMES_THE_SLOWEST: u32 = 3;

/// Sets a producer's `transaction.timeout.ms`, which it can't change later. As short as it can be, since everybody whose
/// inbox a dead worker wrote into waits for it; longer for the next producer where the broker is slow, or a batch that
/// takes longer than it may would be broken off again and again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    /// What the slowest transaction took, broken off ones included; half as much with every producer since.
    slowest: Duration,
}

impl Patience {
    /// Takes note of a transaction, however it ended.
    pub(super) fn took(&mut self, time: Duration) {
        self.slowest = self.slowest.max(time);
    }

    /// For the next producer.
    pub(super) fn timeout(&mut self) -> Duration {
        let timeout = (self.slowest * TIMES_THE_SLOWEST).clamp(TRANSACTION_TIMEOUT, TRANSACTION_TIMEOUT_MAX);
        self.slowest /= 2;
        timeout
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
}
