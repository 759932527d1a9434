//! Invariant 12 of what could not be handled: every dead letter stands in its topic and has its event, and both name
//! the same input record.

use std::{collections::BTreeMap, marker::PhantomData};

use tributary_contracts::record::Record;

use super::Language;
use crate::violation::{At, Findings, Invariant};

/// Partition and offset of the input record.
type Origin = (i32, i64);

/// What was seen on one side only; events and dead letters are read independently.
#[derive(Debug)]
pub(super) struct DeadLetters<L> {
    of: PhantomData<L>,
    events: BTreeMap<Origin, At>,
    records: BTreeMap<Origin, At>,
    /// What was seen on one side only when the cut began.
    marked: Vec<Origin>,
}

impl<L: Language> Default for DeadLetters<L> {
    fn default() -> Self {
        Self {
            of: PhantomData,
            events: BTreeMap::new(),
            records: BTreeMap::new(),
            marked: Vec::new(),
        }
    }
}

impl<L: Language> DeadLetters<L> {
    /// An event says that the input record is a dead letter.
    pub(super) fn event(&mut self, origin: i64, at: At) {
        let origin = (at.partition, origin);
        if self.records.remove(&origin).is_none() {
            self.events.insert(origin, at);
        }
    }

    /// A record of the topic itself.
    pub(super) fn record(&mut self, record: &Record, found: &mut Findings) {
        let at = At {
            topic: L::DEAD_LETTERS.name,
            partition: record.partition,
            offset: record.offset,
        };
        let Some(origin) = origin_of::<L>(record) else {
            found.violate(Invariant::Consumed, "DEAD_LETTER_WITHOUT_ORIGIN", &[at], || {
                "the record's headers don't name the input record".to_owned()
            });
            return;
        };
        found.check(Invariant::Consumed);
        if self.events.remove(&origin).is_some() {
            return;
        }
        if let Some(first) = self.records.insert(origin, at) {
            found.violate(Invariant::Consumed, "DEAD_LETTER_TWICE", &[first, at], || {
                format!("input {origin:?} is a dead letter twice")
            });
        }
    }

    /// Takes down what must be matched once everything in the log was read.
    pub(super) fn mark(&mut self) {
        self.marked = self.events.keys().chain(self.records.keys()).copied().collect();
    }

    /// Judges what was taken down. Where retention has taken dead letters, only what still stands there is judged.
    pub(super) fn judge(&mut self, whole: bool, found: &mut Findings) {
        for origin in std::mem::take(&mut self.marked) {
            if let Some(at) = self.events.remove(&origin).filter(|_| whole) {
                found.violate(Invariant::Consumed, "DEAD_LETTER_WITHOUT_RECORD", &[at], || {
                    format!("input {origin:?} stands not in {}", L::DEAD_LETTERS.name)
                });
            }
            if let Some(at) = self.records.remove(&origin) {
                found.violate(Invariant::Consumed, "DEAD_LETTER_WITHOUT_EVENT", &[at], || {
                    format!("no event says that input {origin:?} is a dead letter")
                });
            }
        }
    }
}

/// The input record that a dead letter was.
fn origin_of<L: Language>(record: &Record) -> Option<Origin> {
    let header = |name| record.headers.text(name);
    let partition = header("dlq_origin_partition")?.parse().ok()?;
    let offset = header("dlq_origin_offset")?.parse().ok()?;
    (header("dlq_origin_topic")? == L::INBOX.name).then_some((partition, offset))
}
