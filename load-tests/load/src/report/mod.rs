//! What a load showed.

pub mod html;
pub mod text;

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::{Cost, Floor, HopSeen, Load, outcomes::Seen, recorder::Second, watch::Sample};

/// What was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Configuration {
    /// Payments a second.
    pub rate: f64,
    pub warm_up_seconds: f64,
    pub measured_seconds: f64,
    pub accounts: u32,
    pub partitions: i32,
    /// Whether payments were asked for through the gateway, and not sent straight to the topic.
    pub through_http: bool,
    pub seed: u64,
}

impl Configuration {
    pub(crate) fn of(load: &Load, partitions: i32, through_http: bool) -> Self {
        Self {
            rate: load.rate,
            warm_up_seconds: load.warm_up.as_secs_f64(),
            measured_seconds: load.measured.as_secs_f64(),
            accounts: load.population.accounts(),
            partitions,
            through_http,
            seed: load.seed,
        }
    }
}

/// Milliseconds from the intended start.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    pub mean: f64,
}

impl Latency {
    /// None of an empty one. It counts in microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        (!histogram.is_empty()).then(|| Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1_000.0,
            mean: histogram.mean() / 1_000.0,
        })
    }
}

/// One second of the schedule.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SecondSeen {
    pub second: u64,
    /// Payments that were meant to start in it.
    pub intended: u64,
    /// Payments that ended in it.
    pub ended: u64,
    /// Of those that were meant to start in it and ended.
    pub latency: Option<Latency>,
}

impl SecondSeen {
    fn of(second: u64, seen: &Second) -> Self {
        Self {
            second,
            intended: seen.intended,
            ended: seen.ended,
            latency: Latency::of(&seen.latency),
        }
    }
}

/// What one process took while the load was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ProcessSeen {
    pub cpu_seconds: f64,
    /// Milliseconds of processor time for each payment that ended.
    pub cpu_ms_per_payment: f64,
    /// Most resident memory.
    pub memory_bytes_max: u64,
}

/// What was looked up once a load was over.
pub(crate) struct Found {
    pub(crate) undelivered: u64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) hops: Vec<HopSeen>,
    pub(crate) cost: Option<Cost>,
}

/// Everything that a load showed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub configuration: Configuration,
    /// Payments a second that ended in the measured seconds.
    pub ended_per_second: f64,
    /// Until the payment's end was read from the log.
    pub latency: Option<Latency>,
    /// Until the payments' read model showed it, ten milliseconds more at most.
    pub visible: Option<Latency>,
    /// Until the gateway had it in the log, of payments through the gateway.
    pub acknowledged: Option<Latency>,
    /// Where the time goes, of a sample of the completed payments.
    pub hops: Vec<HopSeen>,
    /// Of all payments, those of the warm-up included.
    pub cost: Option<Cost>,
    /// A bare chain of as many hops at the same rate on the same broker, if it was asked for.
    pub floor: Option<Floor>,
    /// All payments, those of the warm-up included, by how they ended.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Sent, and not ended when the report was made.
    pub unfinished: u64,
    /// Records that the log did not take, and requests that the gateway turned away.
    pub undelivered: u64,
    pub seconds: Vec<SecondSeen>,
    pub processes: BTreeMap<String, ProcessSeen>,
    pub samples: Vec<Sample>,
    /// Quantile and milliseconds, for a plot.
    #[serde(skip)]
    pub(crate) quantiles: Vec<(f64, f64)>,
}

impl Report {
    pub(crate) fn new(configuration: Configuration, seen: Seen, found: Found) -> Self {
        let (recorder, samples) = (seen.recorder, found.samples);
        let seconds: Vec<_> = recorder
            .seconds
            .iter()
            .map(|(&second, seen)| SecondSeen::of(second, seen))
            .collect();
        let measured = measured(&configuration);
        let ended: u64 = seconds
            .iter()
            .filter(|seen| measured.contains(&(seen.second as f64)))
            .map(|seen| seen.ended)
            .sum();
        let quantiles = recorder
            .ended
            .iter_quantiles(2)
            .map(|step| (step.quantile(), step.value_iterated_to() as f64 / 1_000.0))
            .collect();
        Self {
            ended_per_second: ended as f64 / configuration.measured_seconds,
            latency: Latency::of(&recorder.ended),
            visible: Latency::of(&recorder.visible),
            acknowledged: Latency::of(&recorder.acknowledged),
            hops: found.hops,
            cost: found.cost,
            floor: None,
            outcomes: seen.counts,
            unfinished: seen.unfinished,
            undelivered: found.undelivered,
            processes: processes(&samples, &measured, ended),
            configuration,
            seconds,
            samples,
            quantiles,
        }
    }

    /// How many times as long as through the bare chain a payment takes: medians and 99th percentiles.
    pub fn times_the_floor(&self) -> Option<(f64, f64)> {
        let (bank, floor) = (self.latency?, self.floor.as_ref()?.latency?);
        Some((bank.p50 / floor.p50, bank.p99 / floor.p99))
    }

    /// Whether the bank kept up: what was sent ended, as fast as it was sent, and not too late.
    pub fn kept_up(&self, p99_max: Duration) -> bool {
        let in_time = |latency: &Latency| latency.p99 <= p99_max.as_secs_f64() * 1_000.0;
        self.unfinished == 0
            && self.undelivered == 0
            && self.ended_per_second >= 0.95 * self.configuration.rate
            && self.latency.as_ref().is_some_and(in_time)
    }
}

fn measured(configuration: &Configuration) -> std::ops::Range<f64> {
    let from = configuration.warm_up_seconds;
    from..from + configuration.measured_seconds
}

fn processes(
    samples: &[Sample],
    measured: &std::ops::Range<f64>,
    ended: u64,
) -> BTreeMap<String, ProcessSeen> {
    let within: Vec<_> = samples
        .iter()
        .filter(|sample| measured.start <= sample.seconds && sample.seconds <= measured.end + 0.5)
        .collect();
    let (Some(first), Some(last)) = (within.first(), within.last()) else {
        return BTreeMap::new();
    };
    let seen = |(name, at_end): (&String, &crate::watch::Usage)| {
        let at_start = first.processes.get(name).map_or(0.0, |usage| usage.cpu_seconds);
        let cpu_seconds = at_end.cpu_seconds - at_start;
        let memory = within.iter().filter_map(|sample| sample.processes.get(name));
        let seen = ProcessSeen {
            cpu_seconds,
            cpu_ms_per_payment: cpu_seconds * 1_000.0 / (ended.max(1) as f64),
            memory_bytes_max: memory.map(|usage| usage.memory_bytes).max().unwrap_or(0),
        };
        (name.clone(), seen)
    };
    last.processes.iter().map(seen).collect()
}
