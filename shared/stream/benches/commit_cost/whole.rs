//! The runtime's own clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tributary_stream::kafka::{CommandProducer, EventReader, KafkaLog, Watermarks};
use tributary_stream::log::{Action, Ended, Input, Log, Poll, Transaction};

use crate::measured::{Machine, PARTITIONS, Times, Topics};

/// Microseconds of this process' CPU for each of so many records, which says more than a rate on a busy machine.
fn cpu_us(before: &Machine, records: usize) -> f64 {
    (Machine::now().own_cpu_s() - before.own_cpu_s()) * 1e6 / records as f64
}

/// Commits through the log, as a member of the group.
pub(crate) fn commits(topics: &Topics) {
    let mut log = KafkaLog::connect(topics.settings()).expect("connects");
    let mut assigned = 0;
    while assigned < PARTITIONS as usize {
        let poll = Poll {
            max_wait: Duration::from_millis(100),
            linger: Duration::ZERO,
            records_max: 0,
            bytes_max: usize::MAX,
        };
        if let Input::Polled(polled) = log.perform(Action::Poll(poll)) {
            assigned += polled.assigned.len();
        }
    }
    assert!(
        matches!(log.perform(Action::Initialise), Input::Initialised(Ok(()))),
        "initialises"
    );
    for (records, count) in [(1, 300), (10, 300), (100, 300), (1_000, 150), (5_000, 40)] {
        let mut times = Vec::new();
        for _ in 0..count {
            let transaction = Transaction {
                records: (0..records).map(|at| topics.record(topics.events, at)).collect(),
                next_inputs: (0..PARTITIONS).map(|partition| (partition, 0)).collect(),
            };
            let started = Instant::now();
            let ended = log.perform(Action::Commit(transaction));
            times.push(started.elapsed());
            assert!(
                matches!(ended, Input::Ended(Ended::Committed { .. })),
                "{ended:?}"
            );
        }
        println!("  n = {records:>5}: {}", Times::new(times));
    }
}

/// Reads all events that the other sections left.
pub(crate) fn reads(topics: &Topics) {
    let starts = Watermarks::connect(&topics.brokers)
        .and_then(|ends| ends.starts(topics.events))
        .expect("starts");
    for partitions in 1..=PARTITIONS {
        let from: BTreeMap<i32, i64> = starts.clone().into_iter().take(partitions as usize).collect();
        let mut reader = EventReader::open(&topics.brokers, topics.events, &from).expect("opens");
        let (started, before) = (Instant::now(), Machine::now());
        let mut records = 0;
        while !reader.at_end() {
            records += reader
                .poll(Duration::from_secs(5), 1_000)
                .expect("reads")
                .records
                .len();
        }
        let rate = records as f64 / started.elapsed().as_secs_f64();
        let dropping = Instant::now();
        drop(reader);
        let dropped = dropping.elapsed();
        let cpu = cpu_us(&before, records);
        println!(
            "  {partitions} partitions: {records} records, {rate:>9.0} records/s, {cpu:.2} us of CPU each"
        );
        println!("    dropped in {dropped:?}");
    }
}

/// Sends commands as an importer does.
pub(crate) fn commands(topics: &Topics) {
    for (linger_ms, in_flight_max) in [(0, 10_000), (2, 10_000), (5, 50_000)] {
        let delivered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&delivered);
        let producer = CommandProducer::connect(
            &topics.brokers,
            Duration::from_millis(linger_ms),
            in_flight_max,
            move |delivery| {
                assert!(delivery.result.is_ok(), "{delivery:?}");
                count.fetch_add(1, Ordering::Relaxed);
            },
        )
        .expect("a producer");
        let records: Vec<_> = (0..1_000).map(|at| topics.record(topics.inbox, at)).collect();
        let (started, before) = (Instant::now(), Machine::now());
        for round in 0..300 {
            for (at, record) in records.iter().enumerate() {
                producer.send(record, round * 1_000 + at).expect("sends");
            }
        }
        producer.flush().expect("flushes");
        let rate = delivered.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
        let cpu = cpu_us(&before, 300_000);
        println!(
            "  linger {linger_ms} ms, {in_flight_max:>5} in flight: {rate:>9.0} records/s, {cpu:.2} us of CPU each"
        );
    }
}
