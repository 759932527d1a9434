//! The log on a real broker, action by action.

use std::time::Duration;

use crate::broker::{
    PATIENCE_POLLS, Service, Transactor, Worker, delete_before, offsets, outgoing, poll, unique, value,
};
use tributary_contracts::topics::RECORD_BYTES_MAX;
use tributary_stream::kafka::KafkaLog;
use tributary_stream::log::{Ended, Fault, FaultKind, Poll};

/// Fills the inbox' partitions with `count` records each, `p0-0`, `p0-1`, … in one transaction, so at offsets from 0 on.
fn fill(service: &Service, partitions: i32, count: usize) {
    let records = (0..partitions)
        .flat_map(|partition| (0..count).map(move |at| (partition, format!("p{partition}-{at}"))))
        .map(|(partition, value)| outgoing(service.inbox, partition, &value))
        .collect::<Vec<_>>();
    Transactor::new(&service.brokers).commit(&records);
}

#[test]
fn a_batch_is_read_and_its_events_and_offsets_are_committed_as_one() {
    // Given two commands in the inbox
    let service = Service::new("round-trip", 1);
    fill(&service, 1, 2);
    let mut worker = service.log("a");
    worker.await_assigned(&[0]);
    worker.initialise().expect("initialises");

    // When a worker consumes them from the start, and answers each by an event
    worker.consume(0, 0).expect("consumes");
    let records = worker.await_records(2);
    assert_eq!(records.iter().map(value).collect::<Vec<_>>(), ["p0-0", "p0-1"]);
    assert_eq!(records[0].headers.text("ce_id"), Some("p0-0"));
    assert_eq!(records[0].key, b"key");
    let events = ["ONE", "TWO"].map(|text| outgoing(service.events, 0, text));
    assert_eq!(worker.committed(events.to_vec(), vec![(0, 2)]), [0, 1]);

    // Then both the events and the offset stand
    let located = worker.locate(0).expect("locates");
    assert_eq!(located.committed, Some(2));
    assert_eq!((located.inbox_start, located.events_start), (0, 0));
    assert_eq!(located.events_end, 3, "two events and a control marker");
    let read = worker.read_to(0, 0, located.events_end);
    assert_eq!(read.iter().map(value).collect::<Vec<_>>(), ["ONE", "TWO"]);
}

#[test]
fn partitions_move_to_a_second_worker_and_nothing_is_delivered_before_it_is_asked_for() {
    // Given a worker that consumes both partitions
    let service = Service::new("moves", 2);
    fill(&service, 2, 50);
    let mut first = service.log("a");
    first.await_assigned(&[0, 1]);
    first.consume(0, 0).expect("consumes");
    first.consume(1, 0).expect("consumes");
    assert_eq!(first.await_records(100).len(), 100);

    // When a second one joins
    let mut second = service.log("b");
    let (mut revoked, mut late) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        let polled = first.polled(poll(50));
        revoked.extend(polled.revoked);
        late.extend(polled.records);
        let polled = second.polled(poll(50));
        assert_eq!(polled.revoked, [] as [i32; 0]);
        assert!(polled.records.is_empty(), "nothing was asked for: {polled:?}");
        if first.assigned.len() == 1 && second.assigned.len() == 1 {
            break;
        }
    }

    // Then both partitions were taken from the first, one was given back, and the other has the other
    revoked.sort_unstable();
    assert_eq!(revoked, [0, 1]);
    assert_eq!(late, [], "and nothing came a second time");
    let (kept, moved) = (first.assigned[0], second.assigned[0]);
    assert_eq!(kept + moved, 1, "one partition each");

    // And each delivers from where it is told to, that partition only
    first.consume(kept, 20).expect("consumes");
    second.consume(moved, 49).expect("consumes");
    let records = first.await_records(30);
    assert_eq!(offsets(&records), [(kept, (20..50).collect())].into());
    assert_eq!(offsets(&second.await_records(1)), [(moved, vec![49])].into());
    let fault = first.consume(moved, 0).expect_err("is not its own");
    assert_eq!(fault.kind, FaultKind::Transient);
}

#[test]
fn a_partition_goes_back_and_the_other_goes_on() {
    let service = Service::new("back", 2);
    fill(&service, 2, 1_000);
    let mut worker = service.log("a");
    worker.await_assigned(&[0, 1]);

    // Given partition 0 read to its middle, and some of 1
    worker.consume(0, 0).expect("consumes");
    worker.consume(1, 0).expect("consumes");
    let mut got = Vec::new();
    while got.len() < 700 {
        let few = Poll {
            records_max: 100,
            ..poll(30_000)
        };
        let records = worker.polled(few).records;
        assert!((1..=100).contains(&records.len()), "{} records", records.len());
        got.extend(records);
    }
    let before = offsets(&got);

    // When partition 0 is to start over
    worker.consume(0, 3).expect("goes back");
    let rest = 997 + 1_000 - before.get(&1).map_or(0, Vec::len);
    let after = offsets(&worker.await_records(rest));

    // Then 0 comes again from there, and 1 goes on without a gap or a second time
    assert_eq!(after[&0], (3..1_000).collect::<Vec<_>>());
    let mut all = before.get(&1).cloned().unwrap_or_default();
    all.extend(after.get(&1).into_iter().flatten());
    assert_eq!(all, (0..1_000).collect::<Vec<_>>());
    assert!(worker.polled(poll(300)).records.is_empty());
}

/// While a transaction takes its time, the client reads on, and with each piece of one partition it tells that the other is at
/// its end.
#[test]
fn what_came_piece_by_piece_meanwhile_is_taken_in_at_once() {
    // Given a worker that has read both partitions to their ends
    const PIECES: i32 = 30;
    let service = Service::new("pieces", 2);
    fill(&service, 2, 1);
    let mut worker = service.log("a");
    worker.await_assigned(&[0, 1]);
    worker.consume(0, 0).expect("consumes");
    worker.consume(1, 0).expect("consumes");
    assert_eq!(worker.await_records(2).len(), 2);

    // When records come one after the other while it doesn't ask
    let transactor = Transactor::new(&service.brokers);
    for at in 0..PIECES {
        transactor.commit(&[outgoing(service.inbox, at % 2, "piece")]);
        std::thread::sleep(Duration::from_millis(50));
    }

    // Then it gets them together, and not a few by each poll, and so by each transaction
    let (mut records, mut polls) = (0, 0);
    while records < PIECES as usize {
        polls += 1;
        assert!(polls <= 4, "{records} of {PIECES} records by {polls} polls");
        records += worker.polled(poll(5_000)).records.len();
    }
}

#[test]
fn asking_for_membership_only_delivers_nothing_and_loses_nothing() {
    let service = Service::new("aside", 1);
    fill(&service, 1, 5_000);
    let mut worker = service.log("a");
    worker.await_assigned(&[0]);
    worker.consume(0, 0).expect("consumes");
    for _ in 0..20 {
        let membership = Poll {
            records_max: 0,
            ..poll(100)
        };
        assert_eq!(worker.polled(membership).records, []);
    }
    let records = worker.await_records(5_000);
    assert_eq!(offsets(&records)[&0], (0..5_000).collect::<Vec<_>>());
}

#[test]
fn a_poll_keeps_to_its_limits_of_records_and_bytes() {
    let service = Service::new("limits", 1);
    fill(&service, 1, 200);
    let mut worker = service.log("a");
    worker.await_assigned(&[0]);
    worker.consume(0, 0).expect("consumes");
    let mut all = Vec::new();
    while all.len() < 200 {
        let small = Poll {
            max_wait: Duration::from_secs(5),
            linger: Duration::from_millis(20),
            records_max: 7,
            bytes_max: 60,
        };
        let records = worker.polled(small).records;
        let size: usize = records
            .iter()
            .map(|record| record.key.len() + record.headers.size() + record.value.len())
            .sum();
        assert!(!records.is_empty() && records.len() <= 7);
        assert!(
            size < 60 + 20,
            "stops at the record that reaches the limit, not after {size}"
        );
        all.extend(records);
    }
    assert_eq!(offsets(&all)[&0], (0..200).collect::<Vec<_>>());
}

#[test]
fn a_former_worker_of_the_same_name_is_fenced_and_leaves_nothing() {
    let service = Service::new("fenced", 1);
    let mut former = service.log("a");
    former.await_assigned(&[0]);
    former.initialise().expect("initialises");
    former.committed(vec![outgoing(service.events, 0, "before")], vec![(0, 0)]);

    // When another producer of the same transactional id was initialised
    let mut latter = service.log("a");
    latter.initialise().expect("initialises");

    // Then the former's next commit is fenced
    let ended = former.commit(vec![outgoing(service.events, 0, "zombie")], vec![(0, 0)]);
    assert!(matches!(ended, Ended::Fenced(_)), "{ended:?}");
    latter.await_assigned(&[0]);
    latter.committed(vec![outgoing(service.events, 0, "after")], vec![(0, 0)]);
    assert_eq!(service.events_values(), ["after", "before"]);

    // And its consumer learns that it is no member any more
    let told = (0..PATIENCE_POLLS)
        .map(|_| former.polled(poll(100)))
        .find(|polled| polled.fault.is_some())
        .expect("is told that it was replaced");
    assert_eq!(told.revoked, [0]);
    assert_eq!(told.fault.map(|fault| fault.kind), Some(FaultKind::Fatal));
}

#[test]
fn a_worker_without_the_partition_can_not_commit_for_it() {
    let service = Service::new("unassigned", 1);
    let mut worker = service.log("a");
    worker.initialise().expect("initialises");
    let ended = worker.commit(vec![outgoing(service.events, 0, "x")], vec![(0, 0)]);
    assert!(matches!(ended, Ended::Fenced(_)), "{ended:?}");
    assert_eq!(service.events_values(), [] as [&str; 0]);
}

#[test]
fn an_oversized_record_aborts_its_transaction_and_the_producer_goes_on() {
    let service = Service::new("oversize", 1);
    let mut worker = service.log("a");
    worker.await_assigned(&[0]);
    worker.initialise().expect("initialises");

    let mut oversized = outgoing(service.events, 0, "big");
    oversized.value = vec![b'x'; RECORD_BYTES_MAX + 100_000];
    let records = vec![outgoing(service.events, 0, "small"), oversized];
    let ended = worker.commit(records, vec![(0, 5)]);
    let Ended::Aborted(fault) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(fault.kind, FaultKind::Fatal);
    assert!(fault.message.contains("too large"), "{fault}");

    // The largest record that is allowed passes, however badly it compresses
    let mut largest = outgoing(service.events, 0, "");
    largest.value = noise(RECORD_BYTES_MAX - largest.key.len() - largest.headers.size());
    worker.committed(vec![largest], vec![(0, 0)]);
    let read = service.committed(service.events);
    assert_eq!(read.len(), 1, "nothing of the aborted transaction");
    assert_eq!(
        read[0].key.len() + read[0].headers.size() + read[0].value.len(),
        RECORD_BYTES_MAX
    );
    assert_eq!(worker.locate(0).expect("locates").committed, Some(0));
}

/// Bytes that don't compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn reading_stops_at_the_last_stable_offset_and_skips_what_was_aborted() {
    let service = Service::new("stable", 1);
    let mut worker = service.log("a");
    worker.await_assigned(&[0]);
    worker.initialise().expect("initialises");
    worker.committed(vec![outgoing(service.events, 0, "one")], vec![(0, 0)]);

    // Given an open transaction of another, and one committed behind it
    let other = Transactor::new(&service.brokers);
    other.open(&[outgoing(service.events, 0, "undecided")]);
    worker.committed(vec![outgoing(service.events, 0, "two")], vec![(0, 1)]);

    // Then what is decided can be read, no more, but the end that a restore must reach is told
    let located = worker.locate(0).expect("locates");
    assert_eq!(located.events_end, 5, "one, marker, undecided, two, marker");
    let read = worker.read_to(0, 0, 2);
    assert_eq!(read.iter().map(value).collect::<Vec<_>>(), ["one"]);
    for _ in 0..5 {
        let read = worker.read(0, 2, 100).expect("reads");
        assert_eq!((read.records.len(), read.next), (0, 2));
    }

    // When it is aborted, then all of it is passed, and only what was committed is handed over
    other.abort();
    let read = worker.read_to(0, 2, located.events_end);
    assert_eq!(read.iter().map(value).collect::<Vec<_>>(), ["two"]);
    let end = worker.locate(0).expect("locates").events_end;
    assert_eq!(end, 6, "and the marker of the abort");
    assert_eq!(worker.read_to(0, located.events_end, end), []);
}

#[test]
fn committed_offsets_are_told_once_no_transaction_can_change_them() {
    let service = Service::new("pending", 1);
    let mut worker = service.log("a");
    worker.await_assigned(&[0]);
    worker.initialise().expect("initialises");
    worker.committed(vec![outgoing(service.events, 0, "one")], vec![(0, 1)]);

    let other = Transactor::new(&service.brokers);
    other.open(&[outgoing(service.events, 0, "two")]);
    other.send_offset(&service, 0, 2);
    let fault = worker.locate(0).expect_err("is not certain");
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(fault.message.contains("pending"), "{fault}");

    other.finish();
    assert_eq!(worker.locate(0).expect("locates").committed, Some(2));
}

#[test]
fn a_group_that_never_committed_has_no_offset() {
    let service = Service::new("new-group", 1);
    let mut settings = service.settings("a");
    settings.service = unique("nobody");
    let mut worker = Worker::new(KafkaLog::connect(settings).expect("connects"));
    assert_eq!(worker.locate(0).expect("locates").committed, None);
}

#[test]
fn offsets_that_the_log_does_not_hold_are_gone() {
    let service = Service::new("gone", 1);
    fill(&service, 1, 10);
    let mut worker = service.log("a");
    worker.await_assigned(&[0]);
    let kind = |fault: Fault| fault.kind;
    assert_eq!(
        worker.consume(0, 12).map_err(kind),
        Err(FaultKind::DataGone),
        "10 records and a marker"
    );

    // Events from beyond their end: who has a snapshot of more has outlived the log
    worker.initialise().expect("initialises");
    let events = (0..10)
        .map(|at| outgoing(service.events, 0, &at.to_string()))
        .collect();
    worker.committed(events, vec![(0, 0)]);
    let beyond = (0..100)
        .map(|_| worker.read(0, 50, 10))
        .find(|read| read.is_err())
        .expect("is told");
    assert_eq!(beyond.expect_err("is a fault").kind, FaultKind::DataGone);

    // Events and inbox cut off at their beginning
    delete_before(&service.brokers, service.events, 4);
    delete_before(&service.brokers, service.inbox, 4);
    let cut = (0..100)
        .map(|_| worker.read(0, 2, 10))
        .find(|read| read.is_err())
        .expect("is told");
    assert_eq!(cut.expect_err("is a fault").kind, FaultKind::DataGone);
    let located = worker.locate(0).expect("locates");
    assert_eq!((located.inbox_start, located.events_start), (4, 4));
    assert_eq!(worker.consume(0, 3).map_err(kind), Err(FaultKind::DataGone));
    worker.consume(0, 4).expect("is held");
    assert_eq!(offsets(&worker.await_records(6))[&0], (4..10).collect::<Vec<_>>());
}
