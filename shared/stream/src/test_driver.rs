//! A service as it runs in production, on the in-memory broker: no threads, no waiting, and a clock in the test's hands.

use std::sync::Arc;

use tributary_contracts::{
    codec::{self, Message},
    envelope::{Channel, CommandEnvelope, Initiator},
    partition::partition_of,
    record::{Outgoing, Record},
    topics::{self, Topic},
};
use tributary_ids::CommandId;

use crate::{
    PartitionState,
    log::{Action, Input, Log, StopReason},
    memory::{BrokerError, FaultPlan, MemoryBroker, MemoryLog, MemoryLogSettings, NoFaults},
    relay::{Relay, RelayWorker},
    service::Service,
    snapshot::{NoSnapshots, Shelf, SnapshotStore},
    worker::{Status, Worker, WorkerConfig},
};

/// Broker time that may pass in one run, in milliseconds, before something is taken to wait for ever. Longer than any
/// time-out of the broker.
const PATIENCE_MS: i64 = 120_000;

/// Why a run did not come to rest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsettled {
    #[error("the worker stopped: {0:?}")]
    Stopped(StopReason),
    #[error("nothing came of {PATIENCE_MS} ms of waiting")]
    Waits,
}

/// One production worker on a [`MemoryBroker`]: feed it records, let it run, read what it wrote.
///
/// Several services can share a broker; then what one sends the other finds in its inbox, and [`TestDriver::run`] of
/// each in turn lets both get on.
pub struct TestDriver<S: Service> {
    broker: MemoryBroker,
    partitions: i32,
    worker: Worker<S>,
    log: MemoryLog,
    input: Input,
    snapshots: Arc<dyn SnapshotStore>,
    stopped: Option<StopReason>,
}

impl<S: Service> TestDriver<S> {
    /// On a broker of its own that has all topics of the bank and the service's, at that time in milliseconds since the
    /// epoch.
    ///
    /// # Errors
    /// As [`TestDriver::on`].
    pub fn new(partitions: i32, now_ms: i64) -> Result<Self, BrokerError> {
        let mut all = topics::ALL.to_vec();
        let own = [S::NAMES.inbox, S::NAMES.events, S::NAMES.dead_letters];
        all.extend(own.iter().filter(|topic| !topics::ALL.contains(topic)));
        let broker = MemoryBroker::new(&all, partitions);
        broker.set_time(now_ms);
        Self::on(&broker, partitions, Arc::new(NoSnapshots))
    }

    /// On a broker that is there already. A new consumer group begins at offset 0, as `bank topics apply` lets it.
    ///
    /// # Errors
    /// When the group has another member.
    pub fn on(
        broker: &MemoryBroker,
        partitions: i32,
        snapshots: Arc<dyn SnapshotStore>,
    ) -> Result<Self, BrokerError> {
        for partition in 0..partitions {
            if broker.committed(S::NAMES.service, partition).is_none() {
                broker.commit_offset(S::NAMES.service, partition, 0)?;
            }
        }
        Ok(Self {
            broker: broker.clone(),
            partitions,
            worker: Worker::new(WorkerConfig::local(partitions)),
            log: MemoryLog::new(broker, settings::<S>()),
            input: Input::Started,
            snapshots,
            stopped: None,
        })
    }

    /// The broker that it runs on.
    pub fn broker(&self) -> &MemoryBroker {
        &self.broker
    }

    /// Appends a record as any client of the broker does.
    ///
    /// # Errors
    /// When the broker takes no such record.
    pub fn send(&self, record: Outgoing) -> Result<i64, BrokerError> {
        self.broker.append(record)
    }

    /// Lets the worker go on until it has nothing to do any more. Where it would wait after a failure, the broker's time
    /// passes.
    ///
    /// # Errors
    /// When it stops by itself, or doesn't come to rest.
    pub fn run(&mut self) -> Result<(), Unsettled> {
        if let Some(reason) = &self.stopped {
            return Err(Unsettled::Stopped(reason.clone()));
        }
        let begun_ms = self.broker.time();
        let mut quiet_polls = 0;
        loop {
            let input = std::mem::replace(&mut self.input, Input::Started);
            let action = self.worker.step(self.broker.time(), input);
            let polled_for_input = matches!(&action, Action::Poll(poll) if poll.records_max > 0);
            self.input = match action {
                Action::Stop { reason } => {
                    self.stopped = Some(reason.clone());
                    return Err(Unsettled::Stopped(reason));
                }
                Action::LoadSnapshot { partition } => Input::SnapshotLoaded {
                    partition,
                    snapshot: self.snapshots.load(&Shelf::of::<S>(partition)),
                },
                Action::Poll(poll) if poll.records_max == 0 => {
                    self.broker.advance(poll.max_wait.as_millis() as i64);
                    self.log.perform(Action::Poll(poll))
                }
                action => self.log.perform(action),
            };
            quiet_polls = match polled_for_input && brought_nothing(&self.input) {
                true => quiet_polls + 1,
                false => 0,
            };
            // What is due is sent after a poll that has looked for what came before it.
            if quiet_polls == 2 && self.has_all_partitions() {
                return Ok(());
            }
            if self.broker.time() - begun_ms > PATIENCE_MS {
                return Err(Unsettled::Waits);
            }
        }
    }

    fn has_all_partitions(&self) -> bool {
        self.status().partitions.len() == self.partitions as usize
    }

    /// Lets so many milliseconds pass, and what then is due happen.
    ///
    /// # Errors
    /// As [`TestDriver::run`].
    pub fn advance(&mut self, ms: i64) -> Result<(), Unsettled> {
        self.broker.advance(ms);
        self.run()
    }

    /// Ends the process as a kill does, and starts it again under the same name.
    pub fn restart(&mut self) {
        self.restart_with(Box::new(NoFaults));
    }

    /// The same, and the new process meets these faults.
    pub fn restart_with(&mut self, plan: Box<dyn FaultPlan>) {
        self.worker = Worker::new(WorkerConfig::local(self.partitions));
        self.log = MemoryLog::with_faults(&self.broker, settings::<S>(), plan);
        self.input = Input::Started;
        self.stopped = None;
    }

    /// What the worker tells of itself.
    pub fn status(&self) -> Status {
        self.worker.status().get()
    }

    /// The state of a partition that is running.
    pub fn partition(&self, partition: i32) -> Option<&PartitionState<S>> {
        self.worker.state(partition)
    }

    /// The service's state in each running partition.
    pub fn states(&self) -> impl Iterator<Item = &S::State> {
        (0..self.partitions)
            .filter_map(|partition| self.partition(partition))
            .map(PartitionState::service)
    }

    /// The committed records of a topic, partition by partition.
    ///
    /// # Errors
    /// When there is no such topic.
    pub fn read(&self, topic: &str) -> Result<Vec<Record>, BrokerError> {
        let mut records = Vec::new();
        for partition in 0..self.partitions {
            records.extend(self.broker.read_committed(topic, partition)?);
        }
        Ok(records)
    }
}

/// One production relay on a [`MemoryBroker`], as [`TestDriver`] is a worker.
pub struct TestRelay<R: Relay> {
    broker: MemoryBroker,
    partitions: i32,
    worker: RelayWorker<R>,
    log: MemoryLog,
    input: Input,
}

impl<R: Relay> TestRelay<R> {
    /// On a broker that is there already.
    pub fn on(broker: &MemoryBroker, partitions: i32) -> Self {
        Self::with_faults(broker, partitions, Box::new(NoFaults))
    }

    /// The same, and the process meets these faults. Another of the same name that was there before is dead.
    pub fn with_faults(broker: &MemoryBroker, partitions: i32, plan: Box<dyn FaultPlan>) -> Self {
        Self {
            broker: broker.clone(),
            partitions,
            worker: RelayWorker::new(WorkerConfig::local(partitions)),
            log: MemoryLog::with_faults(broker, settings_of(R::NAME, R::FROM, R::FROM), plan),
            input: Input::Started,
        }
    }

    /// Lets it pass on what there is. Where it would wait after a failure, the broker's time passes.
    ///
    /// # Errors
    /// When it stops by itself, or doesn't come to rest.
    pub fn run(&mut self) -> Result<(), Unsettled> {
        let begun_ms = self.broker.time();
        loop {
            let input = std::mem::replace(&mut self.input, Input::Started);
            let action = self.worker.step(input);
            let polled_for_input = matches!(&action, Action::Poll(poll) if poll.records_max > 0);
            self.input = match action {
                Action::Stop { reason } => return Err(Unsettled::Stopped(reason)),
                Action::Poll(poll) if poll.records_max == 0 => {
                    self.broker.advance(poll.max_wait.as_millis() as i64);
                    self.log.perform(Action::Poll(poll))
                }
                action => self.log.perform(action),
            };
            if polled_for_input
                && brought_nothing(&self.input)
                && self.worker.running() == self.partitions as usize
            {
                return Ok(());
            }
            if self.broker.time() - begun_ms > PATIENCE_MS {
                return Err(Unsettled::Waits);
            }
        }
    }
}

fn brought_nothing(input: &Input) -> bool {
    matches!(input, Input::Polled(polled)
        if polled.records.is_empty()
            && polled.assigned.is_empty()
            && polled.revoked.is_empty()
            && polled.fault.is_none())
}

fn settings<S: Service>() -> MemoryLogSettings {
    settings_of(S::NAMES.service, S::NAMES.inbox, S::NAMES.events)
}

fn settings_of(service: &str, inbox: Topic, events: Topic) -> MemoryLogSettings {
    MemoryLogSettings {
        service: service.to_owned(),
        inbox: inbox.name.to_owned(),
        events: events.name.to_owned(),
        instance: "test".to_owned(),
        worker: 0,
        clock_skew_ms: 0,
    }
}

/// A command as a customer sends it, in a record of an inbox. Its id is derived from `name`.
///
/// # Panics
/// When the key names a partition that isn't there.
pub fn command(
    topic: Topic,
    partitions: i32,
    name: &str,
    key: String,
    not_after: Option<i64>,
    command: &impl Message,
) -> Outgoing {
    let id = CommandId::named(name);
    let envelope = CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: None,
        reply_to: None,
        not_after,
        initiator: Initiator {
            actor: "customer".into(),
            on_behalf_of: None,
            channel: Channel::Online,
            branch: None,
        },
        data: command,
    };
    #[expect(clippy::expect_used, reason = "for tests, which should fail loudly")]
    let partition = partition_of(key.as_bytes(), partitions).expect("the partition is there");
    Outgoing {
        topic: topic.name,
        partition,
        key: key.into_bytes(),
        headers: codec::headers(&id, "test", command.ce_type(), None),
        value: codec::encode(&envelope),
    }
}
