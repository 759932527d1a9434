//! Invariants 5 and 9, from the events alone: a command's events stand together and complete, once; a refusal stands
//! alone; a repetition is only ever ignored.

use std::{cmp::Reverse, collections::BinaryHeap};

use hashbrown::HashMap;
use smallvec::SmallVec;
use tributary_contracts::{
    envelope::{BusinessDate, EventEnvelope, Remembered, TTL_MS_MAX},
    runtime::RuntimeEvent,
};
use tributary_ids::CommandId;
use tributary_stream::StreamEvent;

use super::{EventOf, Language};
use crate::violation::{At, Findings, Invariant};

/// All events of one command: the answer to one input record.
#[derive(Debug)]
pub(crate) struct Answer<L: Language> {
    pub(crate) command_id: CommandId,
    of: u32,
    /// Offset of the input record, of the same partition.
    pub(crate) origin: i64,
    /// Of the first event.
    pub(crate) at: At,
    /// Record time of the first event, milliseconds.
    pub(crate) time: i64,
    pub(crate) remembered: Option<Remembered>,
    /// First day that was open when the command was decided, once one had been closed.
    pub(crate) open_day: Option<BusinessDate>,
    pub(crate) events: SmallVec<[EventOf<L>; 1]>,
}

impl<L: Language> Answer<L> {
    /// Whether the command changed anything.
    pub(crate) fn has_effect(&self) -> bool {
        self.events.iter().any(is_effect::<L>)
    }
}

fn is_effect<L: Language>(event: &EventOf<L>) -> bool {
    matches!(event, StreamEvent::Service(event) if L::is_effect(event))
}

/// What is known of a command whose repetition must be recognised.
#[derive(Debug)]
struct Known {
    refused: bool,
    at: At,
}

#[derive(Debug)]
struct Partition<L: Language> {
    open: Option<Answer<L>>,
    time: i64,
    /// Until the command's time is over, as the ledger itself does: at most ten minutes of commands.
    known: HashMap<CommandId, Known>,
    over: BinaryHeap<Reverse<(i64, CommandId)>>,
}

impl<L: Language> Default for Partition<L> {
    fn default() -> Self {
        Self {
            open: None,
            time: 0,
            known: HashMap::default(),
            over: BinaryHeap::new(),
        }
    }
}

/// Commands by partition: the same id in two partitions has two keys and is two wishes.
#[derive(Debug)]
pub(super) struct Commands<L: Language> {
    partitions: HashMap<i32, Partition<L>>,
}

impl<L: Language> Default for Commands<L> {
    fn default() -> Self {
        Self {
            partitions: HashMap::default(),
        }
    }
}

impl<L: Language> Commands<L> {
    /// Adds an event; hands out the command's events once they are complete.
    pub(crate) fn observe(
        &mut self,
        envelope: EventEnvelope<EventOf<L>>,
        open_day: Option<BusinessDate>,
        at: At,
        found: &mut Findings,
    ) -> Option<Answer<L>> {
        let partition = self.partitions.entry(at.partition).or_default();
        check_origin::<L>(&envelope, at, found);
        if envelope.time < partition.time {
            let before = partition.time;
            found.violate(Invariant::Sequence, "TIME_WENT_BACK", &[at], || {
                format!("record time {} after {before}", envelope.time)
            });
        }
        partition.time = partition.time.max(envelope.time);
        partition.gather(envelope, open_day, at, found);
        let answer = partition
            .open
            .take_if(|open| open.events.len() as u64 >= u64::from(open.of))?;
        check_alone(&answer, found);
        partition.recognise(&answer, found);
        Some(answer)
    }

    /// At the end of every partition no command is half told: its events were written in one transaction.
    pub(crate) fn judge(&self, found: &mut Findings) {
        for open in self
            .partitions
            .values()
            .filter_map(|partition| partition.open.as_ref())
        {
            incomplete(open, found);
        }
    }
}

impl<L: Language> Partition<L> {
    fn gather(
        &mut self,
        envelope: EventEnvelope<EventOf<L>>,
        open_day: Option<BusinessDate>,
        at: At,
        found: &mut Findings,
    ) {
        let EventEnvelope {
            command_id,
            index,
            of,
            ..
        } = envelope;
        if let Some(open) = &mut self.open {
            let follows = open.command_id == command_id
                && open.of == of
                && open.origin == envelope.origin.offset
                && open.events.len() as u64 == u64::from(index);
            if follows {
                open.events.push(envelope.data);
                return;
            }
            incomplete(open, found);
            self.open = None;
        }
        if index != 0 || of == 0 {
            found.violate(Invariant::OneEffect, "EVENT_OUT_OF_PLACE", &[at], || {
                format!("event {index} of {of} of command {command_id} follows nothing")
            });
            return;
        }
        self.open = Some(Answer {
            command_id,
            of,
            origin: envelope.origin.offset,
            at,
            time: envelope.time,
            remembered: envelope.remembered,
            open_day,
            events: SmallVec::from_iter([envelope.data]),
        });
    }

    /// Compares with what the partition still knows of the id, and remembers it.
    fn recognise(&mut self, answer: &Answer<L>, found: &mut Findings) {
        found.check(Invariant::OneEffect);
        let id = answer.command_id;
        let known = self.known.get(&id);
        let effect = answer.has_effect();
        match (known, answer.events.first()) {
            (Some(known), _) if effect => {
                let (invariant, code) = match known.refused {
                    true => (Invariant::Refused, "REFUSED_THEN_EFFECT"),
                    false => (Invariant::OneEffect, "COMMAND_TWICE"),
                };
                found.violate(invariant, code, &[known.at, answer.at], || {
                    format!("command {id} was answered before, and had an effect again")
                });
            }
            (None, Some(StreamEvent::Runtime(RuntimeEvent::DuplicateIgnored(_)))) => {
                found.violate(Invariant::OneEffect, "DUPLICATE_OF_NOTHING", &[answer.at], || {
                    format!("command {id} was ignored as a repetition, but it never came before")
                });
            }
            _ => {}
        }
        let refused = matches!(
            answer.events.first(),
            Some(StreamEvent::Runtime(RuntimeEvent::CommandRefused(_)))
        );
        let Some(remembered) = answer.remembered else {
            self.forget();
            return;
        };
        if effect && !(answer.time..=answer.time.saturating_add(TTL_MS_MAX)).contains(&remembered.not_after) {
            found.violate(Invariant::OneEffect, "EFFECT_OUT_OF_TIME", &[answer.at], || {
                format!(
                    "command {id}, good until {}, had an effect at {}",
                    remembered.not_after, answer.time
                )
            });
        }
        if known.is_none() && remembered.not_after >= self.time {
            self.over.push(Reverse((remembered.not_after, id)));
            let at = answer.at;
            self.known.insert(id, Known { refused, at });
        }
        // Only now: the ledger recognises by the time that it had reached before this record.
        self.forget();
    }

    fn forget(&mut self) {
        while let Some(&Reverse((not_after, id))) = self.over.peek()
            && not_after < self.time
        {
            self.over.pop();
            self.known.remove(&id);
        }
    }
}

fn incomplete<L: Language>(open: &Answer<L>, found: &mut Findings) {
    found.violate(Invariant::OneEffect, "COMMAND_INCOMPLETE", &[open.at], || {
        let (id, seen, of) = (open.command_id, open.events.len(), open.of);
        format!("command {id}: {seen} events in a row of {of}")
    });
}

fn check_origin<L: Language>(envelope: &EventEnvelope<EventOf<L>>, at: At, found: &mut Findings) {
    let origin = &envelope.origin;
    if origin.partition != at.partition || origin.topic != L::INBOX.name {
        found.violate(Invariant::Sequence, "ORIGIN_ELSEWHERE", &[at], || {
            format!("answers {}/{}:{}", origin.topic, origin.partition, origin.offset)
        });
    }
}

/// What the runtime says of a command excludes everything else.
fn check_alone<L: Language>(answer: &Answer<L>, found: &mut Findings) {
    let runtime = answer.events.iter().find_map(|event| match event {
        StreamEvent::Runtime(event) => Some(event),
        StreamEvent::Service(_) => None,
    });
    let Some(runtime) = runtime else { return };
    let refused = matches!(runtime, RuntimeEvent::CommandRefused(_));
    if refused {
        found.check(Invariant::Refused);
    }
    if answer.events.len() > 1 {
        let (invariant, code) = match refused {
            true => (Invariant::Refused, "REFUSED_WITH_EFFECT"),
            false => (Invariant::OneEffect, "NOT_ALONE"),
        };
        found.violate(invariant, code, &[answer.at], || {
            format!(
                "command {}: {runtime:?} among {} events",
                answer.command_id,
                answer.events.len()
            )
        });
    }
}
