//! What the fraud service tells of its decisions, through OpenTelemetry's meter `tributary.fraud`. Nothing here reaches a decision.

use std::sync::LazyLock;

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Gauge, Histogram},
};
use smallvec::SmallVec;
use tributary_contracts::fraud::{CHALLENGERS_MAX, Decision, PaymentDecided, VersionsUsed};
use tributary_stream::service::Told;

const DECISIONS: [&str; 3] = ["approve", "review", "decline"];

/// What a challenger would have done beside what was decided.
const BESIDE: [&str; 3] = ["same", "stricter", "laxer"];

/// Narrower where thresholds are.
const SCORES: [f64; 12] = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

struct Metrics {
    decisions: Counter<u64>,
    scores: Histogram<f64>,
    challenged: Counter<u64>,
    change: Gauge<u64>,
}

impl Metrics {
    fn new() -> Self {
        let meter = global::meter("tributary.fraud");
        let metrics = Self {
            decisions: meter
                .u64_counter("tributary.fraud.decisions")
                .with_unit("{decision}")
                .with_description("payments that were decided on, by decision")
                .build(),
            scores: meter
                .f64_histogram("tributary.fraud.score")
                .with_unit("1")
                .with_description("scores of payments that were decided on, by who scored")
                .with_boundaries(SCORES.to_vec())
                .build(),
            challenged: meter
                .u64_counter("tributary.fraud.challenged")
                .with_unit("{decision}")
                .with_description("what challengers would have decided, beside what was decided")
                .build(),
            change: meter
                .u64_gauge("tributary.fraud.change")
                .with_unit("{change}")
                .with_description("number of the register's change that a partition has adopted last")
                .build(),
        };
        // Told as 0, so that what never happens can be seen not to happen.
        for decision in DECISIONS {
            metrics.decisions.add(0, &[KeyValue::new("decision", decision)]);
        }
        for beside in BESIDE {
            metrics.challenged.add(0, &[KeyValue::new("beside", beside)]);
        }
        metrics
    }
}

/// Makes them known.
pub(crate) fn announce() {
    LazyLock::force(&METRICS);
}

pub(crate) fn decided(decided: &PaymentDecided) -> Told {
    let rank = |decision: Decision| match decision {
        Decision::Approve => 0,
        Decision::Review => 1,
        Decision::Decline => 2,
    };
    let decision = rank(decided.decision.decision);
    let score = decided.decision.score.map(|score| score.get());
    let beside = |would: usize| match would.cmp(&decision) {
        std::cmp::Ordering::Equal => BESIDE[0],
        std::cmp::Ordering::Greater => BESIDE[1],
        std::cmp::Ordering::Less => BESIDE[2],
    };
    let challenged: SmallVec<[(f64, &str); CHALLENGERS_MAX]> = decided
        .challenged
        .iter()
        .map(|one| (one.score.get(), beside(rank(one.decision))))
        .collect();
    Box::new(move || {
        let metrics = &*METRICS;
        metrics
            .decisions
            .add(1, &[KeyValue::new("decision", DECISIONS[decision])]);
        if let Some(score) = score {
            metrics.scores.record(score, &[KeyValue::new("role", "champion")]);
        }
        for (score, beside) in challenged {
            metrics
                .scores
                .record(score, &[KeyValue::new("role", "challenger")]);
            metrics.challenged.add(1, &[KeyValue::new("beside", beside)]);
        }
    })
}

pub(crate) fn adopted(used: &VersionsUsed) -> Told {
    let (partition, number) = (i64::from(used.partition), used.number);
    Box::new(move || {
        METRICS
            .change
            .record(number, &[KeyValue::new("partition", partition)]);
    })
}
