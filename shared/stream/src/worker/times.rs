//! How long records take inside a worker.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Two significant digits: a hundredth is more than one run differs from the next by.
const DIGITS: u8 = 2;

/// Times of one worker's records since it started, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Times {
    handled: Histogram<u64>,
    committed: Histogram<u64>,
}

/// What is told of times, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    pub records: u64,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Default for Times {
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "a constant number of digits, which a histogram takes"
        )]
        let empty = Histogram::new(DIGITS).expect("two digits are taken");
        Self {
            handled: empty.clone(),
            committed: empty,
        }
    }
}

impl Times {
    /// A record was handled: read, decided, its output encoded and folded.
    pub(super) fn handled(&mut self, took: Duration) {
        // It grows with its values, where `saturating_record` would keep to its first size.
        let _fits = self.handled.record(nanos(took));
    }

    /// So many records were polled together, and their transaction has committed.
    pub(super) fn committed(&mut self, polled: Instant, ended: Instant, records: u64) {
        let took = ended.saturating_duration_since(polled);
        let _fits = self.committed.record_n(nanos(took), records);
    }

    /// Takes in another worker's.
    pub fn add(&mut self, other: &Self) {
        for (to, from) in [
            (&mut self.handled, &other.handled),
            (&mut self.committed, &other.committed),
        ] {
            // Both resize themselves, so any value fits.
            let _fits = to.add(from);
        }
    }

    /// The handler's time for each record: to read, decide, encode and fold. No queue and no commit is in it.
    pub fn in_handler(&self) -> Quantiles {
        Quantiles::of(&self.handled)
    }

    /// From the poll that brought a record to the end of the transaction that answers it.
    pub fn poll_to_commit(&self) -> Quantiles {
        Quantiles::of(&self.committed)
    }
}

impl Quantiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let micros = |nanos: u64| nanos as f64 / 1_000.0;
        let at = |quantile| micros(histogram.value_at_quantile(quantile));
        Self {
            records: histogram.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: micros(histogram.max()),
        }
    }
}

fn nanos(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1)
}

/// The worker's one look at a steady clock: nothing of it reaches a decision or an action.
#[expect(
    clippy::disallowed_methods,
    reason = "how long records take is told to people, and decides nothing"
)]
pub(super) fn moment() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_several_workers_are_told_together() {
        let began = moment();
        let [mut one, mut other] = [Times::default(), Times::default()];
        for micros in 1..=98 {
            one.handled(Duration::from_micros(micros));
        }
        other.handled(Duration::from_micros(5_000));
        other.handled(Duration::from_secs(90));
        other.committed(began, began + Duration::from_micros(7_000), 3);
        one.add(&other);
        let told = one.in_handler();
        assert_eq!(told.records, 100);
        let near = |told: f64, expected: f64| (told / expected - 1.0).abs() < 0.02;
        assert!(
            near(told.p50, 50.0) && near(told.p99, 5_000.0) && near(told.max, 90_000_000.0),
            "{told:?}"
        );
        assert_eq!(one.poll_to_commit().records, 3);
        assert!(near(one.poll_to_commit().p999, 7_000.0));
    }
}
