use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use tributary_fraud_domain::FeatureVector;

/// What became of the labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// Frauds that were decided on.
    pub sent: u64,
    pub taken: u64,
    /// By code.
    pub refused: BTreeMap<String, u64>,
}

impl Labels {
    pub(crate) fn answered(&self) -> u64 {
        self.taken + self.refused.values().sum::<u64>()
    }
}

/// What became of the transactions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    pub transactions: u64,
    /// By what was decided.
    pub decisions: BTreeMap<&'static str, u64>,
    /// By code, whichever hop refused.
    pub refused: BTreeMap<String, u64>,
    /// Answered as repetitions: the services had counted these payments before.
    pub repeated: u64,
    /// Neither decided nor refused.
    pub lost: u64,
    /// Decided more than once.
    pub doubled: u64,
    /// Decided as another payment than the one that was sent.
    pub strayed: u64,
    /// Records that the broker did not take.
    pub undelivered: u64,
    pub labels: Labels,
    /// From the first record sent to the last decision read.
    pub seconds: f64,
    /// Decisions a second from the first batch of them that was read to the last.
    pub decisions_per_second: f64,
    /// What the decisions were made by, in the order of the transactions.
    #[serde(skip)]
    pub features: Vec<Option<FeatureVector>>,
}

impl Seen {
    pub fn decided(&self) -> u64 {
        self.decisions.values().sum()
    }

    /// Whether each transaction was decided exactly once, and each label taken.
    pub fn is_whole(&self) -> bool {
        self.decided() == self.transactions
            && self.doubled + self.strayed + self.repeated == 0
            && self.labels.taken == self.labels.sent
    }
}

/// When decisions came.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Of the first batch: since the start, and how many.
    first: Option<(Duration, u64)>,
    last: Duration,
}

impl Pace {
    pub(crate) fn came(&mut self, at: Duration, count: u64) {
        if count > 0 {
            self.first.get_or_insert((at, count));
            self.last = at;
        }
    }

    pub(crate) fn tell(&self, seen: &mut Seen) {
        seen.seconds = self.last.as_secs_f64();
        if let Some((first, count)) = self.first {
            let passed = self.last.saturating_sub(first).as_secs_f64();
            let counted = seen.decided().saturating_sub(count);
            seen.decisions_per_second = if passed > 0.0 {
                counted as f64 / passed
            } else {
                0.0
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_with_the_first_batch_took_no_measured_time() {
        let mut seen = Seen::default();
        seen.decisions.insert("approve", 350);
        let mut pace = Pace::default();
        pace.came(Duration::from_secs(1), 0);
        pace.came(Duration::from_secs(5), 50);
        pace.came(Duration::from_secs(7), 300);
        pace.tell(&mut seen);
        assert_eq!((seen.seconds, seen.decisions_per_second), (7.0, 150.0));
    }

    #[test]
    fn whole_is_what_lost_doubled_and_refused_nothing() {
        let whole = || {
            let mut seen = Seen {
                transactions: 2,
                ..Seen::default()
            };
            seen.decisions.insert("approve", 2);
            (seen.labels.sent, seen.labels.taken) = (1, 1);
            seen
        };
        assert!(whole().is_whole());
        for spoil in [
            |seen: &mut Seen| seen.doubled = 1,
            |seen: &mut Seen| seen.strayed = 1,
            |seen: &mut Seen| seen.repeated = 1,
            |seen: &mut Seen| seen.labels.taken = 0,
            |seen: &mut Seen| seen.decisions.clear(),
        ] {
            let mut seen = whole();
            spoil(&mut seen);
            assert!(!seen.is_whole(), "{seen:?}");
        }
    }
}
