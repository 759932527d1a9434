use super::*;
use crate::log::FaultKind;
use crate::memory::BrokerError;
use crate::memory::groups::{Membership, Told};

#[test]
fn members_get_consecutive_partitions_and_the_first_ones_those_left_over() {
    let broker = MemoryBroker::new(ALL, 7);
    let mut logs = ["c", "a", "b"].map(|instance| log(&broker, instance));
    let mut owned = [const { Vec::new() }; 3];
    for _ in 0..4 {
        for (log, owned) in logs.iter_mut().zip(&mut owned) {
            let polled = polled(log);
            owned.retain(|partition| !polled.revoked.contains(partition));
            owned.extend(polled.assigned);
        }
    }
    assert_eq!(owned, [vec![5, 6], vec![0, 1, 2], vec![3, 4]]);
}

#[test]
fn during_a_rebalance_who_has_not_heard_of_it_can_still_commit_and_then_no_more() {
    let broker = broker();
    let mut first = scripted(&broker, "a", []);
    let mut second = log(&broker, "b");
    assert_eq!(
        polled(&mut second).assigned,
        [] as [i32; 0],
        "the first holds everything yet"
    );

    // The old generation is good until every member has rejoined
    assert!(matches!(commit(&mut first, "in time"), Ended::Committed { .. }));
    let told = polled(&mut first);
    assert_eq!((told.revoked, told.assigned), (vec![0, 1], vec![0]));
    assert_eq!(polled(&mut second).assigned, [1]);

    // And its own partition can go on in the new one
    assert!(matches!(commit(&mut first, "after"), Ended::Committed { .. }));
    assert_eq!(events(&broker, 0), ["in time", "after"]);
}

#[test]
fn a_member_gives_everything_back_before_the_others_have_rejoined() {
    let broker = MemoryBroker::new(ALL, 2);
    let mut first = log(&broker, "a");
    let mut second = log(&broker, "b");
    polled(&mut first);
    polled(&mut second);
    polled(&mut first);
    assert_eq!(polled(&mut second).assigned, [1]);
    initialise(&mut first).unwrap();

    // When a third one joins, and the second hasn't heard of it
    let mut third = log(&broker, "c");
    polled(&mut third);
    let told = polled(&mut first);

    // Then the first has nothing, though its generation is still good
    assert_eq!((told.revoked, told.assigned), (vec![0], Vec::new()));
    assert!(matches!(commit(&mut first, "late"), Ended::Fenced(_)));
    assert_eq!(polled(&mut second).revoked, [1]);
    assert_eq!(polled(&mut first).assigned, [0]);
    assert_eq!(
        polled(&mut third).assigned,
        [] as [i32; 0],
        "there are two partitions only"
    );
}

#[test]
fn offsets_are_taken_from_a_member_of_the_present_generation_only() {
    // Given a member, then a rebalance, in which a second one joins
    let broker = broker();
    let attend = |instance: &str, known: Option<&Membership>| match broker
        .lock()
        .attend(GROUP, INBOX, instance, known)
        .unwrap()
    {
        Told::Stable => panic!("nothing is told"),
        Told::Rebalancing(membership) | Told::Assigned(membership, _) => membership,
    };
    let before = attend("a", None);
    let second = attend("b", None);
    let after = attend("a", Some(&before));
    let second = attend("b", Some(&second));
    assert_eq!(
        (before.generation, after.generation, second.generation),
        (1, 2, 2)
    );

    // Then what the member knew before counts no more, nor does another's id or name (KIP-447)
    let mut broker = broker.lock();
    let identity = broker.init_producer("p").unwrap();
    let mut send =
        |membership: &Membership| broker.send_offsets("p", identity, GROUP, Some(membership), &[(0, 1)]);
    assert_eq!(send(&before), Err(BrokerError::IllegalGeneration));
    let other_id = Membership {
        member_id: second.member_id,
        ..after.clone()
    };
    assert_eq!(send(&other_id), Err(BrokerError::FencedInstanceId));
    let nobody = Membership {
        instance: "c".to_owned(),
        ..after.clone()
    };
    assert_eq!(send(&nobody), Err(BrokerError::UnknownMemberId));
    assert_eq!(send(&after), Ok(()));
}

#[test]
fn a_session_lasts_as_long_as_anything_is_heard_of_its_member() {
    let broker = broker();
    let mut first = scripted(&broker, "a", []);
    for _ in 0..10 {
        broker.advance(5_999);
        // Not a poll: the real client's heartbeats come from a thread of its own
        locate(&mut first, 0).unwrap();
    }
    assert!(matches!(commit(&mut first, "alive"), Ended::Committed { .. }));
    broker.advance(6_000);
    assert!(matches!(commit(&mut first, "dead"), Ended::Fenced(_)));
    let told = polled(&mut first);
    assert_eq!(
        (told.revoked, told.assigned),
        (vec![0, 1], vec![0, 1]),
        "it joins anew"
    );
}

#[test]
fn of_two_with_one_name_the_former_goes_in_the_end() {
    let broker = broker();
    let mut former = log(&broker, "a");
    polled(&mut former);
    let mut latter = log(&broker, "a");
    polled(&mut latter);

    let told = polled(&mut former);
    assert_eq!(told.revoked, [0, 1]);
    assert_eq!(told.fault.unwrap().kind, FaultKind::Transient);
    assert_eq!(polled(&mut former).assigned, [0, 1], "it can't know better");
    assert_eq!(polled(&mut latter).fault.unwrap().kind, FaultKind::Transient);
    assert_eq!(polled(&mut latter).assigned, [0, 1]);
    assert_eq!(polled(&mut former).fault.unwrap().kind, FaultKind::Fatal);
    assert_eq!(polled(&mut former).fault.unwrap().kind, FaultKind::Fatal);
    let told = polled(&mut latter);
    assert_eq!((told.revoked, told.fault), (Vec::new(), None));
}

#[test]
fn an_administrator_sets_offsets_of_an_empty_group_only() {
    let broker = broker();
    broker.commit_offset(GROUP, 0, 3).unwrap();
    let mut log = log(&broker, "a");
    assert_eq!(locate(&mut log, 0).unwrap().committed, Some(3));
    polled(&mut log);
    assert!(broker.commit_offset(GROUP, 0, 0).is_err());
    assert_eq!(broker.committed(GROUP, 0), Some(3));
}
