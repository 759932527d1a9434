//! Reads the services' topics side by side into the fold, and judges at cuts.

use std::{collections::BTreeMap, time::Duration};

use tributary_contracts::{
    laundering::FEED,
    topics::{ACCOUNTS_EVENTS, Topic},
};
use tributary_stream::{
    kafka::{CommittedOffsets, EventReader, Watermarks},
    log::Fault,
};

use super::CheckError;
use crate::{
    bank::{BankCheck, BankCut, SERVICES},
    metrics::Metrics,
};

/// Records that one poll brings at most.
const RECORDS_MAX: usize = 2_000;

/// Records of one topic that may wait for the other topic before it is read on: bounds the memory.
const WAITING_MAX: usize = 20_000;

/// High watermarks by topic and partition: where a cut is closed.
pub(super) struct Ends(BTreeMap<&'static str, BTreeMap<i32, i64>>);

/// One service's topics.
struct ServiceFeed {
    service: &'static str,
    inbox: (Topic, EventReader),
    events: (Topic, EventReader),
    dead_letters: (Topic, EventReader),
    committed: CommittedOffsets,
    /// The dead letters' topic was read from its first record.
    dead_letters_whole: bool,
    partitions: i32,
}

/// The topics, and the fold over them.
pub(super) struct Feed {
    services: Vec<ServiceFeed>,
    /// How far the laundering service was told of the ledger's events.
    fed: CommittedOffsets,
    watermarks: Watermarks,
    /// The last step brought nothing, so the next may wait.
    idle: bool,
    pub(super) check: BankCheck,
    pub(super) metrics: Metrics,
}

impl ServiceFeed {
    fn open(
        brokers: &str,
        service: &'static str,
        topics: [Topic; 3],
        watermarks: &Watermarks,
    ) -> Result<(Self, BTreeMap<i32, i64>), CheckError> {
        let [inbox, events, dead] = topics;
        let starts = |topic: Topic| watermarks.starts(topic.name);
        let (inbox_starts, events_starts, dead_starts) = (starts(inbox)?, starts(events)?, starts(dead)?);
        if inbox_starts.len() != events_starts.len() {
            return Err(CheckError::PartitionsDiffer {
                service,
                inbox: inbox_starts.len(),
                events: events_starts.len(),
            });
        }
        if let Some((&partition, &start)) = events_starts.iter().find(|&(_, &start)| start > 0) {
            return Err(CheckError::EventsGone {
                service,
                partition,
                start,
            });
        }
        let partitions = events_starts.len() as i32;
        let open = |topic: Topic, from: &BTreeMap<i32, i64>| {
            EventReader::open(brokers, topic.name, from).map(|reader| (topic, reader))
        };
        let feed = Self {
            service,
            inbox: open(inbox, &inbox_starts)?,
            events: open(events, &events_starts)?,
            dead_letters: open(dead, &dead_starts)?,
            committed: CommittedOffsets::of(brokers, service, inbox.name, partitions),
            dead_letters_whole: dead_starts.values().all(|&start| start == 0),
            partitions,
        };
        Ok((feed, inbox_starts))
    }

    /// Reads what is at hand; waits at most that long for events when there is nothing at all. Returns the number of
    /// records.
    fn step(&mut self, check: &mut BankCheck, max_wait: Duration) -> Result<usize, Fault> {
        let waiting: usize = (0..self.partitions)
            .map(|partition| check.answers_waiting(self.service, partition))
            .sum();
        // Each side waits for the other, never both: the one that is at its end can't bring what the other needs yet.
        let inbox_ahead = check.inputs_waiting_of(self.service) > WAITING_MAX && !self.events.1.at_end();
        let events_ahead = waiting > WAITING_MAX && !inbox_ahead && !self.inbox.1.at_end();
        let mut read = 0;
        if !inbox_ahead {
            read += step(&mut self.inbox, check, Duration::ZERO)?;
        }
        if !events_ahead {
            read += step(&mut self.events, check, max_wait)?;
        }
        Ok(read + step(&mut self.dead_letters, check, Duration::ZERO)?)
    }

    fn topics(&self) -> [&(Topic, EventReader); 3] {
        [&self.inbox, &self.events, &self.dead_letters]
    }
}

fn step(
    (topic, reader): &mut (Topic, EventReader),
    check: &mut BankCheck,
    max_wait: Duration,
) -> Result<usize, Fault> {
    let batch = reader.poll(max_wait, RECORDS_MAX)?;
    for record in &batch.records {
        check.observe(topic.name, record);
    }
    for (partition, next) in batch.next {
        check.read_to(topic.name, partition, next);
    }
    Ok(batch.records.len())
}

impl Feed {
    /// Opens all topics at their starts.
    pub(super) fn open(brokers: &str) -> Result<Self, CheckError> {
        let watermarks = Watermarks::connect(brokers)?;
        let mut services = Vec::new();
        let mut starts = Vec::new();
        for (service, topics) in SERVICES {
            let (feed, inbox_starts) = ServiceFeed::open(brokers, service, topics, &watermarks)?;
            starts.push((topics[0], inbox_starts));
            services.push(feed);
        }
        let partitions = services.iter().map(|feed| feed.partitions).max().unwrap_or(0);
        let mut check = BankCheck::new(partitions);
        for (inbox, starts) in starts {
            for (partition, start) in starts {
                check.inbox_starts_at(inbox.name, partition, start);
            }
        }
        Ok(Self {
            services,
            fed: CommittedOffsets::of(brokers, FEED, ACCOUNTS_EVENTS.name, partitions),
            watermarks,
            idle: false,
            check,
            metrics: Metrics::new(),
        })
    }

    /// Reads what is at hand of every topic; waits at most that long for events when there is nothing at all.
    pub(super) fn step(&mut self, max_wait: Duration) -> Result<(), Fault> {
        let mut read = 0;
        for (place, feed) in self.services.iter_mut().enumerate() {
            let wait = if place == 0 && self.idle {
                max_wait
            } else {
                Duration::ZERO
            };
            read += feed.step(&mut self.check, wait)?;
        }
        self.idle = read == 0;
        self.metrics.tell(&self.check);
        Ok(())
    }

    /// Where the topics end now, decided or not.
    pub(super) fn ends(&self) -> Result<Ends, Fault> {
        let mut ends = BTreeMap::new();
        for topic in SERVICES.iter().flat_map(|(_, topics)| topics) {
            ends.insert(topic.name, self.watermarks.ends(topic.name)?);
        }
        let ends = Ends(ends);
        self.metrics.tell_lag(self.lag(&ends));
        Ok(ends)
    }

    /// Offsets of the ledger's events up to there that were not read yet.
    pub(super) fn lag(&self, ends: &Ends) -> u64 {
        self.behind(ends)
            .filter(|(topic, ..)| *topic == ACCOUNTS_EVENTS.name)
            .map(|(_, _, next, end)| u64::try_from(end - next).unwrap_or(0))
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
    fn behind<'e>(&'e self, ends: &'e Ends) -> impl Iterator<Item = (&'static str, i32, i64, i64)> + 'e {
        let topics = self.services.iter().flat_map(ServiceFeed::topics);
        topics.flat_map(|(topic, reader)| {
            let next = reader.next();
            let of_topic = ends.0.get(topic.name).into_iter().flatten();
            of_topic.filter_map(move |(partition, &end)| {
                let next = next.get(partition).copied().unwrap_or(0);
                (next < end).then_some((topic.name, *partition, next, end))
            })
        })
    }

    /// Begins a cut: what it will be judged by, and how far to read before.
    pub(super) fn begin_cut(&mut self) -> Result<(BankCut, Ends), CheckError> {
        let mut committed = BTreeMap::new();
        for feed in &mut self.services {
            committed.insert(feed.service, feed.committed.fetch().map_err(CheckError::Offsets)?);
        }
        let fed = self.fed.fetch().map_err(CheckError::Offsets)?;
        self.check.begin_cut();
        let cut = BankCut {
            committed,
            fed,
            quiescent: false,
            expired_before: None,
            dead_letters_whole: self.services.iter().all(|feed| feed.dead_letters_whole),
        };
        Ok((cut, self.ends()?))
    }

    /// Whether nothing seems to be under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.check.is_quiet()
    }

    /// How much was read: it stays the same while nothing happens.
    pub(super) fn read_so_far(&self) -> Vec<BTreeMap<i32, i64>> {
        let topics = self.services.iter().flat_map(ServiceFeed::topics);
        topics.map(|(_, reader)| reader.next()).collect()
    }
}
