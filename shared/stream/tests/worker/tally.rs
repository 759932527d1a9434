//! The smallest service that has everything: state, follow-ups, timers, refusals and a handler that panics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use tributary_contracts::{
    codec::{self, Message},
    envelope::{Channel, CommandEnvelope, Initiator},
    messages,
    partition::partition_of,
    record::Outgoing,
    runtime::{Answer, TimerChange, TimerId},
    topics::{Kind, Topic},
};
use tributary_ids::CommandId;
use tributary_overlay::{OverlayMap, Revert, layered};
use tributary_stream::service::{
    Context, Corrupt, Decision, FollowUp, Golden, Names, Recorded, Refusal, Service,
};

pub(crate) const PARTITIONS: i32 = 3;
pub(crate) const INBOX: Topic = Topic {
    name: "tally.inbox",
    kind: Kind::Inbox,
    key: "name",
};
pub(crate) const EVENTS: Topic = Topic {
    name: "tally.events",
    kind: Kind::Events,
    key: "name",
};
pub(crate) const DEAD: Topic = Topic {
    name: "tally.dlq",
    kind: Kind::DeadLetters,
    key: "name",
};

/// Adds at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Add {
    pub(crate) name: String,
    pub(crate) amount: i64,
}

/// Takes from one and gives to another, by a follow-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Give {
    pub(crate) name: String,
    pub(crate) to: String,
    pub(crate) amount: i64,
}

/// Adds when the time has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AddLater {
    pub(crate) name: String,
    pub(crate) amount: i64,
    pub(crate) due: i64,
}

/// Adds now what was to be added when the time has come, the earliest of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Hurry {
    pub(crate) name: String,
}

/// The handler has a bug here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Stumble {
    pub(crate) name: String,
}

messages! {
    pub(crate) enum Command {
        Add = "tally.add.v1",
        Give = "tally.give.v1",
        AddLater = "tally.add-later.v1",
        Hurry = "tally.hurry.v1",
        Stumble = "tally.stumble.v1",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Added {
    pub(crate) name: String,
    pub(crate) amount: i64,
    pub(crate) timer: Option<TimerId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Postponed {
    pub(crate) timer: TimerId,
    pub(crate) amount: i64,
}

messages! {
    pub(crate) enum Event {
        Added = "tally.added.v1",
        Postponed = "tally.postponed.v1",
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sum(pub(crate) i64);

impl Revert<i64> for Sum {
    fn revert(&mut self, replaced: i64) {
        self.0 = replaced;
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tallies {
    pub(crate) sums: OverlayMap<String, Sum, i64>,
    pub(crate) postponed: OverlayMap<TimerId, i64>,
}

layered!(Tallies { sums, postponed });

pub(crate) struct Tally;

impl Service for Tally {
    type Command = Command;
    type Event = Event;
    type State = Tallies;

    const NAMES: Names = Names {
        service: "tally",
        inbox: INBOX,
        events: EVENTS,
        dead_letters: DEAD,
    };
    const FOLD_VERSION: u32 = 1;
    const GOLDEN: Golden = Golden {
        schema: "tally",
        state: "tally",
    };

    fn dedupes_itself(_: &Command) -> bool {
        // Follow-ups come without a time to be remembered for; nothing else here does.
        true
    }

    fn decide(state: &Tallies, command: &Command, context: &Context) -> Result<Decision<Event>, Refusal> {
        let added = |name: &str, amount| {
            Event::from(Added {
                name: name.to_owned(),
                amount,
                timer: None,
            })
        };
        match command {
            Command::Add(add) if add.amount == 0 => Err(Refusal {
                code: "NOTHING",
                detail: "nothing to add".to_owned(),
            }),
            Command::Add(add) => Ok(Decision {
                events: smallvec![added(&add.name, add.amount)],
                ..Decision::default()
            }),
            Command::Give(give) => {
                let add = Command::from(Add {
                    name: give.to.clone(),
                    amount: give.amount,
                });
                let send = smallvec![FollowUp::new(INBOX, give.to.clone(), &add)];
                // Two events, so that a restore can be cut off between them.
                let events = smallvec![added(&give.name, -give.amount), added(&give.name, 0)];
                Ok(Decision {
                    events,
                    send,
                    result: None,
                })
            }
            Command::AddLater(later) => {
                let timer = TimerId {
                    due: later.due,
                    aggregate: later.name.clone(),
                    name: context.command_id.to_string(),
                };
                let postponed = Postponed {
                    timer,
                    amount: later.amount,
                };
                Ok(Decision {
                    events: smallvec![postponed.into()],
                    ..Decision::default()
                })
            }
            Command::Hurry(hurry) => {
                let of_name = state
                    .postponed
                    .iter()
                    .filter(|(timer, _)| timer.aggregate == hurry.name);
                let Some((timer, amount)) = of_name.min() else {
                    return Err(Refusal {
                        code: "NOTHING",
                        detail: "nothing was postponed".to_owned(),
                    });
                };
                let added = Added {
                    name: hurry.name.clone(),
                    amount: *amount,
                    timer: Some(timer.clone()),
                };
                Ok(Decision {
                    events: smallvec![added.into()],
                    ..Decision::default()
                })
            }
            // Without the panic hook, which would print a backtrace for each of thousands.
            Command::Stumble(_) => std::panic::resume_unwind(Box::new("stumbled")),
        }
    }

    fn decide_timer(state: &Tallies, timer: &TimerId, _: &Context) -> Decision<Event> {
        let Some(amount) = state.postponed.get(timer) else {
            return Decision::default();
        };
        let added = Added {
            name: timer.aggregate.clone(),
            amount: *amount,
            timer: Some(timer.clone()),
        };
        Decision {
            events: smallvec![added.into()],
            ..Decision::default()
        }
    }

    fn decide_answer(_: &Tallies, _: &str, _: &Answer, _: &Context) -> Result<Decision<Event>, Refusal> {
        Err(Refusal {
            code: "ANSWER_UNEXPECTED",
            detail: "nothing was asked".to_owned(),
        })
    }

    fn evolve(state: &mut Tallies, event: &Event, _: &Recorded) -> Result<(), Corrupt> {
        match event {
            Event::Added(added) => {
                state.sums.change(added.name.clone(), Sum::default, |Sum(sum)| {
                    let replaced = *sum;
                    *sum = sum.checked_add(added.amount).expect("a sum that fits");
                    replaced
                });
                if let Some(timer) = &added.timer {
                    state
                        .postponed
                        .remove(timer)
                        .ok_or_else(|| Corrupt("fired twice".to_owned()))?;
                }
            }
            Event::Postponed(postponed) => state.postponed.insert(postponed.timer.clone(), postponed.amount),
        }
        Ok(())
    }

    fn timer_changes(event: &Event) -> SmallVec<[TimerChange; 1]> {
        match event {
            Event::Postponed(postponed) => smallvec![TimerChange::Arm(postponed.timer.clone())],
            Event::Added(Added {
                timer: Some(timer), ..
            }) => {
                let TimerId { aggregate, name, .. } = timer.clone();
                smallvec![TimerChange::Disarm { aggregate, name }]
            }
            Event::Added(_) => smallvec![],
        }
    }
}

/// A command as a record of the inbox.
pub(crate) fn record(id: CommandId, key: &str, command: &Command, not_after: Option<i64>) -> Outgoing {
    let envelope = CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: None,
        reply_to: None,
        not_after,
        initiator: Initiator {
            actor: "test".into(),
            on_behalf_of: None,
            channel: Channel::Online,
            branch: None,
        },
        data: command,
    };
    Outgoing {
        topic: INBOX.name,
        partition: partition_of(key.as_bytes(), PARTITIONS).unwrap(),
        key: key.as_bytes().to_vec(),
        headers: codec::headers(&id, "test", command.ce_type(), None),
        value: codec::encode(&envelope),
    }
}
