//! One input record: what it leads to, in events, answers and follow-ups.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde_json::value::{RawValue, to_raw_value};
use smallvec::SmallVec;
use tributary_contracts::{
    codec::{self, DecodeError, Message, RawCommand},
    envelope::{
        Channel, CommandEnvelope, EventEnvelope, Initiator, Position, Remembered, ReplyTo, TTL_MS_MAX,
    },
    partition::partition_of,
    record::{Outgoing, Record},
    runtime::{
        Answer, CommandRefused, DeadLettered, DuplicateIgnored, Outcome, RuntimeEvent, RuntimeMessage,
        TimerDue, TimerId, TimerIgnored, TimerRearmed,
    },
    topics::{self, RECORD_BYTES_MAX},
};
use tributary_ids::CommandId;
use tributary_overlay::Layered;
use uuid::Uuid;

use crate::{
    service::{Context, Corrupt, Decision, FollowUp, Refusal, Service},
    state::{PartitionState, StreamEvent},
};

/// Index from which follow-up ids of the runtime's own records count, apart from those of decisions.
const ANSWER_INDEX: u32 = u32::MAX;

/// Turns input records into output records, on one partition's state.
pub(crate) struct Processor<'p, S: Service> {
    pub(crate) state: &'p mut PartitionState<S>,
    /// Partitions of every topic that decisions write to.
    pub(crate) partitions: i32,
    pub(crate) out: &'p mut Vec<Outgoing>,
}

/// Why a record goes to the dead letters.
#[derive(Clone)]
struct DeadLetter {
    code: &'static str,
    detail: String,
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

    fn of(record: &'r Record, raw: &RawCommand<'r>) -> Self {
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
        let written = self.out.len();
        let raw = self.read(record);
        let mut cause = match &raw {
            Ok(raw) => Cause::of(record, raw),
            Err(_) => Cause::unreadable::<S>(record),
        };
        let handled = match &raw {
            Ok(raw) => catch_unwind(AssertUnwindSafe(|| self.handle_readable(raw, &mut cause)))
                .unwrap_or_else(|panic| {
                    Err(DeadLetter {
                        code: "HANDLER_PANICKED",
                        detail: panic_message(panic.as_ref()),
                    }
                    .into())
                }),
            Err(dead) => Err(dead.clone().into()),
        };
        let Err(failure) = handled else { return Ok(()) };
        self.state.undo_to_savepoint();
        self.out.truncate(written);
        cause.remembered = cause
            .remembered
            .filter(|_| matches!(failure, Failure::Refused(_)));
        match failure {
            Failure::Refused(refusal) => self.refuse(&cause, refusal),
            Failure::DeadLetter(dead) => self.dead_letter(&cause, dead, raw.as_ref().ok()),
            Failure::Corrupt(corrupt) => Err(corrupt),
        }
    }

    fn read<'r>(&self, record: &'r Record) -> Result<RawCommand<'r>, DeadLetter> {
        let size = record.key.len() + record.headers.size() + record.value.len();
        if size > RECORD_BYTES_MAX {
            let detail = format!("{size} bytes, at most {RECORD_BYTES_MAX} are taken");
            return Err(DeadLetter {
                code: "RECORD_TOO_LARGE",
                detail,
            });
        }
        Ok(RawCommand::read(record)?)
    }

    fn handle_readable(&mut self, raw: &RawCommand<'_>, cause: &mut Cause<'_>) -> Result<(), Failure> {
        self.check_reply_address(cause)?;
        if partition_of(&cause.record.key, self.partitions) != Some(cause.record.partition) {
            let detail = "the key belongs to another partition".to_owned();
            return Err(DeadLetter {
                code: "WRONG_PARTITION",
                detail,
            }
            .into());
        }
        let data = raw.envelope.data.get();
        if raw.ce_type.starts_with("tributary.") {
            return match RuntimeMessage::decode(raw.ce_type, data)? {
                RuntimeMessage::TimerDue(due) => self.handle_timer(cause, due.timer),
                RuntimeMessage::Answer(answer) => {
                    let context = self.context(cause);
                    let decided = S::decide_answer(&self.state.service, &answer, &context);
                    self.write_decision(cause, decided.map_err(Failure::Refused)?)
                }
            };
        }
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
        let command = S::Command::decode(raw.ce_type, data)?;
        if raw.envelope.not_after.is_none() && !S::dedupes_itself(&command) {
            return Err(refusal(
                "NOT_AFTER_MISSING",
                "only a command that is harmless to repeat may omit not_after",
            ));
        }
        let context = self.context(cause);
        let decision = S::decide(&self.state.service, &command, &context).map_err(Failure::Refused)?;
        self.write_decision(cause, decision)
    }

    /// A command that was answered before gets the same answer; under another body it is refused.
    fn is_repeated(&mut self, raw: &RawCommand<'_>, cause: &Cause<'_>) -> Result<bool, Failure> {
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
        self.write_answer(cause, outcome)?;
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
        if topic.is_some() && (0..self.partitions).contains(&reply_to.partition) {
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
        self.write_events(cause, decision.events.into_iter().map(StreamEvent::Service))?;
        for (index, follow_up) in decision.send.into_iter().enumerate() {
            self.write_follow_up(cause, index as u32, follow_up)?;
        }
        self.write_answer(cause, Outcome::Accepted { events })
    }

    fn write_events(
        &mut self,
        cause: &Cause<'_>,
        events: impl IntoIterator<Item = StreamEvent<S::Event>>,
    ) -> Result<(), Failure> {
        let events: SmallVec<[StreamEvent<S::Event>; 2]> = events.into_iter().collect();
        let of = events.len() as u32;
        let time = self.now(cause.record);
        for (index, data) in events.into_iter().enumerate() {
            let envelope = EventEnvelope {
                command_id: cause.command_id,
                index: index as u32,
                of,
                correlation_id: cause.correlation_id,
                time,
                origin: Position {
                    topic: Cow::Borrowed(S::NAMES.inbox.name),
                    partition: cause.record.partition,
                    offset: cause.record.offset,
                },
                remembered: cause.remembered,
                initiator: cause.initiator.clone(),
                data,
            };
            self.write_event(cause, &envelope)?;
            self.state.fold(&envelope).map_err(Failure::Corrupt)?;
        }
        Ok(())
    }

    fn write_event(
        &mut self,
        cause: &Cause<'_>,
        envelope: &EventEnvelope<StreamEvent<S::Event>>,
    ) -> Result<(), Failure> {
        let ce_type = match &envelope.data {
            StreamEvent::Service(event) => event.ce_type(),
            StreamEvent::Runtime(event) => event.ce_type(),
        };
        self.write(Outgoing {
            topic: S::NAMES.events.name,
            partition: cause.record.partition,
            key: cause.record.key.clone(),
            headers: codec::headers(
                &envelope.id(),
                S::NAMES.service,
                ce_type,
                cause.record.headers.text(codec::TRACEPARENT),
            ),
            value: codec::encode(envelope),
        })
    }

    fn write_follow_up(&mut self, cause: &Cause<'_>, index: u32, follow_up: FollowUp) -> Result<(), Failure> {
        let FollowUp {
            topic,
            key,
            ce_type,
            data,
            not_after,
        } = follow_up;
        let Some(partition) = partition_of(key.as_bytes(), self.partitions) else {
            let detail = "a follow-up's key belongs to no partition".to_owned();
            return Err(DeadLetter {
                code: "FOLLOW_UP_UNADDRESSED",
                detail,
            }
            .into());
        };
        let initiator = cause.initiator.clone().unwrap_or_else(system::<S>);
        let record = self.inbox_record(
            cause, index, topic.name, partition, key, ce_type, initiator, &data, not_after,
        );
        self.write(record)
    }

    fn write_answer(&mut self, cause: &Cause<'_>, outcome: Outcome) -> Result<(), Failure> {
        let Some(reply_to) = &cause.reply_to else {
            return Ok(());
        };
        let Some(topic) = topics::find(&reply_to.topic) else {
            return Ok(());
        };
        let answer = RuntimeMessage::from(Answer {
            command_id: cause.command_id,
            outcome,
        });
        #[expect(
            clippy::expect_used,
            reason = "contract types serialize to memory without failure"
        )]
        let data = to_raw_value(&answer).expect("contract types always serialize");
        let key = cause.command_id.to_string();
        let (partition, ce_type) = (reply_to.partition, answer.ce_type());
        let record = self.inbox_record(
            cause,
            ANSWER_INDEX,
            topic.name,
            partition,
            key,
            ce_type,
            system::<S>(),
            &data,
            None,
        );
        self.write(record)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "an inbox record's parts, each of another type or origin"
    )]
    fn inbox_record(
        &self,
        cause: &Cause<'_>,
        index: u32,
        topic: &'static str,
        partition: i32,
        key: String,
        ce_type: &str,
        initiator: Initiator,
        data: &RawValue,
        not_after: Option<i64>,
    ) -> Outgoing {
        let envelope = CommandEnvelope {
            id: cause.command_id.follow_up(index),
            correlation_id: cause.correlation_id,
            causation_id: Some(cause.command_id.event(0).to_string()),
            reply_to: None,
            not_after,
            initiator,
            data,
        };
        let traceparent = cause.record.headers.text(codec::TRACEPARENT);
        Outgoing {
            topic,
            partition,
            key: key.into_bytes(),
            headers: codec::headers(&envelope.id, S::NAMES.service, ce_type, traceparent),
            value: codec::encode(&envelope),
        }
    }

    fn write(&mut self, record: Outgoing) -> Result<(), Failure> {
        let size = record.size();
        if size > RECORD_BYTES_MAX {
            return Err(refusal(
                "RECORD_TOO_LARGE",
                format!("it would lead to a record of {size} bytes"),
            ));
        }
        self.out.push(record);
        Ok(())
    }

    fn refuse(&mut self, cause: &Cause<'_>, refusal: Refusal) -> Result<(), Corrupt> {
        let outcome = Outcome::Refused {
            code: refusal.code.to_owned(),
            detail: refusal.detail.clone(),
        };
        let event = RuntimeEvent::from(CommandRefused {
            command_type: cause.ce_type.clone().into_owned(),
            code: refusal.code.to_owned(),
            detail: refusal.detail,
        });
        self.write_last_resort(cause, event, outcome)
    }

    fn dead_letter(
        &mut self,
        cause: &Cause<'_>,
        dead: DeadLetter,
        raw: Option<&RawCommand<'_>>,
    ) -> Result<(), Corrupt> {
        let record = cause.record;
        let timer = match raw.map(|raw| RuntimeMessage::decode(raw.ce_type, raw.envelope.data.get())) {
            Some(Ok(RuntimeMessage::TimerDue(due))) => Some(due.timer),
            _ => None,
        };
        let mut headers = record.headers.clone();
        let origin = S::NAMES.inbox.name;
        headers.push("dlq_origin_topic", origin.as_bytes());
        headers.push("dlq_origin_partition", record.partition.to_string().as_bytes());
        headers.push("dlq_origin_offset", record.offset.to_string().as_bytes());
        headers.push(
            "dlq_origin_timestamp_ms",
            record.timestamp_ms.to_string().as_bytes(),
        );
        headers.push("dlq_code", dead.code.as_bytes());
        headers.push("dlq_detail", dead.detail.as_bytes());
        self.out.push(Outgoing {
            topic: S::NAMES.dead_letters.name,
            partition: record.partition,
            key: record.key.clone(),
            headers,
            value: record.value.clone(),
        });
        let outcome = Outcome::Refused {
            code: dead.code.to_owned(),
            detail: dead.detail.clone(),
        };
        let code = dead.code.to_owned();
        let event = RuntimeEvent::from(DeadLettered {
            code,
            detail: dead.detail,
            timer,
        });
        self.write_last_resort(cause, event, outcome)
    }

    /// Writes the event and answer that say that a record had no effect. These are small; should even they fail,
    /// nothing is left but to stop.
    fn write_last_resort(
        &mut self,
        cause: &Cause<'_>,
        event: RuntimeEvent,
        outcome: Outcome,
    ) -> Result<(), Corrupt> {
        self.write_events(cause, [StreamEvent::Runtime(event)])
            .and_then(|()| self.write_answer(cause, outcome))
            .map_err(|failure| match failure {
                Failure::Corrupt(corrupt) => corrupt,
                Failure::Refused(Refusal { code, detail }) => Corrupt(format!("{code}: {detail}")),
                Failure::DeadLetter(DeadLetter { code, detail }) => Corrupt(format!("{code}: {detail}")),
            })
    }

    fn now(&self, record: &Record) -> i64 {
        self.state.clock_ms().max(record.timestamp_ms)
    }

    fn context(&self, cause: &Cause<'_>) -> Context {
        Context {
            command_id: cause.command_id,
            partition: cause.record.partition,
            time_ms: self.now(cause.record),
        }
    }
}

/// The record that brings a due timer into the inbox of its own partition.
pub(crate) fn timer_record<S: Service>(partition: i32, timer: &TimerId) -> Outgoing {
    let TimerId { due, aggregate, name } = timer;
    let id = CommandId::named(&format!("timer/{}/{aggregate}/{name}/{due}", S::NAMES.service));
    let data = RuntimeMessage::from(TimerDue { timer: timer.clone() });
    let ce_type = data.ce_type();
    let envelope = CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: None,
        reply_to: None,
        not_after: None,
        initiator: system::<S>(),
        data,
    };
    Outgoing {
        topic: S::NAMES.inbox.name,
        partition,
        key: aggregate.clone().into_bytes(),
        headers: codec::headers(&id, S::NAMES.service, ce_type, None),
        value: codec::encode(&envelope),
    }
}

fn system<S: Service>() -> Initiator {
    Initiator {
        actor: S::NAMES.service.to_owned(),
        on_behalf_of: None,
        channel: Channel::System,
        branch: None,
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
