//! Latencies as they come in.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

/// Three significant digits from a microsecond to ten minutes; what takes longer counts as ten minutes.
pub(crate) fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "constant bounds")]
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("bounds that a histogram takes")
}

/// One second of the schedule.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    /// Of the payments that were meant to start in it: seen to end, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// Payments that were meant to start in it.
    pub(crate) intended: u64,
    /// Payments that ended in it, whenever they were meant to start.
    pub(crate) ended: u64,
}

/// What is measured of the payments whose intended start is behind the warm-up.
#[derive(Debug)]
pub(crate) struct Recorder {
    warm_up: Duration,
    pub(crate) ended: Histogram<u64>,
    /// Until the read model shows it.
    pub(crate) visible: Histogram<u64>,
    /// Until the gateway had the payment in the log.
    pub(crate) acknowledged: Histogram<u64>,
    /// By second of the schedule, the warm-up included.
    pub(crate) seconds: BTreeMap<u64, Second>,
}

impl Recorder {
    pub(crate) fn new(warm_up: Duration) -> Self {
        Self {
            warm_up,
            ended: histogram(),
            visible: histogram(),
            acknowledged: histogram(),
            seconds: BTreeMap::new(),
        }
    }

    pub(crate) fn intended(&mut self, at: Duration) {
        self.second(at).intended += 1;
    }

    /// A payment that was meant to start at `intended` ended at `now`, both since the start.
    pub(crate) fn ended(&mut self, intended: Duration, now: Duration) {
        let micros = micros(now.saturating_sub(intended));
        self.second(now).ended += 1;
        self.second(intended).latency.saturating_record(micros);
        if intended >= self.warm_up {
            self.ended.saturating_record(micros);
        }
    }

    pub(crate) fn visible(&mut self, intended: Duration, now: Duration) {
        if intended >= self.warm_up {
            self.visible
                .saturating_record(micros(now.saturating_sub(intended)));
        }
    }

    pub(crate) fn acknowledged(&mut self, intended: Duration, now: Duration) {
        if intended >= self.warm_up {
            self.acknowledged
                .saturating_record(micros(now.saturating_sub(intended)));
        }
    }

    fn second(&mut self, at: Duration) -> &mut Second {
        self.seconds.entry(at.as_secs()).or_insert_with(|| Second {
            latency: histogram(),
            intended: 0,
            ended: 0,
        })
    }
}

pub(crate) fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_counts_from_its_intended_start_and_not_before_the_warm_up() {
        let mut recorder = Recorder::new(Duration::from_secs(1));
        let ms = Duration::from_millis;
        recorder.ended(ms(900), ms(1_900));
        recorder.ended(ms(1_100), ms(1_350));
        recorder.ended(ms(1_200), ms(3_200));
        assert_eq!(recorder.ended.len(), 2);
        assert!(recorder.ended.equivalent(recorder.ended.max(), 2_000_000));
        assert_eq!(recorder.seconds[&0].latency.len(), 1);
        assert_eq!(recorder.seconds[&1].ended, 2);
        assert_eq!(recorder.seconds[&3].ended, 1);
    }
}
