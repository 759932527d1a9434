//! What has ended is remembered for a while.

use std::collections::VecDeque;

use hashbrown::HashMap;

/// Milliseconds of record time for which something is remembered after its end: as long as an inbox keeps a late message that
/// could touch it again.
const REMEMBERED_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// What has ended and isn't forgotten yet.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    /// With the record time of its end, by the partition that ended it, so that each queue is in order.
    ended: HashMap<i32, VecDeque<(i64, T)>>,
    has_forgotten: bool,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self {
            ended: HashMap::default(),
            has_forgotten: false,
        }
    }
}

impl<T> Remembered<T> {
    pub(crate) fn has_ended(&mut self, partition: i32, time: i64, what: T) {
        self.ended.entry(partition).or_default().push_back((time, what));
    }

    /// The next one of a partition that is to be forgotten at this record time.
    pub(crate) fn forget(&mut self, partition: i32, time: i64) -> Option<T> {
        let ended = self.ended.get_mut(&partition)?;
        let is_due = |(at, _): &&(i64, T)| at.saturating_add(REMEMBERED_MS) < time;
        ended.front().filter(is_due)?;
        self.has_forgotten = true;
        ended.pop_front().map(|(_, what)| what)
    }

    /// Whether what isn't known may have been.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_is_forgotten_by_its_own_partitions_time() {
        let mut ended = Remembered::default();
        ended.has_ended(0, 10, "first");
        ended.has_ended(0, 20, "second");
        ended.has_ended(1, 10, "other");
        assert_eq!(ended.forget(0, 10 + REMEMBERED_MS), None);
        assert!(!ended.has_forgotten());
        assert_eq!(ended.forget(0, 11 + REMEMBERED_MS), Some("first"));
        assert_eq!(ended.forget(0, 11 + REMEMBERED_MS), None);
        assert!(ended.has_forgotten());
        assert_eq!(ended.forget(1, 11 + REMEMBERED_MS), Some("other"));
    }
}
