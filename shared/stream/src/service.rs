//! What a service brings to the runtime: its names, its decisions and its fold.

use serde::{Serialize, de::DeserializeOwned};
use smallvec::SmallVec;
use tributary_contracts::{
    codec::{Encoded, Message},
    runtime::{Answer, AnswerResult, TimerChange, TimerId},
    topics::Topic,
};
use tributary_ids::{CommandId, EventId};
use tributary_overlay::Layered;
use uuid::Uuid;

pub use crate::golden::Golden;

/// A service's topics. Its name is also its consumer group and the head of its transactional ids.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    pub service: &'static str,
    pub inbox: Topic,
    pub events: Topic,
    pub dead_letters: Topic,
}

/// What a decision may know besides the state: nothing that a replay of the same log would not give again.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub command_id: CommandId,
    pub partition: i32,
    /// Partitions that every topic has: fixed for the topics' life.
    pub partitions: i32,
    /// Record time in milliseconds since the epoch; never goes back within a partition.
    pub time_ms: i64,
    /// Ties together all that follows from one wish.
    pub correlation_id: Uuid,
}

/// What the fold may know of an event besides its data.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    pub event_id: EventId,
    pub partition: i32,
    pub time_ms: i64,
    /// Ties together all that follows from one wish.
    pub correlation_id: Uuid,
}

/// What a command leads to.
#[derive(Debug)]
pub struct Decision<E> {
    pub events: SmallVec<[E; 2]>,
    pub send: SmallVec<[FollowUp; 1]>,
    /// What whoever waits for an answer is told besides that the command was accepted. Only of a command that dedupes
    /// itself: it is decided anew when it comes again, so that the answer is the same.
    pub result: Option<AnswerResult>,
}

impl<E> Default for Decision<E> {
    fn default() -> Self {
        Self {
            events: SmallVec::new(),
            send: SmallVec::new(),
            result: None,
        }
    }
}

impl<E> Decision<E> {
    /// Whether a follow-up answers in the command's place.
    pub(crate) fn hands_on_the_answer(&self) -> bool {
        self.send
            .iter()
            .any(|follow_up| follow_up.awaited == Awaited::ByWhoeverAsked)
    }

    /// Whether a repetition's answer can't be given from memory, which holds no more than the outcome.
    pub(crate) fn needs_deciding_anew(&self) -> bool {
        self.result.is_some() || self.hands_on_the_answer()
    }
}

/// Who waits for the answer to a follow-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Awaited {
    #[default]
    ByNobody,
    /// The aggregate that sends it: the answer comes to [`Service::decide_answer`] under its key.
    BySender,
    /// Whoever waits for the answer to the command that leads to it, which is then not answered by itself unless it is
    /// refused: the command hands the answer on.
    ByWhoeverAsked,
}

/// A command that a decision sends, to its own service or another, in the same transaction as its events.
#[derive(Debug)]
pub struct FollowUp {
    /// The command's id; none: derived from the id of the command that leads to it. Whoever may send the same wish twice
    /// names it.
    pub id: Option<CommandId>,
    pub topic: Topic,
    pub key: String,
    pub ce_type: &'static str,
    pub data: Encoded,
    /// Milliseconds since the epoch; absent where the command's own data makes a repetition harmless.
    pub not_after: Option<i64>,
    pub awaited: Awaited,
}

impl FollowUp {
    /// Sent once, and nobody waits for the answer.
    pub fn new(topic: Topic, key: String, message: &impl Message) -> Self {
        Self {
            id: None,
            topic,
            key,
            ce_type: message.ce_type(),
            data: Encoded::of(message),
            not_after: None,
            awaited: Awaited::ByNobody,
        }
    }

    /// The same under this id.
    pub fn named(self, id: CommandId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// The same, with somebody who waits for its answer.
    pub fn awaited(self, awaited: Awaited) -> Self {
        Self { awaited, ..self }
    }
}

/// A refusal: the command has no effect, and its sender is told why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, listed in `docs/errors.md`.
    pub code: &'static str,
    /// For people; no personal data.
    pub detail: String,
}

/// An event that can't follow on the state: the log or the fold is wrong, and the partition has to stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Corrupt(pub String);

/// What an event means for a service's own metrics, to be called once the event is committed.
pub type Told = Box<dyn FnOnce() + Send>;

/// A service on the runtime. Everything in it is a pure function of its arguments.
pub trait Service: Send + Sync + 'static {
    type Command: Message;
    type Event: Message + Send;
    /// State of one partition.
    type State: Layered + Default + Serialize + DeserializeOwned + Send;

    const NAMES: Names;

    /// Raised by hand whenever the fold or the state's layout changes, so that older snapshots are not used.
    const FOLD_VERSION: u32;

    /// Digests of what the service's golden log folds to: they change with the fold, also where raising the version was
    /// forgotten. A test of the service holds them against the log ([`crate::golden`]).
    const GOLDEN: Golden;

    /// Whether the command can come again at any time without being remembered by its id.
    fn dedupes_itself(command: &Self::Command) -> bool;

    /// The story that an aggregate's records belong to, whoever sends them and whatever correlation id they bear: so that
    /// what an analyst decides or a timer brings up is found with what came before it. `None`: the record's own.
    fn story(_state: &Self::State, _key: &[u8]) -> Option<Uuid> {
        None
    }

    /// The command's effect, or why it has none.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
        context: &Context,
    ) -> Result<Decision<Self::Event>, Refusal>;

    /// What a due timer leads to. No events: nothing waits for it any more.
    fn decide_timer(state: &Self::State, timer: &TimerId, context: &Context) -> Decision<Self::Event>;

    /// What an answer to an earlier follow-up leads to. `aggregate`: the key of the aggregate that waited for it.
    fn decide_answer(
        state: &Self::State,
        aggregate: &str,
        answer: &Answer,
        context: &Context,
    ) -> Result<Decision<Self::Event>, Refusal>;

    /// Folds an event into the state; the same function live and at restore.
    fn evolve(state: &mut Self::State, event: &Self::Event, recorded: &Recorded) -> Result<(), Corrupt>;

    /// Which timers the event arms or disarms.
    fn timer_changes(event: &Self::Event) -> SmallVec<[TimerChange; 1]>;

    /// What the event means for the service's own metrics. It is called when a worker has committed the event, never at a
    /// restore, and nothing of it comes back into a decision.
    fn tell(_event: &Self::Event) -> Option<Told> {
        None
    }

    /// Makes the service's own metrics known before anything has happened.
    fn announce_metrics() {}
}
