//! The client: performs a worker's actions on the in-memory broker, stage by stage as the real one does.

use std::collections::BTreeMap;

use super::clients::MemoryBroker;
use super::error::BrokerError;
use super::faults::{FaultPlan, FaultPoint, InjectedFault, NoFaults};
use super::groups::{Membership, Told};
use super::partition::Sink;
use super::transactions::ProducerIdentity;
use crate::log::{Action, Ended, EventsRead, Fault, FaultKind, Input, Located, Log, Poll, Polled};

/// As in the real log: being fenced within so many milliseconds after joining anew means that another has the name.
const FENCED_AGAIN_WITHIN_MS: i64 = 30_000;

/// Who a worker is, and what it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLogSettings {
    /// The service's name; also its consumer group.
    pub service: String,
    pub inbox: String,
    pub events: String,
    /// Name of this instance among the service's instances, stable over restarts.
    pub instance: String,
    /// Number of this worker among the instance's workers.
    pub worker: u32,
    /// How far this process's clock is ahead of the broker's, in milliseconds: it stamps records of topics without
    /// append time.
    pub clock_skew_ms: i64,
}

impl MemoryLogSettings {
    /// `{service}-{instance}-{worker}`: the transactional id and the group's static member.
    pub fn member(&self) -> String {
        format!("{}-{}-{}", self.service, self.instance, self.worker)
    }
}

/// A worker's log on a [`MemoryBroker`].
///
/// It never waits: where the real log would, it answers at once with what there is, or with a transient fault. Time
/// passes by [`MemoryBroker::set_time`], so limits on waiting in [`Poll`] mean nothing here. Dropping it tells the
/// broker nothing, as a static member doesn't leave its group when it ends (KIP-345).
pub struct MemoryLog {
    pub(super) broker: MemoryBroker,
    pub(super) settings: MemoryLogSettings,
    /// Transactional id and `group.instance.id`.
    pub(super) name: String,
    pub(super) membership: Option<Membership>,
    /// Assigned partitions, and the offset that comes next of those that are consumed.
    pub(super) assigned: BTreeMap<i32, Option<i64>>,
    /// When it last joined anew after it was fenced.
    rejoined_ms: Option<i64>,
    /// The partition that was delivered from first in the last poll.
    turn: i32,
    /// `None`: not initialised, or unclear since.
    pub(super) producer: Option<ProducerIdentity>,
    plan: Box<dyn FaultPlan>,
    /// Why nothing works any more.
    crashed: Option<Fault>,
}

impl MemoryLog {
    /// A log without faults.
    pub fn new(broker: &MemoryBroker, settings: MemoryLogSettings) -> Self {
        Self::with_faults(broker, settings, Box::new(NoFaults))
    }

    /// A log that meets the faults of a plan.
    pub fn with_faults(broker: &MemoryBroker, settings: MemoryLogSettings, plan: Box<dyn FaultPlan>) -> Self {
        Self {
            broker: broker.clone(),
            name: settings.member(),
            settings,
            membership: None,
            assigned: BTreeMap::new(),
            rejoined_ms: None,
            turn: -1,
            producer: None,
            plan,
            crashed: None,
        }
    }

    /// Whether its process has died of an injected crash: only a new log with the same names can go on.
    pub fn is_crashed(&self) -> bool {
        self.crashed.is_some()
    }

    /// Tells the group that the process runs, as librdkafka does in the background, whatever the worker does. Every
    /// action does so as well; this is for time that passes between two.
    pub fn beat(&self) {
        if let Some(membership) = self.membership.as_ref().filter(|_| !self.is_crashed()) {
            self.broker.lock().heartbeat(&self.settings.service, membership);
        }
    }

    /// Asks the plan, and does what befalls process, time and group; what concerns the request is returned.
    pub(super) fn strike(&mut self, at: FaultPoint) -> Result<Option<InjectedFault>, Fault> {
        let Some(fault) = self.plan.strike(at).filter(|fault| fault.suits(at)) else {
            return Ok(None);
        };
        let mut broker = self.broker.lock();
        broker.struck(fault.kind());
        match fault {
            InjectedFault::Crash => {
                let crashed = Fault {
                    kind: FaultKind::Fatal,
                    message: format!("crashed at {at:?}"),
                };
                self.crashed = Some(crashed.clone());
                Err(crashed)
            }
            InjectedFault::Stall { ms } => {
                let now_ms = broker.now_ms + ms;
                broker.set_time(now_ms);
                Ok(None)
            }
            InjectedFault::Expelled => {
                broker.expel(&self.settings.service, &self.name);
                Ok(None)
            }
            InjectedFault::JoinAnswerLost => {
                broker.rename_member(&self.settings.service, &self.name);
                Ok(None)
            }
            other => Ok(Some(other)),
        }
    }

    /// A point outside of transactions: every fault of the request is an error to the client.
    fn strike_request(&mut self, at: FaultPoint) -> Result<(), Fault> {
        match self.strike(at)? {
            None => Ok(()),
            Some(InjectedFault::Broken) => Err(Fault {
                kind: FaultKind::Fatal,
                message: format!("broken at {at:?}"),
            }),
            Some(fault) => Err(Fault::transient(format!("{} at {at:?}", fault.kind()))),
        }
    }

    fn initialise(&mut self) -> Result<(), Fault> {
        if self.producer.is_some() {
            // Nothing about it is unclear, so nothing is open.
            return Ok(());
        }
        let struck = self.strike_request(FaultPoint::Initialise);
        if self.is_crashed() {
            return struck;
        }
        // Whatever befalls the answer, the request arrives.
        let identity = self.broker.lock().init_producer(&self.name);
        struck?;
        self.producer = Some(identity?);
        Ok(())
    }

    fn locate(&mut self, partition: i32) -> Result<Located, Fault> {
        self.strike_request(FaultPoint::Locate { partition })?;
        let broker = self.broker.lock();
        let committed = match broker.groups.get(&self.settings.service) {
            Some(group) => group.stable(partition)?,
            None => None,
        };
        let events = broker.named(&self.settings.events, partition)?;
        Ok(Located {
            committed,
            inbox_start: broker.named(&self.settings.inbox, partition)?.start(),
            events_start: events.start(),
            events_end: events.end(),
        })
    }

    fn read_events(&mut self, partition: i32, from: i64, records_max: usize) -> Result<EventsRead, Fault> {
        self.strike_request(FaultPoint::ReadEvents { partition })?;
        let broker = self.broker.lock();
        let mut sink = Sink::new(records_max, usize::MAX);
        let next = broker
            .named(&self.settings.events, partition)?
            .read_committed(from, &mut sink)?;
        Ok(EventsRead {
            records: sink.records,
            next,
        })
    }

    fn consume(&mut self, partition: i32, from: i64) -> Result<(), Fault> {
        self.strike_request(FaultPoint::Consume { partition })?;
        {
            let broker = self.broker.lock();
            let inbox = broker.named(&self.settings.inbox, partition)?;
            if !(inbox.start()..=inbox.end()).contains(&from) {
                return Err(BrokerError::OffsetOutOfRange.into());
            }
        }
        match self.assigned.get_mut(&partition) {
            Some(next) => {
                *next = Some(from);
                Ok(())
            }
            None => Err(Fault::transient(format!(
                "partition {partition} is not assigned to this worker"
            ))),
        }
    }

    fn poll(&mut self, poll: Poll) -> Polled {
        let mut polled = Polled::default();
        let result = self
            .strike_request(FaultPoint::Poll)
            .and_then(|()| self.attend(&mut polled))
            .and_then(|()| self.deliver(poll, &mut polled));
        polled.fault = result.err();
        polled
    }

    /// Takes part in the group, and follows its changes.
    fn attend(&mut self, polled: &mut Polled) -> Result<(), Fault> {
        let told = match self.show_up(self.membership.as_ref()) {
            // Expelled: whatever it had is lost, and it joins anew.
            Err(BrokerError::UnknownMemberId) => {
                self.revoke_all(polled);
                self.show_up(None)
            }
            told => told,
        };
        match told {
            Ok(Told::Stable) => {}
            Ok(Told::Rebalancing(membership)) => {
                self.revoke_all(polled);
                self.membership = Some(membership);
            }
            Ok(Told::Assigned(membership, partitions)) => {
                self.revoke_all(polled);
                self.membership = Some(membership);
                self.assigned = partitions.iter().map(|&partition| (partition, None)).collect();
                polled.assigned = partitions;
            }
            Err(error) => {
                self.revoke_all(polled);
                return Err(match error {
                    BrokerError::FencedInstanceId => self.join_anew(),
                    error => error.into(),
                });
            }
        }
        Ok(())
    }

    /// A fenced consumer is replaced by one that joins anew, since one can be fenced by one's own former self: an answer
    /// to a join was lost. Fenced again soon after, there really is another of this name.
    fn join_anew(&mut self) -> Fault {
        let mut fault = Fault::from(BrokerError::FencedInstanceId);
        let now_ms = self.broker.time();
        if self
            .rejoined_ms
            .is_some_and(|rejoined_ms| now_ms - rejoined_ms < FENCED_AGAIN_WITHIN_MS)
        {
            fault.kind = FaultKind::Fatal;
        } else {
            self.membership = None;
            self.rejoined_ms = Some(now_ms);
        }
        fault
    }

    fn show_up(&self, known: Option<&Membership>) -> Result<Told, BrokerError> {
        let mut broker = self.broker.lock();
        broker.attend(&self.settings.service, &self.settings.inbox, &self.name, known)
    }

    fn revoke_all(&mut self, polled: &mut Polled) {
        polled
            .revoked
            .extend(std::mem::take(&mut self.assigned).into_keys());
    }

    /// Gathers records, from another partition first than the last time.
    fn deliver(&mut self, poll: Poll, polled: &mut Polled) -> Result<(), Fault> {
        let mut sink = Sink::new(poll.records_max, poll.bytes_max);
        let after = |turn: i32| move |(partition, _): &(&i32, &mut Option<i64>)| **partition > turn;
        let (mut first, mut rest): (Vec<_>, Vec<_>) = self.assigned.iter_mut().partition(after(self.turn));
        first.append(&mut rest);
        let mut result = Ok(());
        let broker = self.broker.lock();
        for (place, (&partition, next)) in first.into_iter().enumerate() {
            let Some(next) = next else { continue };
            if sink.is_full() {
                break;
            }
            if place == 0 {
                self.turn = partition;
            }
            match broker
                .named(&self.settings.inbox, partition)
                .and_then(|log| log.read_committed(*next, &mut sink))
            {
                Ok(moved) => *next = moved,
                Err(error) => result = Err(error.into()),
            }
        }
        polled.records = sink.records;
        result
    }
}

/// The answer to an action that can't be performed.
fn refused(action: &Action, fault: Fault) -> Input {
    match *action {
        Action::Initialise => Input::Initialised(Err(fault)),
        Action::Locate { partition } => Input::Located {
            partition,
            located: Err(fault),
        },
        Action::ReadEvents { partition, .. } => Input::EventsRead {
            partition,
            read: Err(fault),
        },
        Action::Consume { partition, .. } => Input::Consuming {
            partition,
            result: Err(fault),
        },
        Action::Commit(_) => Input::Ended(Ended::InDoubt(fault)),
        Action::LoadSnapshot { partition } => Input::SnapshotLoaded {
            partition,
            snapshot: None,
        },
        Action::Poll(_) => Input::Polled(Polled {
            fault: Some(fault),
            ..Polled::default()
        }),
        Action::Stop { .. } => Input::StopAsked,
    }
}

impl Log for MemoryLog {
    fn perform(&mut self, action: Action) -> Input {
        if let Some(crashed) = &self.crashed {
            return refused(&action, crashed.clone());
        }
        self.beat();
        match action {
            Action::Poll(poll) => Input::Polled(self.poll(poll)),
            Action::Initialise => Input::Initialised(self.initialise()),
            Action::Locate { partition } => Input::Located {
                partition,
                located: self.locate(partition),
            },
            Action::ReadEvents {
                partition,
                from,
                records_max,
            } => Input::EventsRead {
                partition,
                read: self.read_events(partition, from, records_max),
            },
            Action::Consume { partition, from } => Input::Consuming {
                partition,
                result: self.consume(partition, from),
            },
            Action::Commit(transaction) => Input::Ended(self.commit(transaction)),
            // Not asked of a log: the driver answers these.
            Action::LoadSnapshot { partition } => Input::SnapshotLoaded {
                partition,
                snapshot: None,
            },
            Action::Stop { .. } => Input::StopAsked,
        }
    }
}
