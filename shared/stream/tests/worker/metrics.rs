//! What worker and follower tell, read back through OpenTelemetry after a run whose every number is known.

use std::{collections::BTreeMap, sync::Arc};

use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, SdkMeterProvider,
    data::{AggregatedMetrics, MetricData},
};
use tributary_ids::CommandId;
use tributary_stream::{
    TestDriver,
    log::EventsRead,
    memory::{FaultPoint, InjectedFault, MemoryBroker, Script},
    service::{Names, Service},
    snapshot::{ObjectSnapshots, Shelf, SnapshotFollower, SnapshotStore},
};

use crate::{
    snapshots::{Build, Of},
    tally::{Add, Command, DEAD, EVENTS, INBOX, Stumble, Tally, record},
};

/// The tally under a name of its own: other tests of this process are told of as well.
struct Metered;
impl Build for Metered {
    const NAMES: Names = Names {
        service: "metered",
        ..Tally::NAMES
    };
}
type Metering = Of<Metered>;

const PARTITIONS: i32 = crate::tally::PARTITIONS;
const NOW: i64 = 1_000_000;

/// Sums of the service's metrics, and how often histograms were told, named `metric` or `metric/attribute value`.
fn told(provider: &SdkMeterProvider, exporter: &InMemoryMetricExporter) -> BTreeMap<String, i64> {
    provider.force_flush().unwrap();
    let finished = exporter.get_finished_metrics().unwrap();
    let mut told = BTreeMap::new();
    let scopes = finished.last().unwrap().scope_metrics();
    for metric in scopes.flat_map(|scope| scope.metrics()) {
        let mut tell = |attributes: Vec<(String, String)>, value: i64| {
            if !attributes.contains(&("service".to_owned(), "metered".to_owned())) {
                return;
            }
            let label = attributes.iter().find(|(name, _)| name != "service");
            let name = match label {
                Some((_, label)) => format!("{}/{label}", metric.name()),
                None => metric.name().to_owned(),
            };
            assert_eq!(told.insert(name, value), None);
        };
        let text = |label: &opentelemetry::KeyValue| (label.key.to_string(), label.value.to_string());
        match metric.data() {
            AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
                .data_points()
                .for_each(|point| tell(point.attributes().map(text).collect(), point.value() as i64)),
            AggregatedMetrics::I64(MetricData::Sum(sum)) => sum
                .data_points()
                .for_each(|point| tell(point.attributes().map(text).collect(), point.value())),
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                for point in histogram.data_points() {
                    assert!(point.sum() > 0.0 && point.sum() < 60.0, "seconds: {point:?}");
                    tell(point.attributes().map(text).collect(), point.count() as i64);
                }
            }
            other => panic!("{}: {other:?}", metric.name()),
        }
    }
    told
}

fn send(broker: &MemoryBroker, number: u32, command: Command) {
    let id = CommandId::named(&format!("metered/{number}"));
    broker.append(record(id, "ann", &command, None)).unwrap();
}

fn add() -> Command {
    Add {
        name: "ann".to_owned(),
        amount: 1,
    }
    .into()
}

fn stumble() -> Command {
    Stumble {
        name: "ann".to_owned(),
    }
    .into()
}

/// Puts a snapshot of every partition's events into the store.
fn follow(broker: &MemoryBroker, store: &dyn SnapshotStore) {
    let mut follower = SnapshotFollower::<Metering>::new(PARTITIONS, 1, store);
    for partition in 0..PARTITIONS {
        let records = broker.read_committed(EVENTS.name, partition).unwrap();
        let next = broker.end_offset(EVENTS.name, partition).unwrap();
        follower
            .absorb(partition, &EventsRead { records, next }, store)
            .unwrap();
    }
}

#[test]
fn what_is_told_is_what_happened() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    opentelemetry::global::set_meter_provider(provider.clone());

    let broker = MemoryBroker::new(&[INBOX, EVENTS, DEAD], PARTITIONS);
    broker.set_time(NOW);
    let store = Arc::new(ObjectSnapshots::in_memory());
    let mut driver = TestDriver::<Metering>::on(&broker, PARTITIONS, store.clone()).unwrap();
    driver.run().unwrap();
    let before = told(&provider, &exporter);
    assert_eq!(before["tributary.stream.transactions/committed"], 0);
    assert_eq!(before["tributary.stream.transactions/fenced"], 0);
    assert_eq!(before["tributary.stream.inputs"], 0);
    assert_eq!(
        before["tributary.stream.partitions/running"],
        i64::from(PARTITIONS)
    );
    assert_eq!(
        before["tributary.stream.snapshots_loaded/none"],
        i64::from(PARTITIONS)
    );

    // Three commands in one transaction, one of which goes to the dead letters: 3 events, 1 dead letter.
    send(&broker, 1, add());
    send(&broker, 2, stumble());
    send(&broker, 3, add());
    driver.run().unwrap();
    let first = told(&provider, &exporter);
    assert_eq!(first["tributary.stream.transactions/committed"], 1);
    assert_eq!(first["tributary.stream.inputs"], 3);
    assert_eq!(first["tributary.stream.handler.duration"], 3);
    assert_eq!(first["tributary.stream.records"], 4);
    assert_eq!(first["tributary.stream.dead_letters"], 1);
    assert_eq!(first["tributary.stream.restored"], 0);

    // A clean abort, then an answer that is lost. In between the same batch is tried again and counted once.
    let script = [
        (FaultPoint::Begin, InjectedFault::Refused),
        (FaultPoint::Commit, InjectedFault::Disconnected),
    ];
    driver.restart_with(Box::new(Script::new(script)));
    send(&broker, 4, add());
    driver.run().unwrap();
    let second = told(&provider, &exporter);
    assert_eq!(second["tributary.stream.transactions/committed"], 2);
    assert_eq!(second["tributary.stream.transactions/aborted"], 1);
    assert_eq!(second["tributary.stream.transactions/in-doubt"], 1);
    assert_eq!(second["tributary.stream.inputs"], 4);
    assert_eq!(
        second["tributary.stream.handler.duration"], 6,
        "each time that the last was handled"
    );
    assert_eq!(second["tributary.stream.records"], 5);
    assert_eq!(
        second["tributary.stream.restored"], 3,
        "nothing but the first events"
    );
    assert_eq!(
        second["tributary.stream.partitions/running"],
        i64::from(PARTITIONS)
    );
    // After the transaction in doubt, the partition with events goes on from its last commit; the empty ones look again.
    let looked = 3 * PARTITIONS - 1;
    assert_eq!(
        second["tributary.stream.snapshots_loaded/none"],
        i64::from(looked)
    );

    // One partition has events, so one snapshot is due; a restart uses it and reads nothing.
    follow(&broker, store.as_ref());
    driver.restart();
    driver.run().unwrap();
    let partition = record(CommandId::named("x"), "ann", &add(), None).partition;
    let size = store.load(&Shelf::of::<Metering>(partition)).unwrap().len();
    let third = told(&provider, &exporter);
    assert_eq!(third["tributary.snapshots.written/kept"], 1);
    assert_eq!(third["tributary.snapshots.written/failed"], 0);
    assert_eq!(third["tributary.snapshots.size"], size as i64);
    assert_eq!(third["tributary.stream.snapshots_loaded/used"], 1);
    assert_eq!(third["tributary.stream.restored"], 3);

    // A store that fails; and a worker that is gone holds nothing.
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(Metering::NAMES.service), "in the way").unwrap();
    follow(&broker, &ObjectSnapshots::in_directory(directory.path()).unwrap());
    drop(driver);
    let last = told(&provider, &exporter);
    assert_eq!(last["tributary.snapshots.written/failed"], 1);
    assert_eq!(last["tributary.snapshots.written/kept"], 1);
    assert_eq!(last["tributary.stream.partitions/running"], 0);
}
