//! What the gateway tells while it runs, through OpenTelemetry's meter `tributary.gateway`, in the names of its conventions.

use opentelemetry::metrics::{Histogram, UpDownCounter};
use opentelemetry::{KeyValue, global};

/// Bounds of the histogram in seconds, as the conventions for HTTP want them, and up to the longest wait.
const BOUNDS: [f64; 15] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0,
];

pub(crate) struct Metrics {
    active: UpDownCounter<i64>,
    duration: Histogram<f64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let meter = global::meter("tributary.gateway");
        Self {
            active: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Requests that are being answered")
                .build(),
            duration: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_description("Requests by route and status, and how long the answer took to begin")
                .with_boundaries(BOUNDS.to_vec())
                .build(),
        }
    }

    pub(crate) fn began(&self) {
        self.active.add(1, &[]);
    }

    pub(crate) fn ended(&self, method: &str, route: &str, status: u16, seconds: f64) {
        self.active.add(-1, &[]);
        self.duration.record(
            seconds,
            &[
                KeyValue::new("http.request.method", method.to_owned()),
                KeyValue::new("http.route", route.to_owned()),
                KeyValue::new("http.response.status_code", i64::from(status)),
            ],
        );
    }
}
