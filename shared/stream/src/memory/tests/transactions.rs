use super::*;
use crate::log::EventsRead;
use crate::memory::transactions::{ProducerIdentity, TRANSACTION_TIMEOUT_MS};
use crate::memory::{BrokerError, EntryContent, MemoryProducer, RecordState};

#[test]
fn an_inbox_takes_append_time_and_events_the_clock_of_their_writer() {
    let broker = broker();
    broker.set_time(1_000);
    let ahead = MemoryLogSettings {
        clock_skew_ms: 77,
        ..settings("a")
    };
    let mut log = MemoryLog::new(&broker, ahead);
    polled(&mut log);
    initialise(&mut log).unwrap();
    let transaction = Transaction {
        records: vec![outgoing(INBOX, 0, "timer"), outgoing(EVENTS, 0, "event")],
        next_inputs: vec![(0, 1)],
    };
    log.perform(Action::Commit(transaction));
    assert_eq!(broker.read_committed(INBOX, 0).unwrap()[0].timestamp_ms, 1_000);
    assert_eq!(broker.read_committed(EVENTS, 0).unwrap()[0].timestamp_ms, 1_077);
}

#[test]
fn everything_that_stands_in_a_partition_can_be_seen() {
    let broker = broker();
    broker.append(outgoing(EVENTS, 0, "plain")).unwrap();
    for (name, commit) in [("x", true), ("y", false)] {
        let producer = MemoryProducer::initialise(&broker, name).unwrap();
        producer.send(outgoing(EVENTS, 0, name)).unwrap();
        if commit {
            producer.commit()
        } else {
            producer.abort()
        }
        .unwrap();
    }
    let open = MemoryProducer::initialise(&broker, "z").unwrap();
    open.send(outgoing(EVENTS, 0, "open")).unwrap();

    let states: Vec<_> = broker
        .read_all(EVENTS, 0)
        .unwrap()
        .into_iter()
        .map(|entry| match entry.content {
            EntryContent::Record { state, .. } => Ok(state),
            EntryContent::Marker { commit, .. } => Err(commit),
        })
        .collect();
    let expected = [
        Ok(RecordState::Plain),
        Ok(RecordState::Committed),
        Err(true),
        Ok(RecordState::Aborted),
        Err(false),
        Ok(RecordState::Undecided),
    ];
    assert_eq!(states, expected);
    assert_eq!(events(&broker, 0), ["plain", "x"]);
}

#[test]
fn a_late_commit_ends_the_next_transaction_of_the_same_epoch() {
    // The hazard that a client must avoid by initialising anew after any doubt (librdkafka#5423, KIP-890)
    let broker = broker();
    let producer = MemoryProducer::initialise(&broker, "p").unwrap();
    let identity = ProducerIdentity { id: 1, epoch: 0 };
    producer.send(outgoing(EVENTS, 0, "first")).unwrap();
    broker.lock().delay_commit("p", identity, 50);
    producer.abort().unwrap();
    producer.send(outgoing(EVENTS, 0, "half of the second")).unwrap();
    broker.set_time(50);
    assert_eq!(events(&broker, 0), ["half of the second"]);
}

#[test]
fn an_open_transaction_is_aborted_when_its_time_is_over() {
    let broker = broker();
    let producer = MemoryProducer::initialise(&broker, "p").unwrap();
    broker.set_time(5_000);
    producer.send(outgoing(EVENTS, 0, "slow")).unwrap();
    producer.send_offsets(GROUP, &[(0, 9)]).unwrap();
    broker.set_time(5_000 + TRANSACTION_TIMEOUT_MS - 1);
    assert_eq!(broker.open_transactions().len(), 1);
    broker.set_time(5_000 + TRANSACTION_TIMEOUT_MS);
    assert_eq!(broker.open_transactions(), []);
    assert_eq!(broker.last_stable_offset(EVENTS, 0).unwrap(), 2);
    assert_eq!(producer.commit(), Err(BrokerError::ProducerFenced));
    assert_eq!(
        producer.send(outgoing(EVENTS, 0, "x")),
        Err(BrokerError::ProducerFenced)
    );
    assert_eq!(events(&broker, 0), [] as [&str; 0]);
    assert_eq!(broker.committed(GROUP, 0), None);
}

#[test]
fn held_markers_are_written_one_by_one() {
    let broker = broker();
    let mut log = scripted(&broker, "a", []);
    broker.hold_markers(true);
    assert!(matches!(commit(&mut log, "one"), Ended::Committed { .. }));
    assert_eq!((events(&broker, 0).len(), events(&broker, 1).len()), (0, 0));
    assert!(broker.write_marker());
    assert_eq!((events(&broker, 0).len(), events(&broker, 1).len()), (1, 0));
    assert_eq!(broker.committed(GROUP, 0), None);
    broker.hold_markers(false);
    assert_eq!((events(&broker, 0).len(), events(&broker, 1).len()), (1, 1));
    assert_eq!(broker.committed(GROUP, 0), Some(1));
    assert!(!broker.write_marker());
}

#[test]
fn of_two_offsets_the_one_sent_later_counts_even_if_it_is_decided_first() {
    let broker = broker();
    let [early, late] = ["early", "late"].map(|name| MemoryProducer::initialise(&broker, name).unwrap());
    early.send_offsets(GROUP, &[(0, 5)]).unwrap();
    late.send_offsets(GROUP, &[(0, 8)]).unwrap();
    late.commit().unwrap();
    early.commit().unwrap();
    assert_eq!(broker.committed(GROUP, 0), Some(8));
}

#[test]
fn an_epoch_that_is_used_up_makes_way_for_a_new_producer_id() {
    let broker = broker();
    let former = MemoryProducer::initialise(&broker, "p").unwrap();
    for _ in 0..=i16::MAX {
        MemoryProducer::initialise(&broker, "p").unwrap();
    }
    let latter = MemoryProducer::initialise(&broker, "p").unwrap();
    assert_eq!(
        former.send(outgoing(EVENTS, 0, "x")),
        Err(BrokerError::ProducerFenced)
    );
    latter.send(outgoing(EVENTS, 0, "y")).unwrap();
    latter.commit().unwrap();
    assert_eq!(events(&broker, 0), ["y"]);
}

#[test]
fn a_read_over_many_aborted_records_moves_on_without_a_record() {
    let broker = broker();
    let producer = MemoryProducer::initialise(&broker, "p").unwrap();
    for _ in 0..2_500 {
        producer.send(outgoing(EVENTS, 0, "aborted")).unwrap();
    }
    producer.abort().unwrap();
    broker.append(outgoing(EVENTS, 0, "last")).unwrap();

    let mut log = log(&broker, "a");
    let mut read = |from| {
        let action = Action::ReadEvents {
            partition: 0,
            from,
            records_max: 10,
        };
        match log.perform(action) {
            Input::EventsRead { read, .. } => read.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let (mut next, mut empty) = (0, 0);
    let last: EventsRead = loop {
        let read = read(next);
        assert!(read.next > next);
        next = read.next;
        if !read.records.is_empty() {
            break read;
        }
        empty += 1;
    };
    assert_eq!(empty, 2);
    assert_eq!((last.records[0].offset, last.next), (2_501, 2_502));
}

#[test]
fn dropping_the_start_of_an_open_transaction_leaves_the_rest_undecided() {
    let broker = broker();
    let producer = MemoryProducer::initialise(&broker, "p").unwrap();
    for value in ["a", "b", "c"] {
        producer.send(outgoing(EVENTS, 0, value)).unwrap();
    }
    broker.truncate_before(EVENTS, 0, 2).unwrap();
    assert_eq!(broker.start_offset(EVENTS, 0).unwrap(), 2);
    assert_eq!(broker.last_stable_offset(EVENTS, 0).unwrap(), 2);
    assert_eq!(events(&broker, 0), [] as [&str; 0]);
    producer.commit().unwrap();
    assert_eq!(events(&broker, 0), ["c"]);
    broker.truncate_before(EVENTS, 0, 100).unwrap();
    assert_eq!(
        broker.end_offset(EVENTS, 0).unwrap(),
        4,
        "offsets are never given twice"
    );
}
