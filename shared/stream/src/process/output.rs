//! What a record leads to, as records: events, follow-ups, answers, dead letters, due timers.

use std::borrow::Cow;

use smallvec::SmallVec;
use smol_str::SmolStr;
use tributary_contracts::{
    codec::{self, Encoded, Message},
    envelope::{Channel, CommandEnvelope, EventEnvelope, Initiator, Position, ReplyTo},
    partition::partition_of,
    record::Outgoing,
    runtime::{
        Answer, AnswerResult, CommandRefused, DeadLettered, Outcome, RuntimeEvent, RuntimeMessage, TimerDue,
        TimerId,
    },
    topics::{self, RECORD_BYTES_MAX},
};
use tributary_ids::CommandId;

use super::{Cause, DeadLetter, Failure, Inbound, Processor, Read, refusal};
use crate::{
    service::{Awaited, Corrupt, FollowUp, Refusal, Service},
    state::StreamEvent,
};

/// Index from which follow-up ids of the runtime's own records count, apart from those of decisions.
const ANSWER_INDEX: u32 = u32::MAX;

/// A message that a record leads to, on its way into an inbox.
struct Sent<'m> {
    id: CommandId,
    reply_to: Option<ReplyTo>,
    topic: &'static str,
    partition: i32,
    key: String,
    ce_type: &'m str,
    initiator: Initiator,
    data: &'m Encoded,
    /// Milliseconds since the epoch.
    not_after: Option<i64>,
}

impl<S: Service> Processor<'_, S> {
    pub(super) fn write_events(
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
            if let StreamEvent::Service(event) = &envelope.data {
                self.told.extend(S::tell(event));
            }
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

    pub(super) fn write_follow_up(
        &mut self,
        cause: &Cause<'_>,
        index: u32,
        follow_up: FollowUp,
    ) -> Result<(), Failure> {
        let FollowUp {
            id,
            topic,
            key,
            ce_type,
            data,
            not_after,
            awaited,
        } = follow_up;
        let Some(partition) = partition_of(key.as_bytes(), self.partitions) else {
            let detail = "a follow-up's key belongs to no partition".to_owned();
            return Err(DeadLetter {
                code: "FOLLOW_UP_UNADDRESSED",
                detail,
            }
            .into());
        };
        // Who answered an earlier command, or kept a timer, is not who wants this one.
        let wanted_by = cause.initiator.clone().filter(|_| !cause.is_from_runtime());
        let sent = Sent {
            id: id.unwrap_or_else(|| cause.command_id.follow_up(index)),
            reply_to: cause.reply_address::<S>(awaited),
            topic: topic.name,
            partition,
            key,
            ce_type,
            initiator: wanted_by.unwrap_or_else(system::<S>),
            data: &data,
            not_after,
        };
        self.write(inbox_record::<S>(cause, sent))
    }

    pub(super) fn write_answer(
        &mut self,
        cause: &Cause<'_>,
        outcome: Outcome,
        result: Option<AnswerResult>,
    ) -> Result<(), Failure> {
        let Some(reply_to) = &cause.reply_to else {
            return Ok(());
        };
        let Some(topic) = topics::find(&reply_to.topic) else {
            return Ok(());
        };
        let answer = RuntimeMessage::from(Answer {
            command_id: reply_to.command_id.unwrap_or(cause.command_id),
            outcome,
            result,
            by_follow_up: reply_to.command_id.is_some(),
        });
        let data = Encoded::of(&answer);
        let sent = Sent {
            id: cause.command_id.follow_up(ANSWER_INDEX),
            reply_to: None,
            topic: topic.name,
            partition: reply_to.partition,
            key: reply_to
                .key
                .clone()
                .unwrap_or_else(|| cause.command_id.to_string()),
            ce_type: answer.ce_type(),
            initiator: system::<S>(),
            data: &data,
            not_after: None,
        };
        self.write(inbox_record::<S>(cause, sent))
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

    pub(super) fn refuse(&mut self, cause: &Cause<'_>, refusal: Refusal) -> Result<(), Corrupt> {
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

    pub(super) fn dead_letter(
        &mut self,
        cause: &Cause<'_>,
        dead: DeadLetter,
        raw: Option<&Read<'_, S>>,
    ) -> Result<(), Corrupt> {
        let record = cause.record;
        let timer = match raw.map(|raw| &raw.envelope.data.message) {
            Some(Ok(Inbound::Runtime(RuntimeMessage::TimerDue(due)))) => Some(due.timer.clone()),
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
            .and_then(|()| self.write_answer(cause, outcome, None))
            .map_err(|failure| match failure {
                Failure::Corrupt(corrupt) => corrupt,
                Failure::Refused(Refusal { code, detail }) => Corrupt(format!("{code}: {detail}")),
                Failure::DeadLetter(DeadLetter { code, detail }) => Corrupt(format!("{code}: {detail}")),
            })
    }
}

impl Cause<'_> {
    /// Whether it is an answer or a timer rather than somebody's wish.
    fn is_from_runtime(&self) -> bool {
        self.ce_type.starts_with("tributary.")
    }

    /// Where the answer to a follow-up goes.
    fn reply_address<S: Service>(&self, awaited: Awaited) -> Option<ReplyTo> {
        match awaited {
            Awaited::ByNobody => None,
            Awaited::BySender => Some(ReplyTo {
                topic: Cow::Borrowed(S::NAMES.inbox.name),
                partition: self.record.partition,
                key: Some(String::from_utf8_lossy(&self.record.key).into_owned()),
                command_id: None,
            }),
            Awaited::ByWhoeverAsked => self.reply_to.as_ref().map(|reply_to| ReplyTo {
                command_id: Some(reply_to.command_id.unwrap_or(self.command_id)),
                ..reply_to.clone()
            }),
        }
    }
}

fn inbox_record<S: Service>(cause: &Cause<'_>, sent: Sent<'_>) -> Outgoing {
    let envelope = CommandEnvelope {
        id: sent.id,
        correlation_id: cause.correlation_id,
        causation_id: Some(cause.command_id.event(0).to_string()),
        reply_to: sent.reply_to,
        not_after: sent.not_after,
        initiator: sent.initiator,
        data: sent.data,
    };
    let traceparent = cause.record.headers.text(codec::TRACEPARENT);
    Outgoing {
        topic: sent.topic,
        partition: sent.partition,
        key: sent.key.into_bytes(),
        headers: codec::headers(&envelope.id, S::NAMES.service, sent.ce_type, traceparent),
        value: codec::encode(&envelope),
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
        actor: SmolStr::new_static(S::NAMES.service),
        on_behalf_of: None,
        channel: Channel::System,
        branch: None,
    }
}
