//! Messages that the stream runtime itself writes and reads, the same for every service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_ids::CommandId;

use crate::{accounts::TransferEnd, fraud::FraudDecision, messages};

/// A timer's identity: which aggregate set it, for what, and when it is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct TimerId {
    /// Milliseconds since the epoch. First, so that timers order by it.
    pub due: i64,
    /// Key of the aggregate.
    pub aggregate: String,
    pub name: String,
}

/// A timer came due. Goes through the inbox like a command, so that the log knows in which order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimerDue {
    pub timer: TimerId,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The command that was sent by whoever waits.
    pub command_id: CommandId,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What it came to, where accepted alone doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<AnswerResult>,
    /// A follow-up of the command answers, since the command handed the answer on: so the command itself was accepted,
    /// whatever the outcome here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_follow_up: bool,
}

/// What an accepted command came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerResult {
    Transfer(TransferEnd),
    Fraud(FraudDecision),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It caused this many events.
    Accepted { events: u32 },
    /// It had no effect, for this reason.
    Refused { code: String, detail: String },
}

messages! {
    /// What comes to any inbox besides the service's own commands.
    pub enum RuntimeMessage {
        TimerDue = "tributary.timer-due.v1",
        Answer = "tributary.answer.v1",
    }
}

/// A command was refused and had no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandRefused {
    pub command_type: String,
    /// Stable; `docs/errors.md` lists all.
    pub code: String,
    pub detail: String,
}

/// A command came again, and had no further effect; the answer was sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DuplicateIgnored {
    pub command_type: String,
}

/// A record could not be handled and stands in the dead-letter topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLettered {
    pub code: String,
    pub detail: String,
    /// The timer whose record it was: it is disarmed, or it would come again for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<TimerId>,
}

/// A timer's record came before its time by the inbox's clock; it stays armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimerRearmed {
    pub timer: TimerId,
}

/// A timer's record came when nothing waited for it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimerIgnored {
    pub timer: TimerId,
}

messages! {
    /// Events of the runtime: with these, every consumed record leaves an event, so that the events alone tell
    /// which input comes next.
    pub enum RuntimeEvent {
        CommandRefused = "tributary.command-refused.v1",
        DuplicateIgnored = "tributary.duplicate-ignored.v1",
        DeadLettered = "tributary.dead-lettered.v1",
        TimerRearmed = "tributary.timer-rearmed.v1",
        TimerIgnored = "tributary.timer-ignored.v1",
    }
}

/// What an event changes about timers; the runtime keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// Arms a timer. There is one per aggregate and name: arming again moves it.
    Arm(TimerId),
    /// Disarms it, armed or not.
    Disarm { aggregate: String, name: String },
}
