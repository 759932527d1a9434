//! What only the in-memory broker can show: faults at a chosen point, markers one by one, time at will.

mod faults;
mod groups;
mod transactions;

use std::time::Duration;

use tributary_contracts::record::{Headers, Outgoing};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, ACCOUNTS_INBOX, ALL};

use super::{FaultPoint, InjectedFault, MemoryBroker, MemoryLog, MemoryLogSettings, Script};
use crate::log::{Action, Ended, Fault, Input, Located, Log, Poll, Polled, Transaction};

const GROUP: &str = "accounts";
const EVENTS: &str = ACCOUNTS_EVENTS.name;
const INBOX: &str = ACCOUNTS_INBOX.name;

fn broker() -> MemoryBroker {
    MemoryBroker::new(ALL, 2)
}

fn outgoing(topic: &'static str, partition: i32, value: &str) -> Outgoing {
    Outgoing {
        topic,
        partition,
        key: b"key".to_vec(),
        headers: Headers::default(),
        value: value.as_bytes().to_vec(),
    }
}

/// Committed values of a partition of the events.
fn events(broker: &MemoryBroker, partition: i32) -> Vec<String> {
    let records = broker.read_committed(EVENTS, partition).unwrap();
    records
        .into_iter()
        .map(|record| String::from_utf8(record.value).unwrap())
        .collect()
}

fn settings(instance: &str) -> MemoryLogSettings {
    MemoryLogSettings {
        service: GROUP.to_owned(),
        inbox: INBOX.to_owned(),
        events: EVENTS.to_owned(),
        instance: instance.to_owned(),
        worker: 0,
        clock_skew_ms: 0,
    }
}

fn log(broker: &MemoryBroker, instance: &str) -> MemoryLog {
    MemoryLog::new(broker, settings(instance))
}

fn polled(log: &mut MemoryLog) -> Polled {
    let poll = Poll {
        max_wait: Duration::ZERO,
        linger: Duration::ZERO,
        records_max: 100,
        bytes_max: 100_000,
    };
    match log.perform(Action::Poll(poll)) {
        Input::Polled(polled) => polled,
        other => panic!("{other:?}"),
    }
}

fn initialise(log: &mut MemoryLog) -> Result<(), Fault> {
    match log.perform(Action::Initialise) {
        Input::Initialised(result) => result,
        other => panic!("{other:?}"),
    }
}

fn locate(log: &mut MemoryLog, partition: i32) -> Result<Located, Fault> {
    match log.perform(Action::Locate { partition }) {
        Input::Located { located, .. } => located,
        other => panic!("{other:?}"),
    }
}

/// Commits an event to each partition of the events, and offset 1 of partition 0.
fn commit(log: &mut MemoryLog, value: &str) -> Ended {
    let transaction = Transaction {
        records: vec![outgoing(EVENTS, 0, value), outgoing(EVENTS, 1, value)],
        next_inputs: vec![(0, 1)],
    };
    match log.perform(Action::Commit(transaction)) {
        Input::Ended(ended) => ended,
        other => panic!("{other:?}"),
    }
}

/// A log with a script of faults, that owns both partitions and has its producer initialised.
fn scripted(
    broker: &MemoryBroker,
    instance: &str,
    steps: impl IntoIterator<Item = (FaultPoint, InjectedFault)>,
) -> MemoryLog {
    let mut log = MemoryLog::with_faults(broker, settings(instance), Box::new(Script::new(steps)));
    assert_eq!(polled(&mut log).assigned, [0, 1]);
    initialise(&mut log).unwrap();
    log
}
