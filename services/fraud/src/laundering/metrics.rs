//! What the laundering service tells, through OpenTelemetry's meter `tributary.laundering`. Nothing here reaches a decision.

use std::sync::LazyLock;

use opentelemetry::{KeyValue, global, metrics::Counter};
use tributary_contracts::laundering::LaunderingEvent;
use tributary_fraud_laundering::Rule;
use tributary_stream::service::Told;

/// What became of one side of a transfer.
const OUTCOMES: [&str; 3] = ["noted", "left-out", "repeated"];

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

struct Metrics {
    alerts: Counter<u64>,
    transfers: Counter<u64>,
    probes: Counter<u64>,
}

impl Metrics {
    fn new() -> Self {
        let meter = global::meter("tributary.laundering");
        let metrics = Self {
            alerts: meter
                .u64_counter("tributary.laundering.alerts")
                .with_unit("{alert}")
                .with_description("alerts that were raised, by rule")
                .build(),
            transfers: meter
                .u64_counter("tributary.laundering.transfers")
                .with_unit("{side}")
                .with_description("sides of transfers that the ledger told of, by what became of them")
                .build(),
            probes: meter
                .u64_counter("tributary.laundering.probes")
                .with_unit("{probe}")
                .with_description("searches for cycles that came to an account")
                .build(),
        };
        // Told as 0, so that what never happens can be seen not to happen.
        for rule in Rule::ALL {
            metrics.alerts.add(0, &[KeyValue::new("rule", rule.name())]);
        }
        for outcome in OUTCOMES {
            metrics.transfers.add(0, &[KeyValue::new("outcome", outcome)]);
        }
        metrics.probes.add(0, &[]);
        metrics
    }
}

/// Makes them known.
pub(super) fn announce() {
    LazyLock::force(&METRICS);
}

pub(super) fn told(event: &LaunderingEvent) -> Option<Told> {
    let transfer = |outcome: &'static str| -> Option<Told> {
        Some(Box::new(move || {
            METRICS.transfers.add(1, &[KeyValue::new("outcome", outcome)]);
        }))
    };
    match event {
        LaunderingEvent::TransferObserved(observed) => transfer(OUTCOMES[usize::from(observed.left_out)]),
        LaunderingEvent::TransferRepeated(_) => transfer(OUTCOMES[2]),
        LaunderingEvent::ProbeFollowed(_) => Some(Box::new(|| METRICS.probes.add(1, &[]))),
        LaunderingEvent::AlertRaised(raised) => {
            let rule = Rule::ALL.into_iter().find(|rule| rule.name() == raised.rule)?;
            Some(Box::new(move || {
                METRICS.alerts.add(1, &[KeyValue::new("rule", rule.name())]);
            }))
        }
        LaunderingEvent::CycleKnown(_) => None,
    }
}
