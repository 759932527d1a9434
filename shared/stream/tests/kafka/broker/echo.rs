//! The least that a worker does: it answers every command by an event of the same text, exactly once.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tributary_stream::log::{Ended, FaultKind, Poll};

use super::{Service, Worker, outgoing, poll, value};

/// Few enough that a load takes many transactions.
const BATCH: usize = 20;

/// How the transactions ended so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) committed: usize,
    pub(crate) aborted: usize,
    pub(crate) in_doubt: usize,
    pub(crate) fenced: usize,
}

impl Tally {
    /// How many transactions ended in doubt, or by being fenced: a broker that is away for longer than a transaction may
    /// take ends it when it is back, and so makes certain what was in doubt.
    pub(crate) fn interrupted(&self) -> usize {
        self.in_doubt + self.fenced
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} committed, {} aborted, {} in doubt, {} fenced",
            self.committed, self.aborted, self.in_doubt, self.fenced
        )
    }
}

pub(crate) struct Echo {
    pub(crate) service: Service,
    pub(crate) worker: Worker,
    pub(crate) tally: Tally,
    /// For how long transactions could stay open, one after the other.
    pub(crate) timeouts: Vec<Duration>,
    initialised: bool,
    /// Partitions that are being consumed since everything about them was certain.
    consuming: BTreeMap<i32, i64>,
}

impl Echo {
    pub(crate) fn new(service: &Service, instance: &str) -> Self {
        Self {
            service: service.clone(),
            worker: service.log(instance),
            tally: Tally::default(),
            timeouts: Vec::new(),
            initialised: false,
            consuming: BTreeMap::new(),
        }
    }

    /// Polls once, and commits what came. `false` when the log is broken for good.
    pub(crate) fn round(&mut self) -> bool {
        let Some(batch) = self.gather() else {
            return false;
        };
        if !batch.is_empty() {
            self.answer(batch);
        }
        true
    }

    /// Polls once, and takes up partitions. Gives partition, offset and text of what came.
    pub(crate) fn gather(&mut self) -> Option<Vec<(i32, i64, String)>> {
        let polled = self.worker.polled(Poll {
            records_max: BATCH,
            ..poll(50)
        });
        self.consuming
            .retain(|partition, _| self.worker.assigned.contains(partition));
        if !polled.revoked.is_empty() || !polled.assigned.is_empty() {
            eprintln!("revoked {:?}, assigned {:?}", polled.revoked, polled.assigned);
        }
        if let Some(fault) = polled.fault {
            eprintln!("poll: {fault}");
            if fault.kind == FaultKind::Fatal {
                return None;
            }
        }
        // What comes before a partition was taken up anew belongs to what was given up.
        let records = polled
            .records
            .iter()
            .filter(|record| self.consuming.contains_key(&record.partition));
        let batch = records
            .map(|record| (record.partition, record.offset, value(record)))
            .collect();
        self.take_up();
        Some(batch)
    }

    fn take_up(&mut self) {
        let idle = |partition: &i32| !self.consuming.contains_key(partition);
        let partitions: Vec<i32> = self.worker.assigned.iter().copied().filter(idle).collect();
        if partitions.is_empty() {
            return;
        }
        if !self.initialised {
            match self.worker.initialise() {
                Ok(()) => self.initialised = true,
                Err(fault) => return eprintln!("initialise: {fault}"),
            }
        }
        for partition in partitions {
            match self.worker.locate(partition) {
                Err(fault) => eprintln!("locate: {fault}"),
                Ok(located) => {
                    let from = located.committed.expect("the group was started");
                    match self.worker.consume(partition, from) {
                        Ok(()) => drop(self.consuming.insert(partition, from)),
                        Err(fault) => eprintln!("consume: {fault}"),
                    }
                }
            }
        }
    }

    /// Commits the answers to a batch.
    pub(crate) fn answer(&mut self, batch: Vec<(i32, i64, String)>) -> Ended {
        let mut next_inputs = BTreeMap::new();
        let mut events = Vec::new();
        for (partition, offset, text) in batch {
            next_inputs.insert(partition, offset + 1);
            events.push(outgoing(self.service.events, partition, &text));
        }
        self.timeouts.push(self.worker.log.transaction_timeout());
        self.timeouts.dedup();
        let ended = self.worker.commit(events, next_inputs.into_iter().collect());
        match &ended {
            Ended::Committed { .. } => {
                self.tally.committed += 1;
                return ended;
            }
            Ended::Aborted(fault) => {
                eprintln!("aborted: {fault}");
                self.tally.aborted += 1;
            }
            Ended::InDoubt(fault) => {
                eprintln!("in doubt: {fault}");
                self.tally.in_doubt += 1;
                self.initialised = false;
            }
            Ended::Fenced(fault) => {
                eprintln!("fenced: {fault}");
                self.tally.fenced += 1;
                self.initialised = false;
            }
        }
        self.consuming.clear();
        ended
    }

    /// Goes on until the group has answered everything up to these inputs.
    pub(crate) fn finish(&mut self, ends: &BTreeMap<i32, i64>) {
        for _ in 0..super::PATIENCE_POLLS {
            if self.answered(ends) {
                return;
            }
            // A broker that is away answers late; a second's worth of rounds in between.
            for _ in 0..20 {
                assert!(self.round(), "the log broke for good");
            }
        }
        panic!("did not finish: {}", self.tally);
    }

    fn answered(&mut self, ends: &BTreeMap<i32, i64>) -> bool {
        ends.iter().all(|(&partition, &end)| {
            let located = self.worker.locate(partition).ok();
            located.and_then(|located| located.committed) == Some(end)
        })
    }
}
