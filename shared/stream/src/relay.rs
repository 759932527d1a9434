//! A relay: reads one topic, and writes what follows from each record into others, exactly once and without a state.
//!
//! A service has one inbox ([decision 2](../../../docs/decisions/0002-one-inbox-per-service.md)). What happens elsewhere comes
//! into it by whoever sends it there in a transaction of his own, or, where the sender must not be burdened with that, by a
//! relay beside him. As in a worker one transaction covers the records and the offsets that were read, so a relay that is killed,
//! fenced or in doubt goes on from what the group has committed: there is nothing else to restore.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tributary_contracts::{
    record::{Outgoing, Record},
    topics::Topic,
};

use crate::{
    backoff::Backoff,
    log::{Action, Ended, Fault, FaultKind, Input, Located, Log, Poll, Polled, StopReason, Transaction},
    service::Corrupt,
    worker::{WorkerConfig, metrics::Metrics, status},
};

/// How long records are gathered: nobody waits for them.
const LINGER: Duration = Duration::from_millis(100);

/// Most records of one transaction.
const RECORDS_MAX: usize = 2_000;

/// What is passed on.
pub trait Relay: Send + 'static {
    /// Its consumer group, and the head of its transactional ids.
    const NAME: &'static str;

    /// Kept for ever, from offset 0 on: a new group begins there.
    const FROM: Topic;

    /// What follows from a record, for topics of so many partitions. A pure function of its arguments: a record that is read
    /// again gives the same.
    ///
    /// # Errors
    /// When the record can't be read: the relay stops.
    fn relay(record: &Record, partitions: i32) -> Result<Vec<Outgoing>, Corrupt>;
}

/// Where a partition is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Assigned,
    Located { from: i64 },
    Running,
}

impl Phase {
    /// As a worker's partitions are told of; a relay restores nothing.
    fn name(self) -> &'static str {
        match self {
            Self::Assigned | Self::Located { .. } => "assigned",
            Self::Running => "running",
        }
    }
}

/// The state machine: `step(input) -> action`, as a service's worker.
pub struct RelayWorker<R: Relay> {
    config: WorkerConfig,
    partitions: BTreeMap<i32, Phase>,
    producer_ready: bool,
    /// Polled and not yet passed on. Kept over a clean abort, dropped when the positions are looked up anew.
    batch: Vec<Record>,
    /// A pause that is due comes before anything else, as a poll that waits so long.
    backoff: Backoff,
    aborts_in_a_row: u32,
    stop: Option<StopReason>,
    metrics: Metrics,
    relay: PhantomData<R>,
}

impl<R: Relay> RelayWorker<R> {
    pub fn new(config: WorkerConfig) -> Self {
        Self {
            config,
            partitions: BTreeMap::new(),
            producer_ready: false,
            batch: Vec::new(),
            backoff: Backoff::default(),
            aborts_in_a_row: 0,
            stop: None,
            metrics: Metrics::new(R::NAME),
            relay: PhantomData,
        }
    }

    /// Partitions that it holds and reads.
    pub fn running(&self) -> usize {
        let running = |phase: &&Phase| **phase == Phase::Running;
        self.partitions.values().filter(running).count()
    }

    /// Takes in what happened, and says what to do next.
    pub fn step(&mut self, input: Input) -> Action {
        self.absorb(input);
        let action = self.next_action();
        let phases = self.partitions.values().map(|phase| phase.name());
        self.metrics.partitions(status::by_phase(phases));
        action
    }

    fn absorb(&mut self, input: Input) {
        match input {
            Input::StopAsked => self.stop = Some(StopReason::Asked),
            Input::Polled(polled) => self.absorb_poll(polled),
            Input::Initialised(Ok(())) => {
                self.producer_ready = true;
                self.backoff.succeeded();
            }
            Input::Located { partition, located } => match located {
                Ok(located) => self.located(partition, located),
                Err(fault) => self.failed(fault),
            },
            Input::Consuming { partition, result } => match result {
                Ok(()) => {
                    self.backoff.succeeded();
                    self.enter(partition, Phase::Running);
                }
                Err(fault) => self.failed(fault),
            },
            Input::Initialised(Err(fault)) => self.failed(fault),
            Input::Ended(ended) => self.absorb_end(ended),
            // Not asked for.
            Input::Started | Input::SnapshotLoaded { .. } | Input::EventsRead { .. } => {}
        }
    }

    fn enter(&mut self, partition: i32, phase: Phase) {
        if let Some(held) = self.partitions.get_mut(&partition) {
            *held = phase;
        }
    }

    fn absorb_poll(&mut self, polled: Polled) {
        for partition in polled.revoked {
            self.partitions.remove(&partition);
            self.batch.retain(|record| record.partition != partition);
        }
        let assigned = polled.assigned.into_iter();
        self.partitions
            .extend(assigned.map(|partition| (partition, Phase::Assigned)));
        let running = |record: &Record| self.partitions.get(&record.partition) == Some(&Phase::Running);
        self.batch.extend(polled.records.into_iter().filter(running));
        match polled.fault {
            Some(fault) if fault.kind == FaultKind::Transient => {
                tracing::debug!(fault = %fault, "a poll failed");
            }
            Some(fault) => self.failed(fault),
            None => {}
        }
    }

    fn located(&mut self, partition: i32, located: Located) {
        let from = located.committed.unwrap_or(0);
        if from < located.inbox_start {
            return self.failed(Fault {
                kind: FaultKind::DataGone,
                message: format!(
                    "{} from {from} is wanted, {} starts at {}",
                    R::NAME,
                    R::FROM.name,
                    located.inbox_start
                ),
            });
        }
        self.enter(partition, Phase::Located { from });
    }

    fn absorb_end(&mut self, ended: Ended) {
        self.metrics.ended(&ended);
        match ended {
            Ended::Committed { offsets } => {
                self.metrics.committed(offsets.len(), self.batch.len() as u64, 0);
                self.backoff.succeeded();
                self.aborts_in_a_row = 0;
                self.batch.clear();
            }
            Ended::Aborted(fault) => {
                self.aborts_in_a_row += 1;
                if self.aborts_in_a_row >= self.config.aborts_in_a_row_max {
                    self.start_over();
                }
                self.failed(fault);
            }
            Ended::InDoubt(fault) | Ended::Fenced(fault) => {
                tracing::warn!(fault = %fault, "a transaction did not end well: looking up where to go on");
                self.start_over();
                self.backoff.failed();
            }
        }
    }

    /// The group's committed offsets say what was passed on, however the transaction ended.
    fn start_over(&mut self) {
        self.producer_ready = false;
        self.aborts_in_a_row = 0;
        self.batch.clear();
        for phase in self.partitions.values_mut() {
            *phase = Phase::Assigned;
        }
    }

    fn failed(&mut self, fault: Fault) {
        match fault.kind {
            FaultKind::Transient => {
                tracing::warn!(fault = %fault, "trying again");
                self.backoff.failed();
            }
            FaultKind::DataGone | FaultKind::Fatal => self.stop = Some(StopReason::Failed(fault)),
        }
    }

    fn next_action(&mut self) -> Action {
        if let Some(reason) = self.stop.take() {
            return Action::Stop { reason };
        }
        if let Some(max_wait) = self.backoff.take_pause() {
            return Action::Poll(Poll::membership(max_wait));
        }
        let waits = self
            .partitions
            .iter()
            .find(|(_, phase)| **phase != Phase::Running);
        match waits {
            Some(_) if !self.producer_ready => return Action::Initialise,
            Some((&partition, Phase::Located { from })) => {
                return Action::Consume {
                    partition,
                    from: *from,
                };
            }
            Some((&partition, _)) => return Action::Locate { partition },
            None => {}
        }
        if self.batch.is_empty() {
            return Action::Poll(Poll {
                max_wait: self.config.idle_wait,
                linger: LINGER,
                records_max: self.config.batch_records_max.min(RECORDS_MAX),
                bytes_max: self.config.batch_bytes_max,
            });
        }
        match self.transaction() {
            Ok(transaction) => Action::Commit(transaction),
            Err(fault) => Action::Stop {
                reason: StopReason::Failed(fault),
            },
        }
    }

    fn transaction(&self) -> Result<Transaction, Fault> {
        let mut records = Vec::new();
        let mut next: BTreeMap<i32, i64> = BTreeMap::new();
        for record in &self.batch {
            let passed_on = R::relay(record, self.config.partitions).map_err(|corrupt| Fault {
                kind: FaultKind::Fatal,
                message: format!(
                    "{}: {}/{}/{}: {corrupt}",
                    R::NAME,
                    R::FROM.name,
                    record.partition,
                    record.offset
                ),
            })?;
            records.extend(passed_on);
            next.insert(record.partition, record.offset + 1);
        }
        Ok(Transaction {
            records,
            next_inputs: next.into_iter().collect(),
        })
    }
}

/// Runs the relay on this thread until it stops. Setting `stop` lets the current transaction end first.
pub fn run<R: Relay>(mut worker: RelayWorker<R>, log: &mut impl Log, stop: &AtomicBool) -> StopReason {
    let mut input = Input::Started;
    loop {
        input = match worker.step(input) {
            Action::Stop { reason } => return reason,
            Action::Poll(_) if stop.load(Ordering::Relaxed) => Input::StopAsked,
            action => log.perform(action),
        };
    }
}
