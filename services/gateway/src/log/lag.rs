//! How far the services are behind the commands that this gateway has sent them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Of one inbox, by partition: the newest record that is known to stand in it, and the newest that is answered.
#[derive(Default)]
pub(crate) struct Lag(Mutex<BTreeMap<i32, Ends>>);

#[derive(Clone, Copy)]
struct Ends {
    delivered: i64,
    answered: i64,
}

impl Default for Ends {
    fn default() -> Self {
        Self {
            delivered: -1,
            answered: -1,
        }
    }
}

impl Lag {
    /// A record was delivered at this offset of the inbox.
    pub(crate) fn delivered(&self, partition: i32, offset: i64) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = ends.entry(partition).or_default();
        ends.delivered = ends.delivered.max(offset);
    }

    /// An event answers the record at this offset of the inbox, and with it all before it.
    pub(crate) fn answered(&self, partition: i32, offset: i64) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = ends.entry(partition).or_default();
        ends.answered = ends.answered.max(offset);
    }

    /// Records of the partition's inbox that stand before the last delivered one, itself included, and are not answered.
    pub(crate) fn of(&self, partition: i32) -> i64 {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(&partition)
            .map_or(0, |ends| (ends.delivered - ends.answered).max(0))
    }

    /// Whether the record at this offset of the inbox is answered.
    pub(crate) fn is_answered(&self, partition: i32, offset: i64) -> bool {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(&partition).is_some_and(|ends| ends.answered >= offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_what_was_delivered_and_not_answered() {
        let lag = Lag::default();
        assert_eq!(lag.of(0), 0);
        lag.delivered(0, 9);
        assert_eq!(lag.of(0), 10, "nothing was ever answered");
        lag.answered(0, 4);
        lag.answered(0, 2);
        assert_eq!(lag.of(0), 5);
        assert!(lag.is_answered(0, 4));
        assert!(!lag.is_answered(0, 5));
        lag.answered(0, 12);
        assert_eq!(lag.of(0), 0, "others send, too");
        assert_eq!(lag.of(1), 0);
    }
}
