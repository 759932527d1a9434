//! The checker beside the run: reads what was committed after every step, and judges at causally closed cuts.

use std::collections::BTreeMap;

use tributary_checker::{BankCheck, BankCut, SERVICES};
use tributary_contracts::{laundering::FEED, topics::Topic};
use tributary_stream::memory::{BrokerError, MemoryBroker};

use crate::world::PARTITIONS;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Number of the invariant (`docs/invariants.md`); none where the bank itself noticed.
    pub invariant: Option<u8>,
    /// Stable.
    pub code: &'static str,
    /// For people, with positions.
    pub what: String,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.invariant {
            Some(invariant) => write!(f, "invariant {invariant}, {}: {}", self.code, self.what),
            None => write!(f, "{}: {}", self.code, self.what),
        }
    }
}

/// A partition of a topic, and how far it was read.
struct Reading {
    topic: Topic,
    partition: i32,
    next: i64,
}

pub(crate) struct Judge {
    pub(crate) check: BankCheck,
    readings: Vec<Reading>,
    /// A cut that was begun, and the offsets that must be passed before it is judged, as `readings` has them.
    pending: Option<(BankCut, Vec<i64>)>,
    /// Something was read since the last cut began.
    changed: bool,
    pub(crate) cuts: u64,
}

impl Judge {
    pub(crate) fn new() -> Self {
        let topics = SERVICES.iter().flat_map(|(_, topics)| topics);
        let readings = topics.flat_map(|topic| {
            (0..PARTITIONS).map(|partition| Reading {
                topic: *topic,
                partition,
                next: 0,
            })
        });
        Self {
            check: BankCheck::new(PARTITIONS),
            readings: readings.collect(),
            pending: None,
            changed: false,
            cuts: 0,
        }
    }

    /// Reads what is new, and judges it.
    pub(crate) fn judge(&mut self, broker: &MemoryBroker) -> Result<(), BrokerError> {
        for reading in &mut self.readings {
            let (topic, partition) = (reading.topic.name, reading.partition);
            let read = broker.read_committed_from(topic, partition, reading.next)?;
            if read.next == reading.next {
                continue;
            }
            self.changed = true;
            reading.next = read.next;
            for record in &read.records {
                self.check.observe(topic, record);
            }
            self.check.read_to(topic, partition, read.next);
        }
        self.end_cut();
        if self.changed && self.pending.is_none() {
            self.changed = false;
            let cut = BankCut {
                dead_letters_whole: true,
                ..self.cut(broker)
            };
            self.check.begin_cut();
            self.pending = Some((cut, self.ends(broker)?));
            self.end_cut();
        }
        Ok(())
    }

    fn end_cut(&mut self) {
        let passed = |(_, ends): &mut (BankCut, Vec<i64>)| {
            self.readings
                .iter()
                .zip(ends)
                .all(|(reading, end)| reading.next >= *end)
        };
        if let Some((cut, _)) = self.pending.take_if(passed) {
            self.check.end_cut(&cut);
            self.cuts += 1;
        }
    }

    fn cut(&self, broker: &MemoryBroker) -> BankCut {
        let committed = |service: &'static str| -> BTreeMap<i32, i64> {
            (0..PARTITIONS)
                .filter_map(|partition| Some((partition, broker.committed(service, partition)?)))
                .collect()
        };
        BankCut {
            committed: SERVICES
                .iter()
                .map(|(service, _)| (*service, committed(service)))
                .collect(),
            fed: committed(FEED),
            ..BankCut::default()
        }
    }

    fn ends(&self, broker: &MemoryBroker) -> Result<Vec<i64>, BrokerError> {
        let end = |reading: &Reading| broker.end_offset(reading.topic.name, reading.partition);
        self.readings.iter().map(end).collect()
    }

    /// Judges the bank at rest.
    pub(crate) fn finish(&mut self, broker: &MemoryBroker) -> Result<(), BrokerError> {
        self.judge(broker)?;
        let cut = BankCut {
            quiescent: true,
            expired_before: Some(broker.time()),
            dead_letters_whole: true,
            ..self.cut(broker)
        };
        self.check.finish(&cut);
        Ok(())
    }

    /// Up to where a topic was read, by partition.
    pub(crate) fn positions(&self, topic: Topic) -> BTreeMap<i32, i64> {
        self.readings
            .iter()
            .filter(|reading| reading.topic == topic)
            .map(|reading| (reading.partition, reading.next))
            .collect()
    }

    /// The first thing that is wrong.
    pub(crate) fn found(&self) -> Option<Found> {
        let violation = self.check.findings().violations().first()?;
        let places: Vec<String> = violation
            .at
            .iter()
            .map(|at| format!("{}/{}:{}", at.topic, at.partition, at.offset))
            .collect();
        Some(Found {
            invariant: Some(violation.invariant.number()),
            code: violation.code,
            what: format!("{} @ {}", violation.what, places.join(" ")),
        })
    }
}
