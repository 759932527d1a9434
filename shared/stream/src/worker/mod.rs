//! The worker: a state machine that owns partitions, and decides what to do next.
//!
//! `step(now, input) -> action`; a driver performs the action and comes back with its input. A partition goes
//! through [`Phase`]s from assigned to running; one transaction at a time covers what was polled from all running
//! partitions and the timers that came due.

mod budget;
pub(crate) mod metrics;
mod partition;
pub(crate) mod status;
mod times;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tributary_contracts::record::Record;
use tributary_overlay::Layered;

pub use status::{PartitionStatus, Status, StatusHandle};
pub use times::{Quantiles, Times};

use self::{
    budget::Budget,
    metrics::Metrics,
    partition::{Partition, Phase},
    times::moment,
};
use crate::{
    backoff::Backoff,
    log::{Action, Ended, Fault, FaultKind, Input, Poll, Polled, StopReason, Transaction},
    process::timer_record,
    service::{Service, Told},
    snapshot,
    state::PartitionState,
};

/// What bounds a worker. All limits are per worker.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Partitions of every topic of the bank.
    pub partitions: i32,
    /// Most input records of one transaction.
    pub batch_records_max: usize,
    /// Most bytes of input of one transaction.
    pub batch_bytes_max: usize,
    /// Most timers of one partition that one transaction sends to the inbox.
    pub timers_max: usize,
    /// Events that one read of a restore asks for.
    pub restore_records_max: usize,
    /// Transactions a second that the worker may always do; more, as long as commits are quick.
    pub transactions_per_second: u32,
    /// Longest wait of an idle poll: the log wakes up earlier for input, this bounds how late a stop is noticed.
    pub idle_wait: Duration,
    /// Dead letters in a row at which a partition stops: a bug must not drain a topic.
    pub dead_letters_in_a_row_max: u32,
    /// Clean aborts of one batch in a row after which producer and state are made anew.
    pub aborts_in_a_row_max: u32,
    /// A restore that has not come on for this long looks up its position again, and says so.
    pub restore_stall_ms_max: i64,
}

impl WorkerConfig {
    /// What suits the local stack, with that many partitions a topic.
    pub fn local(partitions: i32) -> Self {
        Self {
            partitions,
            // A busy worker's batch takes a tenth of a second then. Measured: docs/performance.md.
            batch_records_max: 8_000,
            batch_bytes_max: 8_000_000,
            timers_max: 500,
            restore_records_max: 5_000,
            transactions_per_second: 40,
            idle_wait: Duration::from_millis(200),
            dead_letters_in_a_row_max: 20,
            aborts_in_a_row_max: 5,
            restore_stall_ms_max: 30_000,
        }
    }
}

/// How long the first poll after a restore waits though timers are due, milliseconds: until a fetch has brought what came before
/// them.
const FIRST_LOOK_MS: i64 = 200;

/// Actions of a restore between two polls: the group must see that the worker lives.
const RESTORE_ACTIONS_PER_POLL: u32 = 20;

/// Owns partitions of one service and processes their input exactly once.
pub struct Worker<S: Service> {
    config: WorkerConfig,
    partitions: BTreeMap<i32, Partition<S>>,
    /// Last committed states of partitions that were taken away. Should one come back, its restore goes on from here.
    retained: BTreeMap<i32, PartitionState<S>>,
    producer_ready: bool,
    /// Polled and not yet committed. Kept over a clean abort, dropped when the partitions' states are made anew.
    batch: Vec<Record>,
    /// When the first of it was polled.
    polled: Option<Instant>,
    /// Timers in the open transaction, to be marked once it has committed.
    timers_sent: Vec<(i32, tributary_contracts::runtime::TimerId)>,
    /// While a poll for input is under way: when it began and until when it looks, milliseconds since the epoch. (A process that
    /// stands still meanwhile looks no longer.)
    looking_ms: Option<(i64, i64)>,
    /// Input records that the open transaction answers, and how many of them by dead letters.
    handled: (u64, u64),
    /// For the service's own metrics, when the open transaction has committed.
    told: Vec<Told>,
    budget: Budget,
    /// When the open transaction was handed to the log.
    commit_began_ms: i64,
    /// A pause that is due comes before anything else, as a poll that waits so long.
    backoff: Backoff,
    aborts_in_a_row: u32,
    actions_since_poll: u32,
    stop: Option<StopReason>,
    status: StatusHandle,
    metrics: Metrics,
}

impl<S: Service> Worker<S> {
    pub fn new(config: WorkerConfig) -> Self {
        let budget = Budget::new(config.transactions_per_second);
        S::announce_metrics();
        Self {
            config,
            partitions: BTreeMap::new(),
            retained: BTreeMap::new(),
            producer_ready: false,
            batch: Vec::new(),
            polled: None,
            timers_sent: Vec::new(),
            looking_ms: None,
            handled: (0, 0),
            told: Vec::new(),
            budget,
            commit_began_ms: 0,
            backoff: Backoff::default(),
            aborts_in_a_row: 0,
            actions_since_poll: 0,
            stop: None,
            status: StatusHandle::default(),
            metrics: Metrics::new(S::NAMES.service),
        }
    }

    /// What others may see of this worker at any time.
    pub fn status(&self) -> StatusHandle {
        self.status.clone()
    }

    /// The state of a partition that is running, as of the last commit or with what is in the open transaction.
    pub fn state(&self, partition: i32) -> Option<&PartitionState<S>> {
        self.partitions
            .get(&partition)
            .filter(|held| held.phase == Phase::Running)
            .map(|held| &held.state)
    }

    /// Takes in what happened, and says what to do next.
    ///
    /// `now_ms`: milliseconds since the epoch, for timers and pauses only; it never reaches a decision.
    pub fn step(&mut self, now_ms: i64, input: Input) -> Action {
        self.absorb(now_ms, input);
        let action = self.next_action(now_ms);
        self.actions_since_poll = if matches!(action, Action::Poll(_)) {
            0
        } else {
            self.actions_since_poll + 1
        };
        self.publish_status();
        action
    }

    fn absorb(&mut self, now_ms: i64, input: Input) {
        match input {
            Input::Started => {}
            Input::StopAsked => self.stop = Some(StopReason::Asked),
            Input::Polled(polled) => self.absorb_poll(polled),
            Input::Initialised(result) => match result {
                Ok(()) => {
                    self.producer_ready = true;
                    self.backoff.succeeded();
                }
                Err(fault) => self.failed(None, fault),
            },
            Input::Located { partition, located } => match located {
                Ok(located) => self.with(partition, |held| held.located(now_ms, located)),
                Err(fault) => self.failed(Some(partition), fault),
            },
            Input::SnapshotLoaded { partition, snapshot } => {
                let state = snapshot.and_then(|bytes| snapshot::read::<S>(partition, &bytes));
                self.metrics.snapshot_loaded(state.is_some());
                self.with(partition, |held| held.snapshot_loaded(state));
            }
            Input::EventsRead { partition, read } => match read {
                Ok(read) => {
                    self.metrics.restored(read.records.len());
                    let stall_ms_max = self.config.restore_stall_ms_max;
                    self.with(partition, |held| held.events_read(now_ms, read, stall_ms_max));
                    if self
                        .partitions
                        .get(&partition)
                        .is_some_and(Partition::waits_for_others)
                    {
                        self.backoff.wait();
                    }
                }
                Err(fault) => self.failed(Some(partition), fault),
            },
            Input::Consuming { partition, result } => match result {
                Ok(()) => {
                    self.backoff.succeeded();
                    self.with(partition, |held| held.phase = Phase::Running);
                }
                Err(fault) => self.failed(Some(partition), fault),
            },
            Input::Ended(ended) => self.absorb_end(now_ms, ended),
        }
    }

    fn with(&mut self, partition: i32, change: impl FnOnce(&mut Partition<S>)) {
        if let Some(held) = self.partitions.get_mut(&partition) {
            change(held);
        }
    }

    fn absorb_poll(&mut self, polled: Polled) {
        for partition in polled.revoked {
            if let Some(held) = self.partitions.remove(&partition)
                && let Some(state) = held.into_retained()
            {
                self.retained.insert(partition, state);
            }
            self.batch.retain(|record| record.partition != partition);
        }
        if !polled.assigned.is_empty() {
            for partition in &polled.assigned {
                let held = Partition::new(*partition, self.retained.remove(partition));
                self.partitions.insert(*partition, held);
            }
            // What wasn't given back with the new assignment is someone else's by now.
            self.retained.clear();
        }
        let looked_ms = self.looking_ms.take().filter(|_| polled.fault.is_none());
        if let Some((began_ms, until_ms)) = looked_ms {
            let quiet_until_ms = match polled.records.is_empty() {
                true => until_ms,
                false => began_ms,
            };
            for (number, held) in &mut self.partitions {
                let has_input = polled.records.iter().any(|record| record.partition == *number);
                held.looked_into((!has_input).then_some(quiet_until_ms));
            }
        }
        self.batch.extend(polled.records.into_iter().filter(|record| {
            self.partitions
                .get(&record.partition)
                .is_some_and(|held| held.phase == Phase::Running)
        }));
        if !self.batch.is_empty() {
            self.polled.get_or_insert_with(moment);
        }
        match polled.fault {
            // The log's own clients reconnect, and the next poll waits: nothing to hold back, or a broker that is up
            // again would be noticed late.
            Some(fault) if fault.kind == FaultKind::Transient => {
                tracing::debug!(fault = %fault, "a poll failed")
            }
            Some(fault) => self.failed(None, fault),
            None => {}
        }
    }

    fn absorb_end(&mut self, now_ms: i64, ended: Ended) {
        self.metrics.ended(&ended);
        match ended {
            Ended::Committed { offsets } => self.committed(now_ms, &offsets),
            Ended::Aborted(fault) => {
                self.aborts_in_a_row += 1;
                for held in self.partitions.values_mut() {
                    held.state.undo_all();
                }
                self.timers_sent.clear();
                if self.aborts_in_a_row >= self.config.aborts_in_a_row_max {
                    self.start_over();
                }
                self.failed(None, fault);
            }
            Ended::InDoubt(fault) | Ended::Fenced(fault) => {
                tracing::warn!(fault = %fault, "a transaction did not end well: restoring from the log");
                self.start_over();
                self.backoff.failed();
            }
        }
    }

    /// The states go back to the last commit, which the log holds for certain; what the log holds beyond it, be it
    /// the transaction in doubt or another owner's, is read from there as in any restore.
    fn start_over(&mut self) {
        self.producer_ready = false;
        self.aborts_in_a_row = 0;
        self.batch.clear();
        self.polled = None;
        self.timers_sent.clear();
        for held in self.partitions.values_mut() {
            held.restart();
        }
    }

    fn committed(&mut self, now_ms: i64, offsets: &[i64]) {
        self.backoff.succeeded();
        self.aborts_in_a_row = 0;
        self.budget.spend(self.commit_began_ms, now_ms);
        self.batch.clear();
        for (partition, timer) in std::mem::take(&mut self.timers_sent) {
            self.with(partition, |held| held.state.timer_sent(timer));
        }
        for held in self.partitions.values_mut() {
            held.committed(offsets);
        }
        self.status.count_commit(offsets.len());
        let (inputs, dead_letters) = self.handled;
        if let Some(polled) = self.polled.take() {
            self.status.lock_times().committed(polled, moment(), inputs);
        }
        self.metrics.committed(offsets.len(), inputs, dead_letters);
        self.told.drain(..).for_each(|tell| tell());
    }

    /// Something failed; for one partition or all. What may pass is tried again after a pause.
    fn failed(&mut self, partition: Option<i32>, fault: Fault) {
        match (fault.kind, partition) {
            (FaultKind::Transient, _) => {
                tracing::warn!(fault = %fault, "trying again");
                self.backoff.failed();
            }
            (FaultKind::DataGone, Some(partition)) => {
                self.with(partition, |held| held.stop(fault.message));
            }
            (FaultKind::DataGone | FaultKind::Fatal, _) => self.stop = Some(StopReason::Failed(fault)),
        }
    }

    fn next_action(&mut self, now_ms: i64) -> Action {
        if let Some(reason) = self.stop.take() {
            return Action::Stop { reason };
        }
        if let Some(max_wait) = self.backoff.take_pause() {
            return Action::Poll(Poll::membership(max_wait));
        }
        let restoring = self.partitions.values().any(Partition::is_restoring);
        if restoring {
            if self.actions_since_poll >= RESTORE_ACTIONS_PER_POLL {
                return Action::Poll(Poll::membership(Duration::ZERO));
            }
            if !self.producer_ready {
                return Action::Initialise;
            }
            let records_max = self.config.restore_records_max;
            for held in self.partitions.values_mut() {
                if let Some(action) = held.next_action(records_max) {
                    return action;
                }
            }
        }
        match self.transaction(now_ms) {
            Some(transaction) => {
                self.commit_began_ms = now_ms;
                Action::Commit(transaction)
            }
            None => self.poll_input(now_ms),
        }
    }

    /// Processes the batch and due timers into one transaction, if there is anything to write.
    fn transaction(&mut self, now_ms: i64) -> Option<Transaction> {
        let mut records = Vec::with_capacity(self.batch.len() * 2);
        let (config, batch, timers_sent) = (&self.config, &self.batch, &mut self.timers_sent);
        // Of a transaction that did not commit.
        self.told.clear();
        let mut next_inputs = Vec::new();
        let mut inputs = 0;
        let mut times = self.status.lock_times();
        for (number, held) in &mut self.partitions {
            if held.phase != Phase::Running {
                continue;
            }
            let written = records.len();
            inputs += held.handle(
                config,
                batch.iter().filter(|record| record.partition == *number),
                &mut records,
                &mut |took| {
                    times.handled(took);
                    self.metrics.handled(took);
                },
                &mut self.told,
            );
            if held.phase == Phase::Running {
                // What came before a timer was due is handled before the timer is sent: it may disarm it.
                let reached_ms = held.reached_ms().min(now_ms);
                for timer in held.state.due_timers(reached_ms, config.timers_max) {
                    records.push(timer_record::<S>(*number, &timer));
                    timers_sent.push((*number, timer));
                }
            }
            held.first_output = written;
            held.note_outputs(&records[written..]);
            if records.len() > written {
                next_inputs.push((*number, held.state.next_input()));
            }
        }
        drop(times);
        if records.is_empty() {
            self.batch.clear();
            self.polled = None;
            return None;
        }
        let dead_letters = records
            .iter()
            .filter(|record| record.topic == S::NAMES.dead_letters.name);
        self.handled = (inputs, dead_letters.count() as u64);
        Some(Transaction { records, next_inputs })
    }

    fn poll_input(&mut self, now_ms: i64) -> Action {
        let next_due = self
            .partitions
            .values()
            .filter_map(|held| held.state.next_due())
            .min();
        let least_ms = match self.partitions.values().any(Partition::is_unseen) {
            true => FIRST_LOOK_MS,
            false => 1,
        };
        let until_due =
            next_due.map(|due| Duration::from_millis(due.saturating_sub(now_ms).max(least_ms) as u64));
        let max_wait = until_due
            .unwrap_or(self.config.idle_wait)
            .min(self.config.idle_wait);
        self.looking_ms = Some((now_ms, now_ms.saturating_add(max_wait.as_millis() as i64)));
        Action::Poll(Poll {
            max_wait,
            linger: self.budget.linger(now_ms),
            records_max: self.config.batch_records_max,
            bytes_max: self.config.batch_bytes_max,
        })
    }

    fn publish_status(&mut self) {
        self.status.publish(
            self.partitions
                .iter()
                .map(|(partition, held)| (*partition, held.status())),
        );
        let phases = self.partitions.values().map(Partition::phase_name);
        self.metrics.partitions(status::by_phase(phases));
    }
}
