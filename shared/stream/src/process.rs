//! One input record: what it leads to, in events, answers and follow-ups.

mod output;

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::Deserializer;
use tributary_contracts::{
    codec::{self, DecodeError, Message, ReadCommand, Typed},
    envelope::{Initiator, Remembered, ReplyTo, TTL_MS_MAX},
    partition::partition_of,
    record::{Outgoing, Record},
    runtime::{DuplicateIgnored, Outcome, RuntimeEvent, RuntimeMessage, TimerId, TimerIgnored, TimerRearmed},
    topics::{self, RECORD_BYTES_MAX},
};
use tributary_ids::CommandId;
use tributary_overlay::Layered;
use uuid::Uuid;

pub(crate) use output::timer_record;

use crate::{
    service::{Context, Corrupt, Decision, Refusal, Service, Told},
    state::{PartitionState, StreamEvent, is_runtime},
};

/// Turns input records into output records, on one partition's state.
pub(crate) struct Processor<'p, S: Service> {
    pub(crate) state: &'p mut PartitionState<S>,
    /// Partitions of every topic that decisions write to.
    pub(crate) partitions: i32,
    pub(crate) out: &'p mut Vec<Outgoing>,
    /// For the service's own metrics, once it is committed.
    pub(crate) told: &'p mut Vec<Told>,
}

/// What comes to an inbox.
enum Inbound<C> {
    Service(C),
    Runtime(RuntimeMessage),
}

impl<C: Message> Typed for Inbound<C> {
    fn knows(ce_type: &str) -> Result<(), DecodeError> {
        match is_runtime(ce_type) {
            true => RuntimeMessage::knows(ce_type),
            false => C::knows(ce_type),
        }
    }

    fn read<'d, D: Deserializer<'d>>(ce_type: &str, data: D) -> Result<Self, D::Error> {
        match is_runtime(ce_type) {
            true => RuntimeMessage::read(ce_type, data).map(Self::Runtime),
            false => C::read(ce_type, data).map(Self::Service),
        }
    }
}

/// A command of a service, or a message of the runtime, as it was read.
type Read<'r, S> = ReadCommand<'r, Inbound<<S as Service>::Command>>;

/// Why a record goes to the dead letters.
#[derive(Clone)]
struct DeadLetter {
    code: &'static str,
    detail: String,
}

impl DeadLetter {
    fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        Self {
            code: "HANDLER_PANICKED",
            detail: panic_message(panic),
        }
    }
}

impl From<DecodeError> for DeadLetter {
    fn from(error: DecodeError) -> Self {
        Self {
            code: error.code(),
            detail: error.to_string(),
        }
    }
}

/// Why a record could not be handled as it is.
enum Failure {
    /// The command is refused: an event and an answer, no effect.
    Refused(Refusal),
    DeadLetter(DeadLetter),
    /// The fold doesn't take its own events: the partition has to stop.
    Corrupt(Corrupt),
}

impl From<DeadLetter> for Failure {
    fn from(dead: DeadLetter) -> Self {
        Self::DeadLetter(dead)
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::DeadLetter(error.into())
    }
}

fn refusal(code: &'static str, detail: impl Into<String>) -> Failure {
    Failure::Refused(Refusal {
        code,
        detail: detail.into(),
    })
}

/// What is known of an input record by the time its events are written.
struct Cause<'r> {
    record: &'r Record,
    ce_type: Cow<'r, str>,
    command_id: CommandId,
    correlation_id: Uuid,
    initiator: Option<Initiator>,
    reply_to: Option<ReplyTo>,
    remembered: Option<Remembered>,
}

impl<'r> Cause<'r> {
    /// Of a record that can't be read: its position names it.
    fn unreadable<S: Service>(record: &'r Record) -> Self {
        let position = format!("{}/{}/{}", S::NAMES.inbox.name, record.partition, record.offset);
        let command_id = CommandId::named(&position);
        Self {
            record,
            ce_type: Cow::Borrowed(record.headers.text(codec::CE_TYPE).unwrap_or("")),
            command_id,
            correlation_id: command_id.0,
            initiator: None,
            reply_to: None,
            remembered: None,
        }
    }

    fn of<M>(record: &'r Record, raw: &ReadCommand<'r, M>) -> Self {
        let envelope = &raw.envelope;
        Self {
            record,
            ce_type: Cow::Borrowed(raw.ce_type),
            command_id: envelope.id,
            correlation_id: envelope.correlation_id,
            initiator: Some(envelope.initiator.clone()),
            reply_to: envelope.reply_to.clone(),
            remembered: None,
        }
    }
}

impl<S: Service> Processor<'_, S> {
    /// Handles one record. An error means that the partition has to stop; everything else leaves an event.
    pub(crate) fn handle(&mut self, record: &Record) -> Result<(), Corrupt> {
        self.state.set_savepoint();
        let (written, told) = (self.out.len(), self.told.len());
        let raw = catch_unwind(AssertUnwindSafe(|| self.read(record)))
            .unwrap_or_else(|panic| Err(DeadLetter::panicked(panic.as_ref())));
        let mut cause = match &raw {
            Ok(raw) => Cause::of(record, raw),
            Err(_) => Cause::unreadable::<S>(record),
        };
        let handled = match &raw {
            Ok(raw) => catch_unwind(AssertUnwindSafe(|| self.handle_readable(raw, &mut cause)))
                .unwrap_or_else(|panic| Err(DeadLetter::panicked(panic.as_ref()).into())),
            Err(dead) => Err(dead.clone().into()),
        };
        let Err(failure) = handled else { return Ok(()) };
        self.state.undo_to_savepoint();
        if self.state.is_torn() {
            let why = "the handler panicked half-way through a change that can't be taken back";
            return Err(Corrupt(why.to_owned()));
        }
        self.out.truncate(written);
        self.told.truncate(told);
        cause.remembered = cause
            .remembered
            .filter(|_| matches!(failure, Failure::Refused(_)));
        match failure {
            Failure::Refused(refusal) => self.refuse(&cause, refusal),
            Failure::DeadLetter(dead) => self.dead_letter(&cause, dead, raw.as_ref().ok()),
            Failure::Corrupt(corrupt) => Err(corrupt),
        }
    }

    fn read<'r>(&self, record: &'r Record) -> Result<Read<'r, S>, DeadLetter> {
        let size = record.key.len() + record.headers.size() + record.value.len();
        if size > RECORD_BYTES_MAX {
            let detail = format!("{size} bytes, at most {RECORD_BYTES_MAX} are taken");
            return Err(DeadLetter {
                code: "RECORD_TOO_LARGE",
                detail,
            });
        }
        Ok(ReadCommand::read(record)?)
    }

    fn handle_readable(&mut self, raw: &Read<'_, S>, cause: &mut Cause<'_>) -> Result<(), Failure> {
        self.check_reply_address(cause)?;
        if partition_of(&cause.record.key, self.partitions) != Some(cause.record.partition) {
            let detail = "the key belongs to another partition".to_owned();
            return Err(DeadLetter {
                code: "WRONG_PARTITION",
                detail,
            }
            .into());
        }
        if let Some(story) = S::story(&self.state.service, &cause.record.key) {
            cause.correlation_id = story;
        }
        let command = match &raw.envelope.data.message {
            Ok(Inbound::Runtime(message)) => return self.handle_runtime(message, cause),
            Err(error) if is_runtime(raw.ce_type) => return Err(error.clone().into()),
            Ok(Inbound::Service(command)) => Ok(command),
            // Later: whether a command came before doesn't depend on its data.
            Err(error) => Err(error),
        };
        if let Some(not_after) = raw.envelope.not_after {
            if self.is_repeated(raw, cause)? {
                return Ok(());
            }
            self.check_lifetime(cause, not_after)?;
            cause.remembered = Some(Remembered {
                body_hash: raw.body_hash(),
                not_after,
            });
        }
        let command = command.map_err(DecodeError::clone)?;
        if raw.envelope.not_after.is_none() && !S::dedupes_itself(command) {
            return Err(refusal(
                "NOT_AFTER_MISSING",
                "only a command that is harmless to repeat may omit not_after",
            ));
        }
        let context = self.context(cause);
        let decision = S::decide(&self.state.service, command, &context).map_err(Failure::Refused)?;
        if decision.needs_deciding_anew() && cause.remembered.is_some() && cause.reply_to.is_some() {
            if !S::dedupes_itself(command) {
                let detail = "the answer to a repetition could not be the same".to_owned();
                return Err(DeadLetter {
                    code: "ANSWER_NOT_REPEATABLE",
                    detail,
                }
                .into());
            }
            cause.remembered = None;
        }
        self.write_decision(cause, decision)
    }

    fn handle_runtime(&mut self, message: &RuntimeMessage, cause: &Cause<'_>) -> Result<(), Failure> {
        match message {
            RuntimeMessage::TimerDue(due) => self.handle_timer(cause, due.timer.clone()),
            RuntimeMessage::Answer(answer) => {
                let context = self.context(cause);
                // An answer without a readable key was sent by nobody that this runtime answers.
                let aggregate = str::from_utf8(&cause.record.key).unwrap_or_default();
                let decided = S::decide_answer(&self.state.service, aggregate, answer, &context);
                self.write_decision(cause, decided.map_err(Failure::Refused)?)
            }
        }
    }

    /// A command that was answered before gets the same answer; under another body it is refused.
    fn is_repeated(&mut self, raw: &Read<'_, S>, cause: &Cause<'_>) -> Result<bool, Failure> {
        let Some(memory) = self.state.remembered(cause.command_id) else {
            return Ok(false);
        };
        if memory.body_hash != raw.body_hash().0 {
            return Err(refusal(
                "COMMAND_ID_REUSED",
                "this id was given to a command with another body",
            ));
        }
        let outcome = Outcome::from(&memory.outcome);
        let command_type = raw.ce_type.to_owned();
        let event = RuntimeEvent::from(DuplicateIgnored { command_type });
        self.write_events(cause, [StreamEvent::Runtime(event)])?;
        self.write_answer(cause, outcome, None)?;
        Ok(true)
    }

    fn check_lifetime(&self, cause: &Cause<'_>, not_after: i64) -> Result<(), Failure> {
        let now = self.now(cause.record);
        if now > not_after {
            return Err(refusal("COMMAND_EXPIRED", "it came after its not_after"));
        }
        if not_after > now + TTL_MS_MAX {
            return Err(refusal(
                "TTL_TOO_LONG",
                format!("not_after may be at most {TTL_MS_MAX} ms ahead"),
            ));
        }
        Ok(())
    }

    /// An answer may only go where the bank expects answers, or a sender could write anywhere through the bank.
    fn check_reply_address(&self, cause: &mut Cause<'_>) -> Result<(), Failure> {
        let Some(reply_to) = &cause.reply_to else {
            return Ok(());
        };
        let topic = topics::find(&reply_to.topic).filter(topics::Topic::takes_answers);
        let key = reply_to.key.as_ref();
        let belongs =
            key.is_none_or(|key| partition_of(key.as_bytes(), self.partitions) == Some(reply_to.partition));
        if topic.is_some() && belongs && (0..self.partitions).contains(&reply_to.partition) {
            return Ok(());
        }
        cause.reply_to = None;
        Err(refusal(
            "REPLY_ADDRESS_UNKNOWN",
            "reply_to names no partition that takes answers",
        ))
    }

    fn handle_timer(&mut self, cause: &Cause<'_>, timer: TimerId) -> Result<(), Failure> {
        if !self.state.is_armed(&timer) {
            let event = RuntimeEvent::from(TimerIgnored { timer });
            return self.write_events(cause, [StreamEvent::Runtime(event)]);
        }
        let context = self.context(cause);
        if context.time_ms < timer.due {
            let event = RuntimeEvent::from(TimerRearmed { timer });
            return self.write_events(cause, [StreamEvent::Runtime(event)]);
        }
        let decision = S::decide_timer(&self.state.service, &timer, &context);
        if decision.events.is_empty() {
            let event = RuntimeEvent::from(TimerIgnored { timer });
            return self.write_events(cause, [StreamEvent::Runtime(event)]);
        }
        self.write_decision(cause, decision)?;
        if self.state.is_armed(&timer) {
            let detail = "what a timer led to left the timer armed".to_owned();
            return Err(DeadLetter {
                code: "TIMER_NOT_DISARMED",
                detail,
            }
            .into());
        }
        self.state.timer_returned(timer);
        Ok(())
    }

    fn write_decision(&mut self, cause: &Cause<'_>, decision: Decision<S::Event>) -> Result<(), Failure> {
        let events = decision.events.len() as u32;
        if events == 0 {
            let detail = "a decision without an event would leave no trace".to_owned();
            return Err(DeadLetter {
                code: "DECISION_EMPTY",
                detail,
            }
            .into());
        }
        let hands_on = decision.hands_on_the_answer();
        self.write_events(cause, decision.events.into_iter().map(StreamEvent::Service))?;
        for (index, follow_up) in decision.send.into_iter().enumerate() {
            self.write_follow_up(cause, index as u32, follow_up)?;
        }
        match hands_on {
            true => Ok(()),
            false => self.write_answer(cause, Outcome::Accepted { events }, decision.result),
        }
    }

    fn now(&self, record: &Record) -> i64 {
        self.state.clock_ms().max(record.timestamp_ms)
    }

    fn context(&self, cause: &Cause<'_>) -> Context {
        Context {
            command_id: cause.command_id,
            partition: cause.record.partition,
            partitions: self.partitions,
            time_ms: self.now(cause.record),
            correlation_id: cause.correlation_id,
        }
    }
}

/// The message of a panic. It comes from our own assertions, which name no personal data.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "the handler panicked".to_owned())
}
