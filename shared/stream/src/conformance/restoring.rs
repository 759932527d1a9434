//! What a worker finds when it takes over.

use super::Harness;
use super::client::{Client, PATIENCE, all_partitions, offsets, outgoing, values};
use crate::log::{Fault, FaultKind};

pub(super) fn a_group_that_never_committed_has_no_offset(harness: &mut dyn Harness) {
    let mut client = Client::new(harness.log_of_new_group("a"));
    assert_eq!(client.await_located(0).committed, None);
    assert_eq!(client.await_located(0).events_end, 0);
}

pub(super) fn aborted_events_are_passed_over(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut client = Client::ready(harness, "a");
    client.committed(vec![outgoing(events, 0, "one")], vec![(0, 1)]);
    let other = harness.open(
        vec![outgoing(events, 0, "aborted"), outgoing(events, 0, "too")],
        &[],
    );
    harness.end(other, false);
    client.committed(vec![outgoing(events, 0, "two")], vec![(0, 2)]);

    let read = client.read_all(0);
    assert_eq!(values(&read), ["one", "two"]);
    let at = offsets(&read);
    assert_eq!(at[0], 0);
    // The marker of the abort comes after the answer to it, so before or behind the next record
    assert!(
        (4..=5).contains(&at[1]),
        "one, marker, two aborted, marker, two: {at:?}"
    );

    // Behind the last record, only markers are left to pass
    let end = client.await_located(0).events_end;
    assert_eq!(end, 7);
    assert_eq!(values(&client.read_to(0, 1, end)), ["two"]);
    assert_eq!(client.read_to(0, at[1] + 1, end), []);
}

pub(super) fn an_open_transaction_holds_readers_back_and_the_end_is_beyond_it(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut client = Client::ready(harness, "a");
    client.committed(vec![outgoing(events, 0, "one")], vec![(0, 1)]);

    // Given an open transaction of another, and one committed behind it
    let open = harness.open(vec![outgoing(events, 0, "undecided")], &[]);
    client.committed(vec![outgoing(events, 0, "two")], vec![(0, 2)]);

    // Then the end that a restore must reach is the high watermark, and reading stops before (KAFKA-10167)
    let end = client.await_located(0).events_end;
    assert!(
        (4..=5).contains(&end),
        "one, marker, undecided, two, and perhaps its marker already: {end}"
    );
    assert_eq!(values(&client.read_to(0, 0, 2)), ["one"]);
    client.expect_no_event(0, 2);

    // When it is committed, then all of it is read
    harness.end(open, true);
    assert_eq!(values(&client.read_to(0, 2, end)), ["undecided", "two"]);
}

pub(super) fn committed_offsets_are_told_once_nothing_can_change_them(harness: &mut dyn Harness) {
    let mut client = Client::ready(harness, "a");
    client.committed(Vec::new(), vec![(0, 1), (1, 1)]);
    assert_eq!(client.await_located(0).committed, Some(1));

    for (decided, committed) in [(true, 2), (false, 2)] {
        let events = harness.events();
        let other = harness.open(
            vec![outgoing(events, 1, "x")],
            &[(0, committed + 10 * i64::from(!decided))],
        );
        let fault = client
            .locate(0)
            .expect_err("an undecided transaction may change it");
        assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
        harness.end(other, decided);
        assert_eq!(client.await_located(0).committed, Some(committed));
    }
    assert_eq!(client.await_located(1).committed, Some(1));
}

pub(super) fn what_a_crash_left_open_is_aborted_by_the_next_producer_of_its_name(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut former = Client::ready(harness, "a");
    former.committed(vec![outgoing(events, 0, "one")], vec![(0, 1)]);
    drop(former);
    harness.leave_open("a", vec![outgoing(events, 0, "lost")], &[(0, 2)]);

    // Given that it holds back its successor's view
    let mut latter = Client::new(harness.log("a"));
    let fault = latter.locate(0).expect_err("its offsets are undecided");
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");

    // When the successor is initialised, then nothing of it is or comes
    latter.initialise().expect("initialises");
    let located = latter.await_located(0);
    assert_eq!(located.committed, Some(1));
    assert_eq!(located.events_end, 4, "one, marker, lost, marker");
    assert_eq!(values(&latter.read_all(0)), ["one"]);
    latter.await_assigned(&all_partitions());
    assert_eq!(
        latter.committed(vec![outgoing(events, 0, "two")], vec![(0, 2)]),
        [4]
    );
    assert_eq!(values(&latter.read_all(0)), ["one", "two"]);
}

pub(super) fn what_a_vanished_producer_left_open_is_aborted_by_time(harness: &mut dyn Harness) {
    // Given an open transaction of a producer that nobody starts again
    let events = harness.events();
    harness.open(vec![outgoing(events, 0, "lost")], &[(0, 5)]);
    let mut client = Client::ready(harness, "b");
    client.expect_no_event(0, 0);
    client.locate(0).expect_err("its offsets are undecided");

    // When its time is over, then it is aborted
    let mut tries = 0;
    let located = loop {
        client.polled(super::client::MEMBERSHIP_ONLY);
        harness.pass(100);
        match client.locate(0) {
            Ok(located) => break located,
            Err(fault) => assert_eq!(fault.kind, FaultKind::Transient, "{fault}"),
        }
        tries += 1;
        assert!(tries < PATIENCE, "it is open for ever");
    };
    assert_eq!(located.committed, Some(0));
    assert_eq!(client.read_to(0, 0, 2), []);
}

pub(super) fn reading_keeps_to_its_limit_and_goes_on_where_it_stopped(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut client = Client::ready(harness, "a");
    for batch in 0..4 {
        let records = (0..5)
            .map(|n| outgoing(events, 0, &format!("{batch}-{n}")))
            .collect();
        client.committed(records, vec![(0, batch)]);
    }
    let all = client.read_all(0);
    assert_eq!(all.len(), 20);

    let end = client.await_located(0).events_end;
    let (mut next, mut read) = (0, Vec::new());
    for _ in 0..PATIENCE {
        if next == end {
            break;
        }
        let part = client.read(0, next, 3).expect("reads");
        next = part.next;
        read.extend(part.records);
    }
    assert_eq!(read, all);

    // And from the middle as well, back and forth
    assert_eq!(client.read_to(0, 13, end), all[11..]);
    assert_eq!(client.read_to(0, 7, end), all[6..]);
}

pub(super) fn events_that_the_log_does_not_hold_are_data_gone(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut client = Client::ready(harness, "a");
    let records = (0..10).map(|n| outgoing(events, 0, &n.to_string())).collect();
    client.committed(records, vec![(0, 1)]);
    client.read_all(0);
    harness.truncate_before(events, 0, 4);
    assert_eq!(client.await_located(0).events_start, 4);

    // Dropped by retention; and beyond the end, where who has a snapshot of more has outlived the log
    for gone in [2, 50] {
        let fault: Fault = (0..PATIENCE)
            .find_map(|_| client.read(0, gone, 10).err())
            .expect("is told");
        assert_eq!(fault.kind, FaultKind::DataGone, "offset {gone}: {fault}");
    }
    assert_eq!(offsets(&client.read_to(0, 4, 11)), (4..10).collect::<Vec<_>>());
}
