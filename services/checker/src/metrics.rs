//! What the checker tells while it runs, through OpenTelemetry's meter `tributary.checker`.

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Gauge},
};

use crate::{
    alarm::{AlarmKind, Alarms},
    bank::BankCheck,
    violation::Invariant,
};

/// Counters of the fold, told as they grow.
pub(crate) struct Metrics {
    events: Counter<u64>,
    violations: Counter<u64>,
    lag: Gauge<u64>,
    alarms: Gauge<u64>,
    events_told: u64,
    violations_told: [u64; Invariant::ALL.len()],
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let meter = global::meter("tributary.checker");
        let alarms = meter
            .u64_gauge("tributary.checker.alarms")
            .with_unit("{alarm}")
            .with_description(
                "payments and standing orders that a person must look after now, by what is the matter",
            )
            .build();
        let metrics = Self {
            alarms,
            events: meter
                .u64_counter("tributary.checker.events")
                .with_unit("{event}")
                .with_description("events of all services that were checked")
                .build(),
            violations: meter
                .u64_counter("tributary.checker.violations")
                .with_unit("{violation}")
                .with_description("violations of the bank's invariants, by invariant")
                .build(),
            lag: meter
                .u64_gauge("tributary.checker.lag")
                .with_unit("{offset}")
                .with_description(
                    "offsets of the ledger's events that stood in the log and were not yet checked",
                )
                .build(),
            events_told: 0,
            violations_told: [0; Invariant::ALL.len()],
        };
        metrics.tell_alarms(&Alarms::default());
        metrics
    }

    /// Tells what was added since the last time. An invariant that holds is told as 0, so that it can be seen to hold.
    pub(crate) fn tell(&mut self, check: &BankCheck) {
        self.events.add(check.events() - self.events_told, &[]);
        self.events_told = check.events();
        for (told, invariant) in self.violations_told.iter_mut().zip(Invariant::ALL) {
            let violated = check.findings().violated(invariant);
            let label = KeyValue::new("invariant", i64::from(invariant.number()));
            self.violations.add(violated - *told, &[label]);
            *told = violated;
        }
    }

    pub(crate) fn tell_alarms(&self, alarms: &Alarms) {
        for kind in AlarmKind::ALL {
            self.alarms
                .record(alarms.count(kind), &[KeyValue::new("alarm", kind.code())]);
        }
    }

    pub(crate) fn tell_lag(&self, lag: u64) {
        self.lag.record(lag, &[]);
    }
}
