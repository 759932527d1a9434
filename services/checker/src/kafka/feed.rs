//! Reads the ledger's topics side by side into the fold, and judges at cuts.

use std::{collections::BTreeMap, time::Duration};

use tributary_contracts::{
    accounts::SERVICE,
    topics::{ACCOUNTS_DLQ, ACCOUNTS_EVENTS, ACCOUNTS_INBOX, Topic},
};
use tributary_stream::{
    kafka::{EventReader, Watermarks},
    log::Fault,
};

use super::{CheckError, committed::CommittedOffsets};
use crate::{
    check::{Cut, LedgerCheck},
    metrics::Metrics,
};

/// Records that one poll brings at most.
const RECORDS_MAX: usize = 2_000;

/// Records of one topic that may wait for the other topic before it is read on: bounds the memory.
const WAITING_MAX: usize = 20_000;

/// High watermarks of all topics: where a cut is closed.
pub(super) struct Ends {
    inbox: BTreeMap<i32, i64>,
    events: BTreeMap<i32, i64>,
    dead_letters: BTreeMap<i32, i64>,
}

/// The topics, and the fold over them.
pub(super) struct Feed {
    inbox: EventReader,
    events: EventReader,
    dead_letters: EventReader,
    watermarks: Watermarks,
    committed: CommittedOffsets,
    /// The dead letters' topic was read from its first record.
    dead_letters_whole: bool,
    partitions: i32,
    pub(super) check: LedgerCheck,
    pub(super) metrics: Metrics,
}

impl Feed {
    /// Opens all topics at their starts.
    pub(super) fn open(brokers: &str) -> Result<Self, CheckError> {
        let watermarks = Watermarks::connect(brokers)?;
        let starts = |topic: Topic| watermarks.starts(topic.name);
        let (inbox, events, dead) = (
            starts(ACCOUNTS_INBOX)?,
            starts(ACCOUNTS_EVENTS)?,
            starts(ACCOUNTS_DLQ)?,
        );
        if inbox.len() != events.len() {
            return Err(CheckError::PartitionsDiffer {
                inbox: inbox.len(),
                events: events.len(),
            });
        }
        if let Some((&partition, &start)) = events.iter().find(|&(_, &start)| start > 0) {
            return Err(CheckError::EventsGone { partition, start });
        }
        let partitions = events.len() as i32;
        let mut check = LedgerCheck::new(partitions);
        for (&partition, &start) in &inbox {
            check.inbox_starts_at(partition, start);
        }
        let open = |topic: Topic, from: &BTreeMap<i32, i64>| EventReader::open(brokers, topic.name, from);
        Ok(Self {
            inbox: open(ACCOUNTS_INBOX, &inbox)?,
            events: open(ACCOUNTS_EVENTS, &events)?,
            dead_letters: open(ACCOUNTS_DLQ, &dead)?,
            dead_letters_whole: dead.values().all(|&start| start == 0),
            committed: CommittedOffsets::of(brokers, SERVICE, ACCOUNTS_INBOX.name, partitions),
            watermarks,
            partitions,
            check,
            metrics: Metrics::new(),
        })
    }

    /// Reads what is at hand of every topic; waits at most that long for events when there is nothing at all.
    pub(super) fn step(&mut self, max_wait: Duration) -> Result<(), Fault> {
        let waiting: usize = (0..self.partitions)
            .map(|partition| self.check.answers_waiting(partition))
            .sum();
        // Each side waits for the other, never both: the one that is at its end can't bring what the other needs yet.
        let inbox_ahead = self.check.inputs_waiting() > WAITING_MAX && !self.events.at_end();
        let events_ahead = waiting > WAITING_MAX && !inbox_ahead && !self.inbox.at_end();
        if !inbox_ahead {
            self.read_inbox()?;
        }
        if !events_ahead {
            let batch = self.events.poll(max_wait, RECORDS_MAX)?;
            batch
                .records
                .iter()
                .for_each(|record| self.check.observe_event(record));
        }
        let batch = self.dead_letters.poll(Duration::ZERO, RECORDS_MAX)?;
        for record in &batch.records {
            self.check.observe_dead_letter(record);
        }
        self.metrics.tell(&self.check);
        Ok(())
    }

    fn read_inbox(&mut self) -> Result<(), Fault> {
        let batch = self.inbox.poll(Duration::ZERO, RECORDS_MAX)?;
        batch
            .records
            .iter()
            .for_each(|record| self.check.observe_inbox(record));
        for (partition, next) in batch.next {
            self.check.inbox_read_to(partition, next);
        }
        Ok(())
    }

    /// Where the topics end now, decided or not.
    pub(super) fn ends(&self) -> Result<Ends, Fault> {
        let ends = Ends {
            inbox: self.watermarks.ends(ACCOUNTS_INBOX.name)?,
            events: self.watermarks.ends(ACCOUNTS_EVENTS.name)?,
            dead_letters: self.watermarks.ends(ACCOUNTS_DLQ.name)?,
        };
        self.metrics.tell_lag(self.lag(&ends));
        Ok(ends)
    }

    /// Offsets of the events up to there that were not read yet.
    pub(super) fn lag(&self, ends: &Ends) -> u64 {
        let next = self.events.next();
        let missing = |(partition, end): (&i32, &i64)| end - next.get(partition).copied().unwrap_or(0);
        ends.events
            .iter()
            .map(|of| u64::try_from(missing(of)).unwrap_or(0))
            .sum()
    }

    /// Whether everything up to there was read.
    pub(super) fn has_passed(&self, ends: &Ends) -> bool {
        self.behind(ends).next().is_none()
    }

    /// Where reading stands before those ends, for people.
    pub(super) fn missing(&self, ends: &Ends) -> String {
        let texts: Vec<String> = self
            .behind(ends)
            .map(|(topic, partition, next, end)| format!("{topic}/{partition} at {next} of {end}"))
            .collect();
        texts.join(", ")
    }

    /// Topic, partition, next offset and end of every partition that was not read to its end.
    fn behind<'e>(&self, ends: &'e Ends) -> impl Iterator<Item = (&'static str, i32, i64, i64)> + use<'e> {
        let topics = [
            (ACCOUNTS_INBOX, self.inbox.next(), &ends.inbox),
            (ACCOUNTS_EVENTS, self.events.next(), &ends.events),
            (ACCOUNTS_DLQ, self.dead_letters.next(), &ends.dead_letters),
        ];
        topics.into_iter().flat_map(|(topic, read, ends)| {
            ends.iter().filter_map(move |(&partition, &end)| {
                let next = read.get(&partition).copied().unwrap_or(0);
                (next < end).then_some((topic.name, partition, next, end))
            })
        })
    }

    /// Begins a cut: what it will be judged by, and how far to read before.
    pub(super) fn begin_cut(&mut self) -> Result<(Cut, Ends), CheckError> {
        let committed = self.committed.fetch()?;
        self.check.begin_cut();
        let cut = Cut {
            committed,
            quiescent: false,
            expired_before: None,
            dead_letters_whole: self.dead_letters_whole,
        };
        Ok((cut, self.ends()?))
    }

    /// Whether nothing seems to be under way.
    pub(super) fn is_quiet(&self) -> bool {
        let totals = self.check.totals();
        totals.payments_in_transit == 0 && totals.inputs_unanswered == 0
    }

    /// How much was read: it stays the same while nothing happens.
    pub(super) fn read_so_far(&self) -> (BTreeMap<i32, i64>, BTreeMap<i32, i64>) {
        (self.inbox.next(), self.events.next())
    }
}
