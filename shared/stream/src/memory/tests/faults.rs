use super::*;
use crate::log::FaultKind;
use crate::memory::{OpenTransaction, TransactionStatus};

/// Points of a transaction before the commit is decided.
const UNDECIDED: [FaultPoint; 5] = [
    FaultPoint::Begin,
    FaultPoint::Produced { n: 0 },
    FaultPoint::Produced { n: 1 },
    FaultPoint::Offsets,
    FaultPoint::Commit,
];

#[test]
fn a_refusal_before_the_commit_aborts_cleanly_and_the_producer_goes_on() {
    for at in UNDECIDED {
        let broker = broker();
        let mut log = scripted(&broker, "a", [(at, InjectedFault::Refused)]);
        let ended = commit(&mut log, "refused");
        assert!(matches!(ended, Ended::Aborted(_)), "{at:?}: {ended:?}");
        assert_eq!(broker.open_transactions(), [], "{at:?}");
        assert_eq!(broker.committed(GROUP, 0), None);

        let ended = commit(&mut log, "again");
        assert!(matches!(ended, Ended::Committed { .. }), "{at:?}: {ended:?}");
        assert_eq!(events(&broker, 0), ["again"]);
        assert_eq!(broker.committed(GROUP, 0), Some(1));
        assert_eq!(broker.faults_struck(), [("refused", 1)].into());
    }
}

#[test]
fn a_lost_connection_before_the_commit_is_in_doubt_and_initialising_aborts_what_is_open() {
    for at in UNDECIDED {
        let broker = broker();
        let mut log = scripted(&broker, "a", [(at, InjectedFault::Disconnected)]);
        let ended = commit(&mut log, "lost");
        assert!(matches!(ended, Ended::InDoubt(_)), "{at:?}: {ended:?}");
        let open = broker.open_transactions().len();
        assert_eq!(open, usize::from(at != FaultPoint::Begin), "{at:?}");

        // Until it is initialised anew, it can't commit
        let ended = commit(&mut log, "early");
        assert!(matches!(ended, Ended::InDoubt(_)), "{ended:?}");
        initialise(&mut log).unwrap();
        assert_eq!(broker.open_transactions(), []);
        assert!(matches!(commit(&mut log, "again"), Ended::Committed { .. }));
        assert_eq!(events(&broker, 1), ["again"]);
    }
}

#[test]
fn a_lost_answer_to_a_commit_is_in_doubt_and_everything_is_there() {
    let broker = broker();
    let mut log = scripted(
        &broker,
        "a",
        [(FaultPoint::Prepared, InjectedFault::Disconnected)],
    );
    let ended = commit(&mut log, "there");
    assert!(matches!(ended, Ended::InDoubt(_)), "{ended:?}");
    assert_eq!(events(&broker, 0), ["there"]);
    assert_eq!(events(&broker, 1), ["there"]);
    assert_eq!(broker.committed(GROUP, 0), Some(1));
}

#[test]
fn a_commit_that_arrives_late_counts_unless_the_producer_was_initialised_meanwhile() {
    for initialised in [false, true] {
        let broker = broker();
        let late = InjectedFault::CommitDelayed { ms: 500 };
        let mut log = scripted(&broker, "a", [(FaultPoint::Commit, late)]);
        assert!(matches!(commit(&mut log, "late"), Ended::InDoubt(_)));
        assert_eq!(broker.delayed_commits(), 1);
        if initialised {
            initialise(&mut log).unwrap();
        }
        broker.advance(499);
        assert_eq!(events(&broker, 0), [] as [&str; 0]);
        broker.advance(1);
        assert_eq!(broker.delayed_commits(), 0);
        assert_eq!(events(&broker, 0).len(), usize::from(!initialised));
        assert_eq!(broker.committed(GROUP, 0), (!initialised).then_some(1));
    }
}

#[test]
fn late_markers_hold_back_readers_offsets_and_the_next_transaction() {
    let broker = broker();
    let late = InjectedFault::MarkersDelayed { ms: 300, at_once: 1 };
    let mut log = scripted(&broker, "a", [(FaultPoint::Commit, late)]);
    let ended = commit(&mut log, "one");
    assert!(matches!(ended, Ended::Committed { .. }), "{ended:?}");

    // Given that only the first partition has its marker
    assert_eq!(events(&broker, 0), ["one"]);
    assert_eq!(events(&broker, 1), [] as [&str; 0]);
    assert_eq!(broker.last_stable_offset(EVENTS, 1).unwrap(), 0);
    assert_eq!(broker.end_offset(EVENTS, 1).unwrap(), 1);
    let fault = locate(&mut log, 0).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient);
    let status = TransactionStatus::Prepared {
        commit: true,
        markers_left: 2,
    };
    let transactional_id = "accounts-a-0".to_owned();
    let open = OpenTransaction {
        transactional_id,
        status,
    };
    assert_eq!(broker.open_transactions(), [open]);

    // Then the next transaction has to wait, and so has a successor
    let ended = commit(&mut log, "early");
    assert!(matches!(ended, Ended::Aborted(_)), "{ended:?}");
    let mut successor = self::log(&broker, "a");
    assert_eq!(initialise(&mut successor).unwrap_err().kind, FaultKind::Transient);

    // Until they are written
    broker.advance(300);
    assert_eq!(events(&broker, 1), ["one"]);
    assert_eq!(locate(&mut log, 0).unwrap().committed, Some(1));
    assert!(matches!(commit(&mut log, "two"), Ended::Committed { .. }));
    assert_eq!(events(&broker, 1), ["one", "two"]);
}

#[test]
fn who_crashes_answers_nothing_any_more_and_the_next_of_its_name_cleans_up() {
    for at in UNDECIDED {
        let broker = broker();
        let mut log = scripted(&broker, "a", [(at, InjectedFault::Crash)]);
        assert!(matches!(commit(&mut log, "lost"), Ended::InDoubt(_)));
        assert!(log.is_crashed());
        assert_eq!(initialise(&mut log).unwrap_err().kind, FaultKind::Fatal);
        assert_eq!(locate(&mut log, 0).unwrap_err().kind, FaultKind::Fatal);
        assert_eq!(polled(&mut log).fault.unwrap().kind, FaultKind::Fatal);

        let mut next = scripted(&broker, "a", []);
        assert!(matches!(commit(&mut next, "next"), Ended::Committed { .. }));
        assert_eq!(events(&broker, 0), ["next"]);
    }
}

#[test]
fn who_stands_still_past_the_time_out_of_its_transaction_is_fenced() {
    for at in &UNDECIDED[1..] {
        let broker = broker();
        let mut log = scripted(&broker, "a", [(*at, InjectedFault::Stall { ms: 10_000 })]);
        let ended = commit(&mut log, "zombie");
        assert!(matches!(ended, Ended::Fenced(_)), "{at:?}: {ended:?}");
        assert_eq!(broker.open_transactions(), []);
        assert_eq!(events(&broker, 0), [] as [&str; 0]);
        assert_eq!(broker.committed(GROUP, 0), None);
    }
}

#[test]
fn who_stands_still_past_its_session_can_not_send_offsets() {
    for fault in [
        InjectedFault::Stall { ms: 6_000 },
        InjectedFault::Expelled,
        InjectedFault::JoinAnswerLost,
    ] {
        let broker = broker();
        let mut log = scripted(&broker, "a", [(FaultPoint::Offsets, fault)]);
        let ended = commit(&mut log, "zombie");
        assert!(matches!(ended, Ended::Fenced(_)), "{fault:?}: {ended:?}");
        assert_eq!(broker.open_transactions(), [], "its producer could still abort");
        assert_eq!(events(&broker, 0), [] as [&str; 0]);

        // And it finds its way back
        assert_eq!(polled(&mut log).revoked, [0, 1]);
        polled(&mut log);
        initialise(&mut log).unwrap();
        assert!(
            matches!(commit(&mut log, "back"), Ended::Committed { .. }),
            "{fault:?}"
        );
    }
}

#[test]
fn a_successor_that_starts_in_the_middle_of_a_transaction_fences_it() {
    for point in [
        FaultPoint::Produced { n: 0 },
        FaultPoint::Offsets,
        FaultPoint::Commit,
    ] {
        let broker = broker();
        let other = broker.clone();
        let plan = move |at: FaultPoint| {
            if at == point {
                initialise(&mut log(&other, "a")).unwrap();
            }
            None
        };
        let mut log = MemoryLog::with_faults(&broker, settings("a"), Box::new(plan));
        polled(&mut log);
        initialise(&mut log).unwrap();
        let ended = commit(&mut log, "zombie");
        assert!(matches!(ended, Ended::Fenced(_)), "{point:?}: {ended:?}");
        assert_eq!(events(&broker, 0), [] as [&str; 0]);
        assert_eq!(broker.committed(GROUP, 0), None);
    }
}

#[test]
fn requests_outside_of_transactions_fail_as_planned() {
    let broker = broker();
    let mut log = scripted(
        &broker,
        "a",
        [
            (FaultPoint::Locate { partition: 0 }, InjectedFault::Refused),
            (FaultPoint::Poll, InjectedFault::Disconnected),
            (FaultPoint::Locate { partition: 1 }, InjectedFault::Broken),
        ],
    );
    assert_eq!(locate(&mut log, 0).unwrap_err().kind, FaultKind::Transient);
    assert!(locate(&mut log, 0).is_ok());
    let poll = polled(&mut log);
    assert_eq!(poll.fault.unwrap().kind, FaultKind::Transient);
    assert_eq!(poll.revoked, [] as [i32; 0]);
    assert_eq!(locate(&mut log, 1).unwrap_err().kind, FaultKind::Fatal);
    let struck = [("broken", 1), ("disconnected", 1), ("refused", 1)];
    assert_eq!(broker.faults_struck(), struck.into());
}

#[test]
fn a_fault_that_makes_no_sense_at_its_point_neither_strikes_nor_counts() {
    let broker = broker();
    let senseless = [
        (FaultPoint::Begin, InjectedFault::Broken),
        (FaultPoint::Offsets, InjectedFault::CommitDelayed { ms: 1 }),
        (FaultPoint::Prepared, InjectedFault::Refused),
    ];
    let mut log = scripted(&broker, "a", senseless);
    assert!(matches!(commit(&mut log, "one"), Ended::Committed { .. }));
    assert_eq!(broker.faults_struck(), [].into());
}

#[test]
fn a_lost_answer_to_initialising_has_fenced_the_former_all_the_same() {
    let broker = broker();
    let mut former = scripted(&broker, "a", []);
    let lost = Script::new([(FaultPoint::Initialise, InjectedFault::Disconnected)]);
    let mut latter = MemoryLog::with_faults(&broker, settings("a"), Box::new(lost));
    assert_eq!(initialise(&mut latter).unwrap_err().kind, FaultKind::Transient);
    assert!(matches!(commit(&mut former, "zombie"), Ended::Fenced(_)));
    initialise(&mut latter).unwrap();
}

#[test]
fn offsets_that_are_marked_first_tell_more_than_readers_can_see() {
    let broker = broker();
    let first = InjectedFault::OffsetsFirst { ms: 300 };
    let mut log = scripted(&broker, "a", [(FaultPoint::Commit, first)]);
    let ended = commit(&mut log, "one");
    assert!(matches!(ended, Ended::Committed { .. }), "{ended:?}");

    // Given that only the offsets have their marker
    assert_eq!(broker.committed(GROUP, 0), Some(1));
    assert_eq!(events(&broker, 0), [] as [&str; 0]);
    let located = locate(&mut log, 0).unwrap();
    assert_eq!((located.committed, located.events_end), (Some(1), 1));
    assert_eq!(broker.last_stable_offset(EVENTS, 0).unwrap(), 0);

    // Until the others are written
    broker.advance(300);
    assert_eq!(events(&broker, 0), ["one"]);
    assert_eq!(broker.faults_struck(), [("offsets-first", 1)].into());
}
