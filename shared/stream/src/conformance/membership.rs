//! Who owns which partition.

use super::Harness;
use super::client::{Client, MEMBERSHIP_ONLY, PATIENCE, POLL, all_partitions, by_partition, fill, outgoing};
use crate::log::{Ended, FaultKind};

/// Polls both until they share the partitions.
fn share(first: &mut Client, second: &mut Client) {
    for _ in 0..PATIENCE {
        if first.assigned.len() == 1 && second.assigned.len() == 1 {
            return;
        }
        for client in [&mut *first, &mut *second] {
            assert_eq!(client.polled(MEMBERSHIP_ONLY).fault, None);
        }
    }
    panic!("not shared: {:?} and {:?}", first.assigned, second.assigned);
}

pub(super) fn two_members_share_the_partitions(harness: &mut dyn Harness) {
    // Given a worker that has consumed both partitions
    fill(harness, 0, 5);
    fill(harness, 1, 5);
    let mut first = Client::ready(harness, "a");
    first.consume(0, 0).expect("consumes");
    first.consume(1, 0).expect("consumes");
    first.await_records(10);

    // When a second one joins, then each has one of them
    let mut second = Client::new(harness.log("b"));
    share(&mut first, &mut second);
    let (kept, moved) = (first.assigned[0], second.assigned[0]);
    assert_eq!(kept + moved, 1);

    // And neither gets anything before it asks, also the one that had it before
    first.expect_silence();
    second.expect_silence();
    let fault = first.consume(moved, 0).expect_err("isn't its own");
    assert_eq!(fault.kind, FaultKind::Transient);
    first.consume(kept, 2).expect("consumes");
    second.consume(moved, 4).expect("consumes");
    assert_eq!(
        by_partition(&first.await_records(3)),
        [(kept, vec![2, 3, 4])].into()
    );
    assert_eq!(by_partition(&second.await_records(1)), [(moved, vec![4])].into());
}

pub(super) fn a_restarted_member_takes_its_place_and_the_former_is_out_for_good(harness: &mut dyn Harness) {
    let events = harness.events();
    let mut former = Client::ready(harness, "a");
    let mut other = Client::new(harness.log("b"));
    share(&mut former, &mut other);
    former.initialise().expect("initialises");
    let (place, others) = (former.assigned.clone(), other.assigned.clone());

    // When it starts again under its name (KIP-345)
    let mut latter = Client::new(harness.log("a"));
    latter.await_assigned(&place);

    // Then the other notices nothing
    for _ in 0..5 {
        let told = other.polled(POLL);
        assert_eq!((told.revoked, told.assigned), (Vec::new(), Vec::new()));
    }
    assert_eq!(other.assigned, others);

    // And the former can't commit, even as nobody fenced its producer, and learns that it is out
    let ended = former.commit(vec![outgoing(events, place[0], "zombie")], vec![(place[0], 9)]);
    assert!(matches!(ended, Ended::Fenced(_)), "{ended:?}");
    // It may take its place back once, as it can't tell another of its name from a lost answer; but once only
    let mut tries = 0;
    while former
        .polled(POLL)
        .fault
        .is_none_or(|fault| fault.kind != FaultKind::Fatal)
    {
        latter.polled(POLL);
        tries += 1;
        assert!(tries < PATIENCE, "the former goes on");
    }
    assert_eq!(former.assigned, [] as [i32; 0]);
    latter.await_assigned(&place);
    latter.initialise().expect("initialises");
    assert_eq!(latter.await_located(place[0]).committed, Some(0));
    assert_eq!(latter.read_all(place[0]), []);
}

pub(super) fn partitions_of_a_vanished_member_move_when_its_session_ends(harness: &mut dyn Harness) {
    let mut first = Client::ready(harness, "a");
    let mut second = Client::new(harness.log("b"));
    share(&mut first, &mut second);

    // When the first dies, which tells the group nothing as its name is static
    drop(first);
    let mut tries = 0;
    while second.assigned != all_partitions() {
        assert_eq!(second.polled(MEMBERSHIP_ONLY).fault, None);
        harness.pass(100);
        tries += 1;
        assert!(tries < PATIENCE, "its partitions stay: {:?}", second.assigned);
    }

    // Then the second works on all of them
    second.initialise().expect("initialises");
    second.committed(Vec::new(), vec![(0, 1), (1, 1)]);
    assert_eq!(second.await_located(1).committed, Some(1));
}
