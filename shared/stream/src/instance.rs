//! An instance of a service on Kafka: its workers, each on a thread of its own, and the follower that takes snapshots.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    driver,
    kafka::{EventReader, KafkaLog, KafkaSettings},
    log::{EventsRead, Fault, FaultKind, StopReason},
    relay::{self, Relay, RelayWorker},
    service::Service,
    snapshot::{NoSnapshots, SnapshotFollower, SnapshotStore},
    worker::{StatusHandle, Worker, WorkerConfig},
};

/// Offsets of a partition's events between two snapshots.
const SNAPSHOT_EVERY: i64 = 50_000;

/// How long the follower waits for new events, and how many it takes at once.
const FOLLOW: (Duration, usize) = (Duration::from_millis(500), 5_000);

/// How an instance of a service is run.
#[derive(Clone, Debug)]
pub struct InstanceOptions {
    /// `host:port,...`
    pub brokers: String,
    /// Name of this instance among the service's instances, stable over restarts.
    pub instance: String,
    /// Worker threads. Partitions are shared out among the workers of all instances.
    pub workers: u32,
    /// Where snapshots are kept; none: every restore reads the whole log.
    pub snapshots: Option<Arc<dyn SnapshotStore>>,
    pub worker: WorkerConfig,
}

/// A running instance. Dropped, it stops as with [`Instance::stop`], but nobody hears how.
pub struct Instance {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<StopReason>>,
    follower: Option<JoinHandle<()>>,
    statuses: Vec<StatusHandle>,
}

impl Instance {
    /// Connects, and starts the threads.
    ///
    /// # Errors
    ///
    /// When the brokers can't be reached, or the topics aren't there.
    pub fn start<S: Service>(options: &InstanceOptions) -> Result<Self, Fault> {
        let stop = Arc::new(AtomicBool::new(false));
        let store = options.snapshots.clone().unwrap_or_else(|| Arc::new(NoSnapshots));
        let mut instance = Self {
            stop: Arc::clone(&stop),
            workers: Vec::new(),
            follower: None,
            statuses: Vec::new(),
        };
        for number in 0..options.workers {
            let mut log = KafkaLog::connect(settings::<S>(options, number))?;
            let worker = Worker::<S>::new(options.worker.clone());
            instance.statuses.push(worker.status());
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            let run = move || driver::run(worker, &mut log, store.as_ref(), &stop);
            instance
                .workers
                .push(spawn(format!("{}-{number}", S::NAMES.service), run)?);
        }
        if options.snapshots.is_some() {
            let (options, stop) = (options.clone(), Arc::clone(&stop));
            let run = move || follow::<S>(&options, store.as_ref(), &stop);
            instance.follower = Some(spawn(format!("{}-snapshots", S::NAMES.service), run)?);
        }
        Ok(instance)
    }

    /// The same for a relay, which has one worker and no snapshots.
    ///
    /// # Errors
    ///
    /// As [`Instance::start`].
    pub fn start_relay<R: Relay>(options: &InstanceOptions) -> Result<Self, Fault> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut log = KafkaLog::connect(KafkaSettings {
            brokers: options.brokers.clone(),
            service: R::NAME.to_owned(),
            inbox: R::FROM.name.to_owned(),
            // It restores nothing: there are no events of its own.
            events: R::FROM.name.to_owned(),
            instance: options.instance.clone(),
            worker: 0,
        })?;
        let worker = RelayWorker::<R>::new(options.worker.clone());
        let asked = Arc::clone(&stop);
        let run = move || relay::run(worker, &mut log, &asked);
        Ok(Self {
            stop,
            workers: vec![spawn(R::NAME.to_owned(), run)?],
            follower: None,
            statuses: Vec::new(),
        })
    }

    /// One handle per worker; a relay has none.
    pub fn statuses(&self) -> &[StatusHandle] {
        &self.statuses
    }

    /// Whether a worker ended by itself.
    pub fn has_failed(&self) -> bool {
        self.workers.iter().any(JoinHandle::is_finished)
    }

    /// Lets the transactions under way end, and says how the workers ended.
    pub fn stop(mut self) -> Vec<StopReason> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(follower) = self.follower.take() {
            // It holds nothing that could be lost.
            let _ended = follower.join();
        }
        let panicked = |_| {
            let message = "the worker panicked".to_owned();
            StopReason::Failed(Fault {
                kind: FaultKind::Fatal,
                message,
            })
        };
        self.workers
            .drain(..)
            .map(|worker| worker.join().unwrap_or_else(panicked))
            .collect()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn settings<S: Service>(options: &InstanceOptions, worker: u32) -> KafkaSettings {
    KafkaSettings {
        brokers: options.brokers.clone(),
        service: S::NAMES.service.to_owned(),
        inbox: S::NAMES.inbox.name.to_owned(),
        events: S::NAMES.events.name.to_owned(),
        instance: options.instance.clone(),
        worker,
    }
}

fn spawn<T: Send + 'static>(
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Fault> {
    thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(|error| Fault {
            kind: FaultKind::Fatal,
            message: format!("can't start a thread: {error}"),
        })
}

/// Follows the events and takes snapshots until told to stop. What fails here costs snapshots only: it is said, and
/// tried again from the last one.
fn follow<S: Service>(options: &InstanceOptions, store: &dyn SnapshotStore, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = follow_until_fault::<S>(options, store, stop) {
            tracing::warn!(%error, "no snapshots for now");
            thread::park_timeout(Duration::from_secs(1));
        }
    }
}

fn follow_until_fault<S: Service>(
    options: &InstanceOptions,
    store: &dyn SnapshotStore,
    stop: &AtomicBool,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut follower = SnapshotFollower::<S>::new(options.worker.partitions, SNAPSHOT_EVERY, store);
    let mut reader = EventReader::open(&options.brokers, S::NAMES.events.name, &follower.next())?;
    let (max_wait, records_max) = FOLLOW;
    while !stop.load(Ordering::Relaxed) {
        let mut batch = reader.poll(max_wait, records_max)?;
        for (partition, next) in batch.next {
            let records = batch
                .records
                .extract_if(.., |record| record.partition == partition)
                .collect();
            follower.absorb(partition, &EventsRead { records, next }, store)?;
        }
    }
    Ok(())
}
