//! A process of a service: the production worker or relay, its log, and the action that it is at.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tributary_contracts::topics::Topic;
use tributary_stream::{
    log::{Action, Ended, Input, Poll, Polled, StopReason},
    memory::{FaultPoint, InjectedFault, MemoryBroker, MemoryLog, MemoryLogSettings},
    relay::{Relay, RelayWorker},
    service::Service,
    snapshot::Shelf,
    worker::{Worker, WorkerConfig},
};

use crate::{
    cast::{SimulatedLog, WrapLog},
    plan::Trouble,
    snapshots::Snapshots,
    story::{self, Story},
    world::PARTITIONS,
};

/// So long a worker waits that has nothing to do and no timer: longer than any run. So what it says it will wait tells
/// when its next timer is due.
const IDLE_WAIT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Which of a service's processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) instance: String,
}

/// What came of an action.
#[derive(Debug, Default)]
pub(crate) struct Acted {
    /// It polled for input, nothing came, and nothing is under way.
    pub(crate) idle: bool,
    /// When its next timer is due, milliseconds since the epoch.
    pub(crate) wakes_ms: Option<i64>,
    /// The process is over: it died, or the log failed for good.
    pub(crate) died: Option<String>,
    /// How a transaction ended, for the count.
    pub(crate) ended: Option<&'static str>,
    pub(crate) rebalanced: bool,
}

/// A process, whatever its service.
pub(crate) trait Process {
    /// Service and instance.
    fn name(&self) -> String;

    fn act(&mut self, trouble: Option<Trouble>, snapshots: &Snapshots, story: &mut Story) -> Acted;

    fn beat(&self);

    /// Forgets trouble that still waits.
    fn calm(&self);

    /// A partition that the worker itself has given up, and why.
    fn stopped(&self) -> Option<(i32, String)>;
}

/// What strikes the action under way, shared with the log's fault plan.
type Struck = Arc<Mutex<Option<Trouble>>>;

/// What says what the process does next.
trait Machine: 'static {
    const NAME: &'static str;
    const READS: Topic;

    fn new(config: WorkerConfig) -> Self;

    fn step(&mut self, now_ms: i64, input: Input) -> Action;

    /// A partition that it has given up, and why.
    fn stopped(&self) -> Option<(i32, String)>;
}

impl<S: Service> Machine for Worker<S> {
    const NAME: &'static str = S::NAMES.service;
    const READS: Topic = S::NAMES.inbox;

    fn new(config: WorkerConfig) -> Self {
        Self::new(config)
    }

    fn step(&mut self, now_ms: i64, input: Input) -> Action {
        self.step(now_ms, input)
    }

    fn stopped(&self) -> Option<(i32, String)> {
        let status = self.status().get();
        let mut partitions = status.partitions.into_iter();
        partitions.find_map(|(partition, status)| status.stopped.map(|why| (partition, why)))
    }
}

impl<R: Relay> Machine for RelayWorker<R> {
    const NAME: &'static str = R::NAME;
    const READS: Topic = R::FROM;

    fn new(config: WorkerConfig) -> Self {
        Self::new(config)
    }

    fn step(&mut self, _: i64, input: Input) -> Action {
        self.step(input)
    }

    fn stopped(&self) -> Option<(i32, String)> {
        None
    }
}

struct Running<M> {
    instance: String,
    broker: MemoryBroker,
    machine: M,
    /// Where it has its snapshots of a partition; a relay has none.
    shelf: fn(i32) -> Option<Shelf>,
    log: Box<dyn SimulatedLog>,
    input: Input,
    struck: Struck,
}

pub(crate) fn start<S: Service>(broker: &MemoryBroker, role: Role, wrap: WrapLog) -> Box<dyn Process> {
    let shelf = |partition| Some(Shelf::of::<S>(partition));
    Box::new(Running::<Worker<S>>::new(
        broker,
        role,
        wrap,
        S::NAMES.events,
        shelf,
    ))
}

pub(crate) fn start_relay<R: Relay>(broker: &MemoryBroker, role: Role, wrap: WrapLog) -> Box<dyn Process> {
    // It has no events of its own, and looks for none.
    Box::new(Running::<RelayWorker<R>>::new(
        broker,
        role,
        wrap,
        R::FROM,
        |_| None,
    ))
}

/// Strikes once, when as many points were passed as the trouble says, or at the commit where it can only strike there.
fn plan(struck: Struck) -> impl FnMut(FaultPoint) -> Option<InjectedFault> + Send {
    move |at| {
        let mut struck = struck.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = struck.as_mut()?;
        if trouble.waits_for_commit && !is_of_a_transaction(at) {
            return None;
        }
        let only_at_commit = matches!(
            trouble.fault,
            InjectedFault::CommitDelayed { .. }
                | InjectedFault::MarkersDelayed { .. }
                | InjectedFault::OffsetsFirst { .. }
        );
        if only_at_commit && at != FaultPoint::Commit {
            return None;
        }
        if !only_at_commit && trouble.at > 0 && !is_last(at) {
            trouble.at -= 1;
            return None;
        }
        struck.take().map(|trouble| trouble.fault)
    }
}

fn is_of_a_transaction(at: FaultPoint) -> bool {
    at == FaultPoint::Prepared || !is_last(at)
}

/// Nothing comes after it, so trouble that has waited strikes here.
fn is_last(at: FaultPoint) -> bool {
    !matches!(
        at,
        FaultPoint::Begin | FaultPoint::Produced { .. } | FaultPoint::Offsets | FaultPoint::Commit
    )
}

impl<M: Machine> Running<M> {
    fn new(
        broker: &MemoryBroker,
        role: Role,
        wrap: WrapLog,
        events: Topic,
        shelf: fn(i32) -> Option<Shelf>,
    ) -> Self {
        let settings = MemoryLogSettings {
            service: M::NAME.to_owned(),
            inbox: M::READS.name.to_owned(),
            events: events.name.to_owned(),
            instance: role.instance.clone(),
            worker: 0,
            clock_skew_ms: 0,
        };
        let struck = Struck::default();
        let plan = plan(Arc::clone(&struck));
        let log = MemoryLog::with_faults(broker, settings.clone(), Box::new(plan));
        let config = WorkerConfig {
            // Small, so that there are several in a run.
            batch_records_max: 6,
            restore_records_max: 40,
            transactions_per_second: u32::MAX,
            idle_wait: IDLE_WAIT,
            ..WorkerConfig::local(PARTITIONS)
        };
        Self {
            instance: role.instance,
            broker: broker.clone(),
            machine: M::new(config),
            shelf,
            log: wrap(log, broker, &settings),
            input: Input::Started,
            struck,
        }
    }

    /// Sets what is going to strike.
    fn strike(&self, trouble: Option<Trouble>) {
        *self.struck.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

impl<M: Machine> Process for Running<M> {
    fn name(&self) -> String {
        format!("{}-{}", M::NAME, self.instance)
    }

    fn act(&mut self, trouble: Option<Trouble>, snapshots: &Snapshots, story: &mut Story) -> Acted {
        let now_ms = self.broker.time();
        let input = std::mem::replace(&mut self.input, Input::Started);
        self.log.is_given(&input);
        let action = match self.machine.step(now_ms, input) {
            Action::Stop { reason } => {
                let why = match reason {
                    StopReason::Asked => "was asked to stop".to_owned(),
                    StopReason::Failed(fault) => fault.message,
                };
                return Acted {
                    died: Some(why),
                    ..Acted::default()
                };
            }
            Action::LoadSnapshot { partition } => {
                let snapshot = (self.shelf)(partition).and_then(|shelf| snapshots.read(&shelf, trouble));
                story.tell(now_ms, || match &snapshot {
                    Some(bytes) => {
                        format!("takes a snapshot of partition {partition}, {} bytes", bytes.len())
                    }
                    None => format!("finds no snapshot of partition {partition}"),
                });
                self.input = Input::SnapshotLoaded { partition, snapshot };
                return Acted::default();
            }
            action => action,
        };
        let waits = match &action {
            Action::Poll(poll) if poll.records_max > 0 => Some(poll.max_wait),
            _ => None,
        };
        let told = story.is_told().then(|| Told::of::<M>(&action));
        if trouble.is_some() {
            self.strike(trouble);
        }
        self.input = self.log.perform(action);
        let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        struck.take_if(|trouble| !trouble.waits_for_commit);
        drop(struck);
        if let Some(told) = told {
            told.tell::<M>(&self.input, self.broker.time(), story);
        }
        let mut acted = Acted::default();
        match &self.input {
            Input::Polled(polled) => {
                acted.rebalanced = !polled.assigned.is_empty();
                let quiet = polled.records.is_empty()
                    && polled.assigned.is_empty()
                    && polled.revoked.is_empty()
                    && polled.fault.is_none();
                if let Some(max_wait) = waits.filter(|_| quiet) {
                    acted.idle = true;
                    acted.wakes_ms = (max_wait < IDLE_WAIT).then(|| now_ms + max_wait.as_millis() as i64);
                }
            }
            Input::Ended(ended) => acted.ended = Some(ending(ended)),
            _ => {}
        }
        if self.log.is_crashed() {
            acted.died = Some("crashed".to_owned());
        }
        acted
    }

    fn beat(&self) {
        self.log.beat();
    }

    fn calm(&self) {
        self.strike(None);
    }

    fn stopped(&self) -> Option<(i32, String)> {
        self.machine.stopped()
    }
}

fn ending(ended: &Ended) -> &'static str {
    match ended {
        Ended::Committed { .. } => "transactions committed",
        Ended::Aborted(_) => "transactions aborted",
        Ended::InDoubt(_) => "transactions in doubt",
        Ended::Fenced(_) => "transactions fenced",
    }
}

/// An action as it is told, taken down before it is performed.
struct Told {
    what: String,
    /// Topic, partition and what was written.
    records: Vec<(&'static str, i32, String)>,
}

impl Told {
    fn of<M: Machine>(action: &Action) -> Self {
        let mut records = Vec::new();
        let what = match action {
            Action::Poll(Poll { records_max: 0, .. }) => "shows up in its group".to_owned(),
            Action::Poll(_) => "polls".to_owned(),
            Action::Initialise => "initialises its producer".to_owned(),
            Action::Locate { partition } => format!("looks up where partition {partition} stands"),
            Action::ReadEvents { partition, from, .. } => {
                format!("restores the events of {partition} from {from}")
            }
            Action::Consume { partition, from } => {
                format!("goes on with {}/{partition} at {from}", M::READS.name)
            }
            Action::Commit(transaction) => {
                records.extend(transaction.records.iter().map(story::written));
                let offsets: Vec<String> = transaction
                    .next_inputs
                    .iter()
                    .map(|(partition, next)| format!("{}/{partition} up to {next}", M::READS.name))
                    .collect();
                format!("commits {} records, {}", records.len(), offsets.join(" and "))
            }
            Action::LoadSnapshot { .. } | Action::Stop { .. } => String::new(),
        };
        Self { what, records }
    }

    fn tell<M: Machine>(self, input: &Input, now_ms: i64, story: &mut Story) {
        let Self { what, records } = self;
        let came = match input {
            Input::Polled(polled) => polled_text(polled),
            Input::Initialised(Err(fault))
            | Input::Located {
                located: Err(fault), ..
            }
            | Input::EventsRead { read: Err(fault), .. }
            | Input::Consuming {
                result: Err(fault), ..
            } => format!("fails: {fault}"),
            Input::Located {
                located: Ok(located), ..
            } => format!(
                "committed {:?}, events end at {}",
                located.committed, located.events_end
            ),
            Input::EventsRead { read: Ok(read), .. } => {
                format!("{} events, to {}", read.records.len(), read.next)
            }
            Input::Ended(Ended::Committed { .. }) => "done".to_owned(),
            Input::Ended(Ended::Aborted(fault)) => format!("aborted: {fault}"),
            Input::Ended(Ended::InDoubt(fault)) => format!("in doubt: {fault}"),
            Input::Ended(Ended::Fenced(fault)) => format!("fenced: {fault}"),
            _ => "done".to_owned(),
        };
        story.tell(now_ms, || format!("{what}: {came}"));
        if let Input::Polled(polled) = input {
            for record in &polled.records {
                story.tell(now_ms, || {
                    format!("    gets {}", story::read(M::READS.name, record))
                });
            }
        }
        let offsets: &[i64] = match input {
            Input::Ended(Ended::Committed { offsets }) => offsets,
            _ => &[],
        };
        for (index, (topic, partition, what)) in records.into_iter().enumerate() {
            story.tell(now_ms, || match offsets.get(index) {
                Some(offset) => format!("    writes {topic}/{partition}:{offset} {what}"),
                None => format!("    wrote, or not, to {topic}/{partition} {what}"),
            });
        }
    }
}

fn polled_text(polled: &Polled) -> String {
    let mut told = Vec::new();
    if !polled.revoked.is_empty() {
        told.push(format!("gives back partitions {:?}", polled.revoked));
    }
    if !polled.assigned.is_empty() {
        told.push(format!("is given partitions {:?}", polled.assigned));
    }
    if !polled.records.is_empty() {
        told.push(format!("{} records", polled.records.len()));
    }
    if let Some(fault) = &polled.fault {
        told.push(format!("fails: {fault}"));
    }
    match told.is_empty() {
        true => "nothing".to_owned(),
        false => told.join(", "),
    }
}
