//! A worker by hand: its log's answers taken apart, and waiting for what has to come.

use std::collections::BTreeMap;
use std::time::Duration;

use tributary_contracts::record::{Headers, Outgoing, Record};

use super::{Harness, PARTITIONS};
use crate::log::{
    Action, Ended, EventsRead, Fault, FaultKind, Input, Located, Log, Poll, Polled, Transaction,
};

/// How often to try before a case fails. With a poll of 100 ms each: enough for a cold broker on a busy machine, and
/// nothing waits for it in vain.
pub(super) const PATIENCE: usize = 600;

pub(super) fn outgoing(topic: &'static str, partition: i32, value: &str) -> Outgoing {
    let mut headers = Headers::default();
    headers.push("ce_id", value.as_bytes());
    Outgoing {
        topic,
        partition,
        key: b"key".to_vec(),
        headers,
        value: value.as_bytes().to_vec(),
    }
}

pub(super) fn values(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| String::from_utf8_lossy(&record.value).into_owned())
        .collect()
}

pub(super) fn offsets(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.offset).collect()
}

/// Offsets by partition, in the order of the records.
pub(super) fn by_partition(records: &[Record]) -> BTreeMap<i32, Vec<i64>> {
    let mut offsets: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for record in records {
        offsets.entry(record.partition).or_default().push(record.offset);
    }
    offsets
}

/// Writes so many records to a partition of the inbox: `p0-000`, `p0-001`, …
pub(super) fn fill(harness: &mut dyn Harness, partition: i32, count: usize) {
    for at in 0..count {
        let record = outgoing(harness.inbox(), partition, &format!("p{partition}-{at:03}"));
        assert_eq!(harness.append(record), at as i64);
    }
}

pub(super) fn all_partitions() -> Vec<i32> {
    (0..PARTITIONS).collect()
}

/// Limits that no case's records reach.
pub(super) const POLL: Poll = Poll {
    max_wait: Duration::from_millis(100),
    linger: Duration::ZERO,
    records_max: 10_000,
    bytes_max: 100_000_000,
};

pub(super) const MEMBERSHIP_ONLY: Poll = Poll {
    records_max: 0,
    ..POLL
};

pub(super) struct Client {
    log: Box<dyn Log>,
    pub(super) assigned: Vec<i32>,
}

impl Client {
    pub(super) fn new(log: Box<dyn Log>) -> Self {
        Self {
            log,
            assigned: Vec::new(),
        }
    }

    /// The instance's worker, with all partitions assigned and its producer initialised.
    pub(super) fn ready(harness: &mut dyn Harness, instance: &str) -> Self {
        let mut client = Self::new(harness.log(instance));
        client.await_assigned(&all_partitions());
        client.initialise().expect("initialises");
        client
    }

    /// Polls, and checks that what is told of membership fits what was told before.
    pub(super) fn polled(&mut self, poll: Poll) -> Polled {
        let Input::Polled(polled) = self.log.perform(Action::Poll(poll)) else {
            panic!("a poll was answered by something else");
        };
        for partition in &polled.revoked {
            let held = self.assigned.iter().position(|held| held == partition);
            self.assigned.remove(held.expect("only what is held is revoked"));
        }
        for partition in &polled.assigned {
            assert!(
                !self.assigned.contains(partition),
                "only what isn't held is assigned: {polled:?}"
            );
            self.assigned.push(*partition);
        }
        self.assigned.sort_unstable();
        for record in &polled.records {
            assert!(
                self.assigned.contains(&record.partition),
                "not assigned: {record:?}"
            );
        }
        polled
    }

    /// Polls until exactly these partitions are assigned.
    pub(super) fn await_assigned(&mut self, partitions: &[i32]) {
        for _ in 0..PATIENCE {
            if self.assigned == partitions {
                return;
            }
            let polled = self.polled(POLL);
            assert_eq!(polled.fault, None);
            assert_eq!(polled.records, [], "before anything is consumed");
        }
        panic!("{partitions:?} were not assigned, but {:?}", self.assigned);
    }

    /// Polls until so many records came.
    pub(super) fn await_records(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        for _ in 0..PATIENCE {
            if records.len() >= count {
                return records;
            }
            let polled = self.polled(POLL);
            assert_eq!(polled.fault, None);
            records.extend(polled.records);
        }
        panic!("{} of {count} records came", records.len());
    }

    /// Polls some times, in which nothing may come.
    pub(super) fn expect_silence(&mut self) {
        for _ in 0..5 {
            let polled = self.polled(POLL);
            assert_eq!(polled.records, []);
            assert_eq!(polled.fault, None);
        }
    }

    /// Polls until a fault of this kind is told. Transient ones may come before.
    pub(super) fn await_fault(&mut self, kind: FaultKind) -> Fault {
        for _ in 0..PATIENCE {
            match self.polled(POLL).fault {
                Some(fault) if fault.kind == kind => return fault,
                Some(fault) => assert_eq!(fault.kind, FaultKind::Transient, "{fault}"),
                None => {}
            }
        }
        panic!("no fault of kind {kind:?} was told");
    }

    pub(super) fn initialise(&mut self) -> Result<(), Fault> {
        let Input::Initialised(result) = self.log.perform(Action::Initialise) else {
            panic!("initialise was answered by something else");
        };
        result
    }

    pub(super) fn locate(&mut self, partition: i32) -> Result<Located, Fault> {
        let answer = self.log.perform(Action::Locate { partition });
        let Input::Located {
            partition: of,
            located,
        } = answer
        else {
            panic!("locate was answered by something else");
        };
        assert_eq!(of, partition);
        located
    }

    /// Locates, as soon as nothing is pending: a commit is answered before its markers stand.
    pub(super) fn await_located(&mut self, partition: i32) -> Located {
        for _ in 0..PATIENCE {
            match self.locate(partition) {
                Ok(located) => return located,
                Err(fault) => assert_eq!(fault.kind, FaultKind::Transient, "{fault}"),
            }
        }
        panic!("partition {partition} can't be located");
    }

    pub(super) fn read(
        &mut self,
        partition: i32,
        from: i64,
        records_max: usize,
    ) -> Result<EventsRead, Fault> {
        let answer = self.log.perform(Action::ReadEvents {
            partition,
            from,
            records_max,
        });
        let Input::EventsRead { partition: of, read } = answer else {
            panic!("reading was answered by something else");
        };
        assert_eq!(of, partition);
        if let Ok(read) = &read {
            assert!(read.next >= from, "went back: {read:?}");
            assert!(read.records.len() <= records_max);
            let inside = from..read.next;
            assert!(offsets(&read.records).is_sorted());
            assert!(
                read.records.iter().all(|record| inside.contains(&record.offset)),
                "{read:?}"
            );
        }
        read
    }

    /// Reads events until this offset is reached.
    pub(super) fn read_to(&mut self, partition: i32, from: i64, end: i64) -> Vec<Record> {
        let (mut next, mut records) = (from, Vec::new());
        for _ in 0..PATIENCE {
            if next >= end {
                return records;
            }
            let read = self.read(partition, next, 1_000).expect("reads");
            next = read.next;
            records.extend(read.records);
        }
        panic!("reached {next}, not {end}");
    }

    /// All events of a partition, up to its high watermark.
    pub(super) fn read_all(&mut self, partition: i32) -> Vec<Record> {
        let located = self.await_located(partition);
        self.read_to(partition, located.events_start, located.events_end)
    }

    /// Reads some times, in which nothing may come and nothing may be passed.
    pub(super) fn expect_no_event(&mut self, partition: i32, from: i64) {
        for _ in 0..5 {
            let read = self.read(partition, from, 100).expect("reads");
            assert_eq!(read.records, []);
            assert_eq!(read.next, from);
        }
    }

    pub(super) fn consume(&mut self, partition: i32, from: i64) -> Result<(), Fault> {
        let answer = self.log.perform(Action::Consume { partition, from });
        let Input::Consuming {
            partition: of,
            result,
        } = answer
        else {
            panic!("consume was answered by something else");
        };
        assert_eq!(of, partition);
        result
    }

    pub(super) fn commit(&mut self, records: Vec<Outgoing>, next_inputs: Vec<(i32, i64)>) -> Ended {
        let transaction = Transaction { records, next_inputs };
        let Input::Ended(ended) = self.log.perform(Action::Commit(transaction)) else {
            panic!("a commit was answered by something else");
        };
        ended
    }

    /// Commits, expects it to succeed, and returns the offsets of the records.
    pub(super) fn committed(&mut self, records: Vec<Outgoing>, next_inputs: Vec<(i32, i64)>) -> Vec<i64> {
        match self.commit(records, next_inputs) {
            Ended::Committed { offsets } => offsets,
            other => panic!("not committed: {other:?}"),
        }
    }
}
