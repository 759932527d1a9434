//! One worker on a real broker: what it reads, writes and is told when nothing fails.

mod broker;

use broker::{Service, outgoing, value};

#[test]
fn a_batch_is_read_and_its_events_and_offsets_are_committed_as_one() {
    let service = Service::new("round-trip", 1);
    let mut worker = service.log("a");
    worker.initialise().expect("initialises");
    worker.await_assigned(&[0]);

    // Given two commands in the inbox, sent by a transaction of another service
    let mut sender = Service::new("sender", 1).log("a");
    sender.initialise().expect("initialises");
    sender.await_assigned(&[0]);
    let commands = ["one", "two"].map(|text| outgoing(service.inbox, 0, text));
    assert_eq!(sender.committed(commands.to_vec(), vec![(0, 0)]), [0, 1]);

    // When the worker consumes them from the start, and answers each by an event
    worker.consume(0, 0).expect("consumes");
    let records = worker.await_records(2);
    assert_eq!(records.iter().map(value).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(records[0].headers.text("ce_id"), Some("one"));
    assert_eq!(records[0].key, b"key");
    let events = ["ONE", "TWO"].map(|text| outgoing(service.events, 0, text));
    assert_eq!(worker.committed(events.to_vec(), vec![(0, 2)]), [0, 1]);

    // Then both the events and the offset stand
    let located = worker.locate(0).expect("locates");
    assert_eq!(located.committed, Some(2));
    assert_eq!(located.inbox_start, 0);
    assert_eq!(located.events_start, 0);
    assert_eq!(located.events_end, 3, "two events and a control marker");
    let read = worker.read_to(0, 0, located.events_end);
    assert_eq!(read.iter().map(value).collect::<Vec<_>>(), ["ONE", "TWO"]);
}
