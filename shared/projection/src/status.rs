use opentelemetry::{KeyValue, global, metrics::Counter};
use tokio::sync::watch;

use crate::Offsets;

/// What a projection does at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Starting,
    /// An older version of the model serves while this one is built.
    Rebuilding,
    Running,
    /// Something is away; it is tried again and again.
    Waiting {
        cause: String,
        /// Tries since the last progress.
        attempts: u32,
    },
}

/// How far a projection is. What it says of offsets is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub state: State,
    /// Offsets as last seen stored, whoever stored them.
    pub offsets: Offsets,
    /// Events applied by this instance since it started.
    pub events: u64,
    /// Whether nothing committed stood after `offsets` when the log was last looked at: drained.
    pub at_end: bool,
}

impl Status {
    /// Whether everything before these offsets is in what readers see.
    pub fn has_reached(&self, offsets: &Offsets) -> bool {
        self.state != State::Rebuilding
            && offsets
                .iter()
                .all(|(partition, offset)| self.offsets.get(partition).is_some_and(|stored| stored >= offset))
    }
}

/// Tells status and metrics.
pub(crate) struct Reporter {
    status: watch::Sender<Status>,
    labels: [KeyValue; 1],
    events: Counter<u64>,
    transactions: Counter<u64>,
    overtaken: Counter<u64>,
    interruptions: Counter<u64>,
}

impl Reporter {
    pub(crate) fn new(schema: &str) -> Self {
        let meter = global::meter("tributary.projection");
        let reporter = Self {
            status: watch::Sender::default(),
            labels: [KeyValue::new("schema", schema.to_owned())],
            events: meter
                .u64_counter("tributary.projection.events")
                .with_unit("{event}")
                .with_description("events that were applied to the read model")
                .build(),
            transactions: meter
                .u64_counter("tributary.projection.transactions")
                .with_unit("{transaction}")
                .with_description("SQL transactions that applied them")
                .build(),
            overtaken: meter
                .u64_counter("tributary.projection.overtaken")
                .with_unit("{transaction}")
                .with_description(
                    "SQL transactions that were rolled back since another instance had applied the events",
                )
                .build(),
            interruptions: meter
                .u64_counter("tributary.projection.interruptions")
                .with_unit("{interruption}")
                .with_description("times that the log or the database was away, each try counted")
                .build(),
        };
        // Told as 0, so that what never happens can be seen not to happen.
        for counter in [
            &reporter.events,
            &reporter.transactions,
            &reporter.overtaken,
            &reporter.interruptions,
        ] {
            counter.add(0, &reporter.labels);
        }
        reporter
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(crate) fn applied(&self, offsets: &Offsets, events: u64, at_end: bool) {
        self.events.add(events, &self.labels);
        self.transactions.add(1, &self.labels);
        self.at(offsets, events, at_end);
    }

    /// The offsets are stored, and stand at the log's end or not.
    pub(crate) fn at(&self, offsets: &Offsets, events: u64, at_end: bool) {
        self.status.send_modify(|status| {
            status.offsets.clone_from(offsets);
            status.events += events;
            status.at_end = at_end;
        });
    }

    pub(crate) fn overtaken(&self) {
        self.overtaken.add(1, &self.labels);
    }

    pub(crate) fn running(&self) {
        self.status.send_modify(|status| status.state = State::Running);
    }

    pub(crate) fn rebuilding(&self) {
        self.status.send_modify(|status| status.state = State::Rebuilding);
    }

    pub(crate) fn waiting(&self, cause: String, attempts: u32) {
        self.interruptions.add(1, &self.labels);
        self.status
            .send_modify(|status| status.state = State::Waiting { cause, attempts });
    }
}
