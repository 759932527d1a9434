//! What a worker tells while it runs, through OpenTelemetry's meter `tributary.stream`. Nothing here reaches a decision.

use std::time::Duration;

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram, UpDownCounter},
};

use super::status::PHASES;
use crate::log::Ended;

/// How transactions end, as the metrics name it.
const OUTCOMES: [&str; 4] = ["committed", "aborted", "in-doubt", "fenced"];

/// Seconds. From a handler that only looks something up to one that stalls its partition.
const DURATIONS: [f64; 15] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 1.0,
];

pub(crate) struct Metrics {
    service: KeyValue,
    durations: Histogram<f64>,
    transactions: Counter<u64>,
    records: Counter<u64>,
    inputs: Counter<u64>,
    dead_letters: Counter<u64>,
    restored: Counter<u64>,
    snapshots: Counter<u64>,
    partitions: UpDownCounter<i64>,
    /// Partitions by phase, as told last: workers of one service add up.
    told: [i64; PHASES.len()],
}

impl Metrics {
    pub(crate) fn new(service: &'static str) -> Self {
        let meter = global::meter("tributary.stream");
        let metrics = Self {
            service: KeyValue::new("service", service),
            durations: meter
                .f64_histogram("tributary.stream.handler.duration")
                .with_unit("s")
                .with_description(
                    "how long the handler took for a record of the inbox: to read, decide, encode and fold",
                )
                .with_boundaries(DURATIONS.to_vec())
                .build(),
            transactions: meter
                .u64_counter("tributary.stream.transactions")
                .with_unit("{transaction}")
                .with_description("transactions that ended, by outcome")
                .build(),
            records: meter
                .u64_counter("tributary.stream.records")
                .with_unit("{record}")
                .with_description("records that were written in committed transactions")
                .build(),
            inputs: meter
                .u64_counter("tributary.stream.inputs")
                .with_unit("{record}")
                .with_description("records of the inbox that were handled in committed transactions")
                .build(),
            dead_letters: meter
                .u64_counter("tributary.stream.dead_letters")
                .with_unit("{record}")
                .with_description("records of the inbox that went to the dead letters")
                .build(),
            restored: meter
                .u64_counter("tributary.stream.restored")
                .with_unit("{event}")
                .with_description("events that restores read from the log")
                .build(),
            snapshots: meter
                .u64_counter("tributary.stream.snapshots_loaded")
                .with_unit("{snapshot}")
                .with_description("restores that looked for a snapshot, by outcome: used or none")
                .build(),
            partitions: meter
                .i64_up_down_counter("tributary.stream.partitions")
                .with_unit("{partition}")
                .with_description("partitions that workers hold, by phase")
                .build(),
            told: [0; PHASES.len()],
        };
        // Told as 0, so that what never happens can be seen not to happen.
        for outcome in OUTCOMES {
            metrics.transactions.add(0, &metrics.with("outcome", outcome));
        }
        for outcome in ["used", "none"] {
            metrics.snapshots.add(0, &metrics.with("outcome", outcome));
        }
        for counter in [
            &metrics.records,
            &metrics.inputs,
            &metrics.dead_letters,
            &metrics.restored,
        ] {
            counter.add(0, std::slice::from_ref(&metrics.service));
        }
        metrics
    }

    fn with(&self, name: &'static str, value: &'static str) -> [KeyValue; 2] {
        [self.service.clone(), KeyValue::new(name, value)]
    }

    pub(crate) fn ended(&self, ended: &Ended) {
        let outcome = match ended {
            Ended::Committed { .. } => OUTCOMES[0],
            Ended::Aborted(_) => OUTCOMES[1],
            Ended::InDoubt(_) => OUTCOMES[2],
            Ended::Fenced(_) => OUTCOMES[3],
        };
        self.transactions.add(1, &self.with("outcome", outcome));
    }

    /// A record was handled, whatever becomes of its transaction.
    pub(super) fn handled(&self, took: Duration) {
        self.durations
            .record(took.as_secs_f64(), std::slice::from_ref(&self.service));
    }

    pub(crate) fn committed(&self, records: usize, inputs: u64, dead_letters: u64) {
        let service = std::slice::from_ref(&self.service);
        self.records.add(records as u64, service);
        self.inputs.add(inputs, service);
        self.dead_letters.add(dead_letters, service);
    }

    pub(crate) fn restored(&self, events: usize) {
        self.restored
            .add(events as u64, std::slice::from_ref(&self.service));
    }

    pub(crate) fn snapshot_loaded(&self, used: bool) {
        let outcome = if used { "used" } else { "none" };
        self.snapshots.add(1, &self.with("outcome", outcome));
    }

    /// Tells how many partitions are in each of [`PHASES`].
    pub(crate) fn partitions(&mut self, now: [i64; PHASES.len()]) {
        for (index, (now, told)) in now.into_iter().zip(self.told).enumerate() {
            if now != told {
                self.partitions
                    .add(now - told, &self.with("phase", PHASES[index]));
            }
        }
        self.told = now;
    }
}

/// A worker that is gone holds nothing.
impl Drop for Metrics {
    fn drop(&mut self) {
        self.partitions([0; PHASES.len()]);
    }
}
