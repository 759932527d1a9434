//! What is checked of every service alike: its input is answered, once, in order and under the right id; its events
//! stand in their place; its dead letters are told; its committed offsets say what its events say.

mod commands;
mod dead_letters;
mod inbox;
mod language;

use std::collections::BTreeMap;

use tributary_contracts::{
    codec::read_event,
    envelope::{BusinessDate, EventEnvelope},
    partition::partition_of,
    record::Record,
    runtime::RuntimeEvent,
};
use tributary_stream::StreamEvent;

pub(crate) use commands::Answer;
pub(crate) use inbox::{Asked, What};
pub(crate) use language::{Fraud, FraudPayees, Language, Laundering, Ledger, Payments};

use crate::{
    check::NextOffsets,
    violation::{At, Findings, Invariant},
};

/// What stands in a service's events topic: its own events, and those of the runtime.
pub(crate) type EventOf<L> = StreamEvent<<L as Language>::Event>;

/// An input record and what answers it.
pub(crate) type Pair<L> = (Asked<L>, Answer<L>);

/// A service's input and what becomes of it.
#[derive(Debug)]
pub(crate) struct Flow<L: Language> {
    partitions: i32,
    commands: commands::Commands<L>,
    inbox: inbox::Inbox<L>,
    dead_letters: dead_letters::DeadLetters<L>,
    next: NextOffsets,
    events: u64,
    dead_lettered: u64,
}

impl<L: Language> Flow<L> {
    /// Of topics with that many partitions each.
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            partitions,
            commands: commands::Commands::default(),
            inbox: inbox::Inbox::default(),
            dead_letters: dead_letters::DeadLetters::default(),
            next: (0..partitions).map(|partition| (partition, 0)).collect(),
            events: 0,
            dead_lettered: 0,
        }
    }

    /// Retention took what stood before `offset` from the inbox: answers to it can't be compared.
    pub(crate) fn inbox_starts_at(&mut self, partition: i32, offset: i64) {
        self.inbox.starts_at(partition, offset);
    }

    /// Takes a record of the inbox; hands out what is now answered.
    pub(crate) fn ask(&mut self, record: &Record, found: &mut Findings) -> Option<Pair<L>> {
        self.inbox.ask(Asked::read(record), found)
    }

    /// Nothing more comes of the inbox before this offset (control markers and aborted records take offsets too).
    pub(crate) fn inbox_read_to(&mut self, partition: i32, offset: i64, found: &mut Findings) {
        self.inbox.read_to(partition, offset, found);
    }

    /// Takes a record of the dead letters.
    pub(crate) fn dead_letter(&mut self, record: &Record, found: &mut Findings) {
        self.dead_letters.record(record, found);
    }

    /// Reads an event. What can't be read is told, and nothing can be folded of it.
    pub(crate) fn read(
        &mut self,
        record: &Record,
        found: &mut Findings,
    ) -> Option<(EventEnvelope<EventOf<L>>, At)> {
        let at = At {
            topic: L::EVENTS.name,
            partition: record.partition,
            offset: record.offset,
        };
        self.events += 1;
        self.next.insert(at.partition, at.offset + 1);
        match read_event(record) {
            Ok(envelope) => Some((envelope, at)),
            Err(error) => {
                found.violate(Invariant::Sequence, "EVENT_UNREADABLE", &[at], || {
                    error.to_string()
                });
                None
            }
        }
    }

    /// Takes an event that was folded; hands out what is now answered. `open_day`: the first open day of the ledger's
    /// partition, for the comparison.
    pub(crate) fn answer(
        &mut self,
        envelope: EventEnvelope<EventOf<L>>,
        open_day: Option<BusinessDate>,
        at: At,
        found: &mut Findings,
    ) -> Option<Pair<L>> {
        if matches!(envelope.data, StreamEvent::Runtime(RuntimeEvent::DeadLettered(_))) {
            self.dead_lettered += 1;
            self.dead_letters.event(envelope.origin.offset, at);
        }
        let answer = self.commands.observe(envelope, open_day, at, found)?;
        self.inbox.answer(answer, found)
    }

    /// One writer per key: an event stands in the partition of its key.
    pub(crate) fn check_partition(&self, key: &[u8], at: At, found: &mut Findings) {
        if partition_of(key, self.partitions) != Some(at.partition) {
            found.violate(Invariant::Sequence, "WRONG_PARTITION", &[at], || {
                format!("key {} belongs elsewhere", String::from_utf8_lossy(key))
            });
        }
    }

    /// An event's key is what it is about.
    pub(crate) fn check_key(&self, key: &[u8], event: &L::Event, at: At, found: &mut Findings) {
        found.check(Invariant::Sequence);
        self.check_partition(key, at, found);
        if let Some(about) = L::key(event).filter(|about| about.as_bytes() != key) {
            found.violate(Invariant::Sequence, "WRONG_KEY", &[at], || {
                format!("an event of {about} has key {}", String::from_utf8_lossy(key))
            });
        }
    }

    /// Takes down what must be explained at the next judgement.
    pub(crate) fn mark(&mut self) {
        self.dead_letters.mark();
    }

    /// Judges what was taken down. `dead_letters_whole`: the topic still holds all that were ever written to it.
    pub(crate) fn judge(
        &mut self,
        committed: &BTreeMap<i32, i64>,
        dead_letters_whole: bool,
        found: &mut Findings,
    ) {
        self.commands.judge(found);
        self.inbox.check_committed(committed, found);
        self.dead_letters.judge(dead_letters_whole, found);
    }

    /// Nothing is under way any more: all input is answered, and the committed offsets say so.
    pub(crate) fn finish(&self, committed: &BTreeMap<i32, i64>, found: &mut Findings) {
        self.inbox.finish(committed, found);
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn dead_lettered(&self) -> u64 {
        self.dead_lettered
    }

    pub(crate) fn next_offsets(&self) -> &NextOffsets {
        &self.next
    }

    /// Input records that were read and have no event yet.
    pub(crate) fn unanswered(&self) -> usize {
        self.inbox.unanswered()
    }

    /// Answers of a partition whose input was not read yet.
    pub(crate) fn unasked(&self, partition: i32) -> usize {
        self.inbox.unasked(partition)
    }
}

/// That an input record is answered under its own id, and remembered by its own body. `false`: there is nothing to
/// compare.
pub(crate) fn is_answered_as_itself<L: Language>(
    asked: &Asked<L>,
    answer: &Answer<L>,
    found: &mut Findings,
) -> bool {
    let Some((asked_id, hash)) = asked.command else {
        return true;
    };
    let (both, id) = ([asked.at, answer.at], answer.command_id);
    let first = answer.events.first();
    let is_dead_letter = matches!(first, Some(StreamEvent::Runtime(RuntimeEvent::DeadLettered(_))));
    if asked_id != id && !is_dead_letter {
        found.violate(Invariant::OneEffect, "ANSWER_OF_ANOTHER", &both, || {
            format!("command {asked_id} is answered as {id}")
        });
        return false;
    }
    if answer
        .remembered
        .is_some_and(|remembered| remembered.body_hash != hash)
    {
        found.violate(Invariant::OneEffect, "BODY_HASH_WRONG", &both, || {
            format!("command {id} is remembered by another body")
        });
    }
    true
}

/// What is no message of the service has no effect.
pub(crate) fn has_no_effect<L: Language>(asked: &Asked<L>, answer: &Answer<L>, found: &mut Findings) {
    if answer.has_effect() {
        found.violate(
            Invariant::Refused,
            "EFFECT_OF_NOTHING",
            &[asked.at, answer.at],
            || format!("input {} is no command, and had an effect", asked.at.offset),
        );
    }
}

/// That a command is answered by events that fit it, or by one of the runtime alone.
pub(crate) fn compare<L: Language>(
    pair: Option<Pair<L>>,
    found: &mut Findings,
    fits: impl Fn(&L::Command, &[&L::Event]) -> bool,
) {
    let Some((asked, answer)) = pair else { return };
    if !is_answered_as_itself(&asked, &answer, found) {
        return;
    }
    let own: Vec<&L::Event> = answer
        .events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::Service(event) => Some(event),
            StreamEvent::Runtime(_) => None,
        })
        .collect();
    match (&asked.what, answer.events.as_slice()) {
        (What::Command(command), events) if own.len() == events.len() && fits(command, &own) => {}
        (
            What::Command(_),
            [
                StreamEvent::Runtime(
                    RuntimeEvent::CommandRefused(_)
                    | RuntimeEvent::DuplicateIgnored(_)
                    | RuntimeEvent::DeadLettered(_),
                ),
            ],
        ) => {}
        (What::Command(_), _) => found.violate(
            Invariant::OneEffect,
            "EFFECT_NOT_AS_ASKED",
            &[asked.at, answer.at],
            || format!("command {} is answered by something else", answer.command_id),
        ),
        (What::Timer(_) | What::Answer | What::Unreadable, _) => has_no_effect(&asked, &answer, found),
    }
}
