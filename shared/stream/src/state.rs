//! State of one partition: the service's, and what the runtime itself has to know to be exact.

use std::collections::{BTreeSet, BinaryHeap};

use serde::{Deserialize, Deserializer, Serialize};
use tributary_contracts::{
    codec::{DecodeError, Message, Typed, read_event},
    envelope::{BodyHash, EventEnvelope},
    record::Record,
    runtime::{Outcome, RuntimeEvent, TimerChange, TimerId},
};
use tributary_ids::CommandId;
use tributary_overlay::{Layered, Overlay, OverlayMap};

use crate::service::{Corrupt, Recorded, Service};

/// An event of a service's topic: its own, or the runtime's.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum StreamEvent<E> {
    Service(E),
    Runtime(RuntimeEvent),
}

impl<E: Message> Typed for StreamEvent<E> {
    fn knows(ce_type: &str) -> Result<(), DecodeError> {
        match is_runtime(ce_type) {
            true => RuntimeEvent::knows(ce_type),
            false => E::knows(ce_type),
        }
    }

    fn read<'d, D: Deserializer<'d>>(ce_type: &str, data: D) -> Result<Self, D::Error> {
        match is_runtime(ce_type) {
            true => RuntimeEvent::read(ce_type, data).map(Self::Runtime),
            false => E::read(ce_type, data).map(Self::Service),
        }
    }
}

/// Whether a message of that type is the runtime's, the same for every service.
pub(crate) fn is_runtime(ce_type: &str) -> bool {
    ce_type.starts_with("tributary.")
}

/// A command that must be recognised when it comes again, and what it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) body_hash: u128,
    pub(crate) not_after: i64,
    pub(crate) outcome: Answered,
}

/// [`Outcome`] in a form that any encoding can write, not only a self-describing one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answered {
    Accepted { events: u32 },
    Refused(Box<(String, String)>),
}

impl From<&Answered> for Outcome {
    fn from(answered: &Answered) -> Self {
        match answered {
            Answered::Accepted { events } => Self::Accepted { events: *events },
            Answered::Refused(why) => Self::Refused {
                code: why.0.clone(),
                detail: why.1.clone(),
            },
        }
    }
}

/// What is one value each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    /// Offset after the last input whose events were folded.
    pub(crate) next_input: i64,
    /// Highest record time seen: what the partition takes for now.
    pub(crate) clock_ms: i64,
    /// Dead letters since the last record that was none.
    pub(crate) dead_letters_in_a_row: u32,
}

/// Everything that one partition's past amounts to.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct PartitionState<S: Service> {
    pub(crate) partition: i32,
    /// Offset in the events topic up to which the committed events are folded.
    pub(crate) next_event: i64,
    pub(crate) service: S::State,
    pub(crate) marks: Overlay<Marks>,
    pub(crate) memory: OverlayMap<CommandId, Memory>,
    /// Due time of every armed timer, by aggregate and name.
    pub(crate) timers: OverlayMap<(String, String), i64>,
    /// Commands by the end of their memory. Made anew from `memory` after a restore.
    #[serde(skip)]
    expiries: BinaryHeap<std::cmp::Reverse<(i64, CommandId)>>,
    /// Timers that were armed at the last commit and are not in flight, by due time. A worker wakes for the first of them. Made anew
    /// from `timers` after a restore.
    #[serde(skip)]
    due: BTreeSet<TimerId>,
    /// Timers whose record was sent to the inbox and has not come back yet.
    #[serde(skip)]
    in_flight: BTreeSet<TimerId>,
    /// What the open transaction changes of `expiries`, `due` and `in_flight`, should it commit.
    #[serde(skip)]
    uncommitted: Vec<Pending>,
    #[serde(skip)]
    uncommitted_savepoint: usize,
}

enum Pending {
    Remembered(i64, CommandId),
    Armed(TimerId),
    Disarmed(TimerId),
    Returned(TimerId),
}

impl<S: Service> PartitionState<S> {
    /// The state before the first event.
    pub fn new(partition: i32) -> Self {
        Self {
            partition,
            next_event: 0,
            service: S::State::default(),
            marks: Overlay::default(),
            memory: OverlayMap::default(),
            timers: OverlayMap::default(),
            expiries: BinaryHeap::new(),
            due: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            uncommitted: Vec::new(),
            uncommitted_savepoint: 0,
        }
    }

    /// The service's own state.
    pub fn service(&self) -> &S::State {
        &self.service
    }

    /// Offset of the input that comes next, as the events tell it.
    pub fn next_input(&self) -> i64 {
        self.marks.get().next_input
    }

    /// Offset in the events topic up to which events are folded.
    pub fn next_event(&self) -> i64 {
        self.next_event
    }

    /// Record time that the partition has reached, milliseconds since the epoch.
    pub fn clock_ms(&self) -> i64 {
        self.marks.get().clock_ms
    }

    pub(crate) fn remembered(&self, id: CommandId) -> Option<&Memory> {
        // What is past its time is forgotten at once, though it is removed only at the next commit: whether a
        // command is remembered depends on the log alone.
        self.memory
            .get(&id)
            .filter(|memory| memory.not_after >= self.clock_ms())
    }

    pub(crate) fn is_armed(&self, timer: &TimerId) -> bool {
        self.timers.get(&key_of(timer)) == Some(&timer.due)
    }

    /// Folds an event, live or at restore.
    pub(crate) fn fold(&mut self, envelope: &EventEnvelope<StreamEvent<S::Event>>) -> Result<(), Corrupt> {
        let origin = envelope.origin.offset;
        let marks = self.marks.get_mut();
        if origin < marks.next_input {
            return Err(Corrupt(format!("input {origin} was handled twice")));
        }
        marks.clock_ms = marks.clock_ms.max(envelope.time);
        let last = envelope.index + 1 == envelope.of;
        if last {
            marks.next_input = origin + 1;
            let dead = matches!(
                &envelope.data,
                StreamEvent::Runtime(RuntimeEvent::DeadLettered(_))
            );
            marks.dead_letters_in_a_row = if dead { marks.dead_letters_in_a_row + 1 } else { 0 };
        }
        match &envelope.data {
            StreamEvent::Service(event) => {
                let recorded = Recorded {
                    event_id: envelope.id(),
                    partition: self.partition,
                    time_ms: envelope.time,
                    correlation_id: envelope.correlation_id,
                };
                S::evolve(&mut self.service, event, &recorded)?;
                for change in S::timer_changes(event) {
                    self.change_timer(change);
                }
            }
            StreamEvent::Runtime(event) => self.fold_runtime(event),
        }
        if last && let Some(remembered) = envelope.remembered {
            let outcome = match &envelope.data {
                StreamEvent::Runtime(RuntimeEvent::CommandRefused(refused)) => {
                    Answered::Refused(Box::new((refused.code.clone(), refused.detail.clone())))
                }
                _ => Answered::Accepted { events: envelope.of },
            };
            let BodyHash(body_hash) = remembered.body_hash;
            let not_after = remembered.not_after;
            self.memory.insert(
                envelope.command_id,
                Memory {
                    body_hash,
                    not_after,
                    outcome,
                },
            );
            self.uncommitted
                .push(Pending::Remembered(not_after, envelope.command_id));
        }
        Ok(())
    }

    fn fold_runtime(&mut self, event: &RuntimeEvent) {
        let (timer, ended) = match event {
            RuntimeEvent::TimerIgnored(ignored) => (Some(&ignored.timer), true),
            RuntimeEvent::DeadLettered(dead) => (dead.timer.as_ref(), true),
            RuntimeEvent::TimerRearmed(rearmed) => (Some(&rearmed.timer), false),
            RuntimeEvent::CommandRefused(_) | RuntimeEvent::DuplicateIgnored(_) => (None, false),
        };
        if let Some(timer) = timer {
            if ended && self.is_armed(timer) {
                self.disarm(timer.aggregate.clone(), timer.name.clone());
            }
            self.timer_returned(timer.clone());
        }
    }

    fn change_timer(&mut self, change: TimerChange) {
        match change {
            TimerChange::Arm(timer) => {
                // There may be one of that name which was due at another time.
                self.disarm(timer.aggregate.clone(), timer.name.clone());
                self.timers
                    .insert((timer.aggregate.clone(), timer.name.clone()), timer.due);
                self.uncommitted.push(Pending::Armed(timer));
            }
            TimerChange::Disarm { aggregate, name } => self.disarm(aggregate, name),
        }
    }

    fn disarm(&mut self, aggregate: String, name: String) {
        let key = (aggregate, name);
        if let Some(due) = self.timers.remove(&key).copied() {
            let (aggregate, name) = key;
            self.uncommitted
                .push(Pending::Disarmed(TimerId { due, aggregate, name }));
        }
    }

    /// The timer's record has come back through the inbox: should it still be armed, it may be sent again.
    pub(crate) fn timer_returned(&mut self, timer: TimerId) {
        self.uncommitted.push(Pending::Returned(timer));
    }

    /// Armed timers that are due at `now_ms` and not in flight yet, at most `max`, earliest first.
    pub(crate) fn due_timers(&self, now_ms: i64, max: usize) -> Vec<TimerId> {
        self.due
            .iter()
            .take_while(|timer| timer.due <= now_ms)
            // The open transaction may have disarmed some.
            .filter(|timer| self.is_armed(timer))
            .take(max)
            .cloned()
            .collect()
    }

    /// When the next timer is due that isn't in flight, milliseconds since the epoch. To be asked between transactions.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.due.first().map(|timer| timer.due)
    }

    /// The timer's record is in the inbox.
    pub(crate) fn timer_sent(&mut self, timer: TimerId) {
        self.due.remove(&timer);
        self.in_flight.insert(timer);
    }

    /// Lets timers be sent again whose records may never have reached the log, or be another's by now. To be asked between
    /// transactions.
    pub(crate) fn forget_in_flight(&mut self) {
        for timer in std::mem::take(&mut self.in_flight) {
            if self.is_armed(&timer) {
                self.due.insert(timer);
            }
        }
    }

    /// Begins to count dead letters anew. The count only ever stops a partition; it decides nothing.
    pub(crate) fn forgive_dead_letters(&mut self) {
        self.marks.get_mut().dead_letters_in_a_row = 0;
        self.marks.commit();
    }

    /// Whether nothing is changed that isn't committed.
    pub(crate) fn is_clean(&self) -> bool {
        !self.marks.is_changed()
    }

    /// Folds committed events as they were read from the log. `next` is where reading goes on.
    pub(crate) fn restore(&mut self, records: &[Record], next: i64) -> Result<(), Corrupt> {
        for record in records {
            let at = |why: &dyn std::fmt::Display| Corrupt(format!("event {}: {why}", record.offset));
            let event = read_event(record).map_err(|error| at(&error))?;
            self.fold(&event).map_err(|error| at(&error))?;
        }
        self.next_event = next;
        self.commit();
        Ok(())
    }

    /// Makes the indexes that a snapshot leaves out.
    pub(crate) fn index(&mut self) {
        self.expiries = self
            .memory
            .iter()
            .map(|(id, memory)| std::cmp::Reverse((memory.not_after, *id)))
            .collect();
        let timer = |((aggregate, name), due): (&(String, String), &i64)| TimerId {
            due: *due,
            aggregate: aggregate.clone(),
            name: name.clone(),
        };
        self.due = self.timers.iter().map(timer).collect();
    }

    /// Forgets commands whose time is over. Called at commits only, so that no undo has to bring them back.
    fn prune(&mut self) {
        let clock_ms = self.clock_ms();
        while let Some(&std::cmp::Reverse((not_after, id))) = self.expiries.peek() {
            if not_after >= clock_ms {
                break;
            }
            self.expiries.pop();
            if self
                .memory
                .get(&id)
                .is_some_and(|memory| memory.not_after == not_after)
            {
                self.memory.remove(&id);
            }
        }
        self.memory.commit();
    }
}

fn key_of(timer: &TimerId) -> (String, String) {
    (timer.aggregate.clone(), timer.name.clone())
}

impl<S: Service> Layered for PartitionState<S> {
    fn set_savepoint(&mut self) {
        self.service.set_savepoint();
        self.marks.set_savepoint();
        self.memory.set_savepoint();
        self.timers.set_savepoint();
        self.uncommitted_savepoint = self.uncommitted.len();
    }

    fn undo_to_savepoint(&mut self) {
        self.service.undo_to_savepoint();
        self.marks.undo_to_savepoint();
        self.memory.undo_to_savepoint();
        self.timers.undo_to_savepoint();
        self.uncommitted.truncate(self.uncommitted_savepoint);
    }

    fn undo_all(&mut self) {
        self.service.undo_all();
        self.marks.undo_all();
        self.memory.undo_all();
        self.timers.undo_all();
        self.uncommitted.clear();
        self.uncommitted_savepoint = 0;
    }

    fn commit(&mut self) {
        self.service.commit();
        self.marks.commit();
        self.memory.commit();
        self.timers.commit();
        for pending in self.uncommitted.drain(..) {
            match pending {
                Pending::Remembered(not_after, id) => self.expiries.push(std::cmp::Reverse((not_after, id))),
                Pending::Armed(timer) => {
                    // One in flight is due again when it has come back.
                    if !self.in_flight.contains(&timer) {
                        self.due.insert(timer);
                    }
                }
                Pending::Disarmed(timer) => {
                    self.due.remove(&timer);
                }
                Pending::Returned(timer) => {
                    if self.in_flight.remove(&timer) && self.timers.get(&key_of(&timer)) == Some(&timer.due) {
                        self.due.insert(timer);
                    }
                }
            }
        }
        self.uncommitted_savepoint = 0;
        self.prune();
    }

    fn is_torn(&self) -> bool {
        self.service.is_torn() || self.marks.is_torn() || self.memory.is_torn() || self.timers.is_torn()
    }
}
