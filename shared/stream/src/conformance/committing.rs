//! Transactions: whole or not at all.

use tributary_contracts::topics::RECORD_BYTES_MAX;

use super::Harness;
use super::client::{Client, MEMBERSHIP_ONLY, PATIENCE, offsets, outgoing, values};
use crate::log::{Ended, FaultKind};

pub(super) fn a_transaction_stands_whole_with_its_offsets(harness: &mut dyn Harness) {
    // Given a transaction over both partitions of the events and a record to the inbox
    let (inbox, events) = (harness.inbox(), harness.events());
    let mut client = Client::ready(harness, "a");
    let records = vec![
        outgoing(events, 0, "e0"),
        outgoing(events, 1, "e1"),
        outgoing(events, 0, "e2"),
        outgoing(inbox, 1, "timer"),
    ];
    let at = client.committed(records, vec![(0, 5), (1, 7)]);

    // Then each record stands at the offset that the answer says
    assert_eq!(at, [0, 0, 1, 0]);
    let of_0 = client.read_all(0);
    assert_eq!(
        (values(&of_0), offsets(&of_0)),
        (vec!["e0".into(), "e2".into()], vec![0, 1])
    );
    let of_1 = client.read_all(1);
    assert_eq!((values(&of_1), offsets(&of_1)), (vec!["e1".into()], vec![0]));
    assert_eq!(harness.committed(events, 0), of_0);
    assert_eq!(values(&harness.committed(inbox, 1)), ["timer"]);

    // And so do the consumed offsets
    let located = client.await_located(0);
    assert_eq!((located.committed, located.events_start), (Some(5), 0));
    assert_eq!(located.events_end, 3, "two events and a marker");
    assert_eq!(client.await_located(1).committed, Some(7));
}

pub(super) fn a_transaction_of_offsets_alone_moves_them(harness: &mut dyn Harness) {
    let mut client = Client::ready(harness, "a");
    assert_eq!(client.await_located(0).committed, Some(0));
    assert_eq!(client.committed(Vec::new(), vec![(0, 3)]), [] as [i64; 0]);
    let located = client.await_located(0);
    assert_eq!((located.committed, located.events_end), (Some(3), 0));
    assert_eq!(client.await_located(1).committed, Some(0));
}

pub(super) fn transactions_stand_in_the_order_of_their_commits(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut client = Client::ready(harness, "a");
    for batch in 0..10 {
        let records = (0..3)
            .map(|n| outgoing(events, 0, &format!("{batch}-{n}")))
            .collect();
        let at = client.committed(records, vec![(0, batch + 1)]);
        // Each batch is three records and a marker
        assert_eq!(at, [batch * 4, batch * 4 + 1, batch * 4 + 2]);
    }
    let expected: Vec<String> = (0..10)
        .flat_map(|batch| (0..3).map(move |n| format!("{batch}-{n}")))
        .collect();
    assert_eq!(values(&client.read_all(0)), expected);
    assert_eq!(client.await_located(0).committed, Some(10));
}

pub(super) fn a_commit_of_a_former_producer_is_fenced_and_leaves_nothing(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut former = Client::ready(harness, "a");
    former.committed(vec![outgoing(events, 0, "before")], vec![(0, 1)]);

    // When another producer of the same transactional id was initialised
    let mut latter = Client::new(harness.log("a"));
    latter.initialise().expect("initialises");

    // Then the former's commit is fenced, and trying again doesn't help
    let zombie = || vec![outgoing(events, 0, "zombie")];
    let ended = former.commit(zombie(), vec![(0, 2)]);
    assert!(matches!(ended, Ended::Fenced(_)), "{ended:?}");
    let ended = former.commit(zombie(), vec![(0, 2)]);
    assert!(!matches!(ended, Ended::Committed { .. }), "{ended:?}");
    let located = latter.await_located(0);
    assert_eq!(located.committed, Some(1));
    assert_eq!(values(&latter.read_all(0)), ["before"]);
}

pub(super) fn a_commit_without_a_producer_leaves_nothing(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut client = Client::new(harness.log("a"));
    client.await_assigned(&super::client::all_partitions());
    let ended = client.commit(vec![outgoing(events, 0, "early")], vec![(0, 1)]);
    assert!(!matches!(ended, Ended::Committed { .. }), "{ended:?}");
    assert_eq!(client.await_located(0).committed, Some(0));
    assert_eq!(client.read_all(0), []);
}

pub(super) fn a_commit_for_a_partition_that_was_never_assigned_leaves_nothing(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut client = Client::new(harness.log("a"));
    client.initialise().expect("initialises");
    let ended = client.commit(vec![outgoing(events, 0, "foreign")], vec![(0, 1)]);
    assert!(matches!(ended, Ended::Fenced(_)), "{ended:?}");
    assert_eq!(client.await_located(0).committed, Some(0));
    assert_eq!(client.read_all(0), []);
}

pub(super) fn a_commit_for_a_revoked_partition_is_fenced_and_leaves_nothing(harness: &mut dyn Harness) {
    // Given a worker that loses a partition to another
    let events = harness.events();
    let mut first = Client::ready(harness, "a");
    let mut second = Client::new(harness.log("b"));
    for _ in 0..PATIENCE {
        if first.assigned.len() == 1 && second.assigned.len() == 1 {
            break;
        }
        let told = first.polled(MEMBERSHIP_ONLY);
        if !told.revoked.is_empty() && told.assigned.is_empty() {
            // Right after it was told, and before the other has it
            let partition = told.revoked[0];
            let ended = first.commit(vec![outgoing(events, partition, "late")], vec![(partition, 9)]);
            assert!(matches!(ended, Ended::Fenced(_)), "{ended:?}");
            first.initialise().expect("initialises");
        }
        second.polled(MEMBERSHIP_ONLY);
    }
    let [moved] = second.assigned[..] else {
        panic!("one partition each, but {:?}", second.assigned);
    };

    // When it commits for that partition once the other has it
    let ended = first.commit(vec![outgoing(events, moved, "later")], vec![(moved, 9)]);

    // Then nothing of it counts, and the owner can commit
    assert!(matches!(ended, Ended::Fenced(_)), "{ended:?}");
    second.initialise().expect("initialises");
    second.committed(vec![outgoing(events, moved, "owner")], vec![(moved, 1)]);
    assert_eq!(second.await_located(moved).committed, Some(1));
    assert_eq!(values(&second.read_all(moved)), ["owner"]);
}

pub(super) fn an_oversized_record_aborts_its_transaction_and_the_producer_goes_on(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut client = Client::ready(harness, "a");
    let mut oversized = outgoing(events, 0, "oversized");
    oversized.value = vec![b'x'; RECORD_BYTES_MAX + 100_000];
    let ended = client.commit(vec![outgoing(events, 0, "small"), oversized], vec![(0, 1)]);
    let Ended::Aborted(fault) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(fault.kind, FaultKind::Fatal, "{fault}");

    // The largest record that is allowed passes
    let mut largest = outgoing(events, 0, "");
    largest.value = vec![b'x'; RECORD_BYTES_MAX - largest.size()];
    client.committed(vec![largest.clone()], vec![(0, 2)]);
    let read = client.read_all(0);
    assert_eq!(read.len(), 1, "nothing of the aborted transaction");
    assert_eq!(read[0].value, largest.value);
    assert_eq!(client.await_located(0).committed, Some(2));
}
