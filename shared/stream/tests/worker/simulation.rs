//! Several workers on one broker, everything that can go wrong, by seed. At the end every command had exactly the
//! effect that it would have had alone.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_contracts::{
    codec::{RawEvent, read_event},
    record::Record,
};
use tributary_ids::CommandId;
use tributary_stream::{
    StreamEvent,
    log::{Action, EventsRead, Input, Log, StopReason},
    memory::{FaultPoint, InjectedFault, MemoryBroker, MemoryLog, MemoryLogSettings},
    snapshot::{Shelf, SnapshotFollower, SnapshotStore},
    worker::{Worker, WorkerConfig},
};

use crate::{
    snapshots::Snapshots,
    tally::{Add, AddLater, DEAD, EVENTS, Event, Give, Hurry, INBOX, PARTITIONS, Stumble, Tally, record},
};

const NAMES: [&str; 7] = ["ann", "bob", "cid", "dan", "eve", "fay", "gus"];

pub(crate) struct Process {
    instance: String,
    worker: Worker<Tally>,
    log: MemoryLog,
    input: Input,
}

pub(crate) struct World {
    pub(crate) broker: MemoryBroker,
    pub(crate) processes: Vec<Process>,
    random: ChaCha8Rng,
    healthy: Arc<AtomicBool>,
    commands: u64,
    dead_letters_max: u32,
    /// What each name should have in the end.
    expected: BTreeMap<&'static str, i64>,
}

impl World {
    pub(crate) fn new(seed: u64, instances: usize) -> Self {
        let broker = MemoryBroker::new(&[INBOX, EVENTS, DEAD], PARTITIONS);
        broker.set_time(1_000_000);
        for partition in 0..PARTITIONS {
            broker.commit_offset("tally", partition, 0).unwrap();
        }
        let mut world = Self {
            broker,
            processes: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
            healthy: Arc::new(AtomicBool::new(false)),
            commands: 0,
            dead_letters_max: u32::MAX,
            expected: BTreeMap::new(),
        };
        for number in 0..instances {
            let process = world.process(format!("i{number}"));
            world.processes.push(process);
        }
        world
    }

    /// Starts all processes again, with that limit.
    pub(crate) fn with_dead_letters_max(mut self, limit: u32) -> Self {
        self.dead_letters_max = limit;
        for number in 0..self.processes.len() {
            self.restart(number);
        }
        self
    }

    pub(crate) fn restart(&mut self, number: usize) {
        let instance = self.processes[number].instance.clone();
        self.processes[number] = self.process(instance);
    }

    fn process(&mut self, instance: String) -> Process {
        let settings = MemoryLogSettings {
            service: "tally".to_owned(),
            inbox: INBOX.name.to_owned(),
            events: EVENTS.name.to_owned(),
            instance: instance.clone(),
            worker: 0,
            clock_skew_ms: 0,
        };
        let plan = plan(self.random.random(), Arc::clone(&self.healthy));
        let config = WorkerConfig {
            batch_records_max: 5,
            restore_records_max: 3,
            dead_letters_in_a_row_max: self.dead_letters_max,
            // Longer than any run, so that what a worker waits tells when its next timer is due.
            idle_wait: Duration::from_secs(24 * 60 * 60),
            ..WorkerConfig::local(PARTITIONS)
        };
        Process {
            instance,
            worker: Worker::new(config),
            log: MemoryLog::with_faults(&self.broker, settings, Box::new(plan)),
            input: Input::Started,
        }
    }

    /// One action of one process; one that died is started again.
    pub(crate) fn step(&mut self, number: usize) {
        let now_ms = self.broker.time();
        let process = &mut self.processes[number];
        let input = std::mem::replace(&mut process.input, Input::Started);
        let stopped = match process.worker.step(now_ms, input) {
            Action::Stop { reason } => Some(reason),
            Action::LoadSnapshot { partition } => {
                let snapshot = self.snapshot(partition);
                self.processes[number].input = Input::SnapshotLoaded { partition, snapshot };
                return;
            }
            action => {
                process.input = process.log.perform(action);
                None
            }
        };
        let died = process.log.is_crashed() || matches!(stopped, Some(StopReason::Failed(_)));
        assert!(died || stopped.is_none(), "stopped by itself: {stopped:?}");
        if died {
            self.restart(number);
        }
    }

    /// How long a process waits for input when it looks for some next.
    pub(crate) fn waits(&mut self, number: usize) -> Duration {
        let now_ms = self.broker.time();
        loop {
            let process = &mut self.processes[number];
            let input = std::mem::replace(&mut process.input, Input::Started);
            let action = process.worker.step(now_ms, input);
            let waits = match &action {
                Action::Poll(poll) if poll.records_max > 0 => Some(poll.max_wait),
                _ => None,
            };
            process.input = match action {
                Action::LoadSnapshot { partition } => Input::SnapshotLoaded {
                    partition,
                    snapshot: None,
                },
                action => process.log.perform(action),
            };
            if let Some(waits) = waits {
                return waits;
            }
        }
    }

    /// None, or what a follower wrote after some of the committed events, or that with a byte spoilt.
    fn snapshot(&mut self, partition: i32) -> Option<Vec<u8>> {
        let store = Snapshots::default();
        let mut follower = SnapshotFollower::<Tally>::new(PARTITIONS, 1, &store);
        let records = self.broker.read_committed(EVENTS.name, partition).unwrap();
        let some = self.random.random_range(0..=records.len());
        for record in records.into_iter().take(some) {
            let next = record.offset + 1;
            follower
                .absorb(
                    partition,
                    &EventsRead {
                        records: vec![record],
                        next,
                    },
                    &store,
                )
                .unwrap();
        }
        let mut snapshot = store.load(&Shelf::of::<Tally>(partition))?;
        if self.random.random_bool(0.1) {
            let spoilt = self.random.random_range(0..snapshot.len());
            snapshot[spoilt] ^= 0x40;
        }
        Some(snapshot)
    }

    fn client_sends(&mut self) {
        self.commands += 1;
        let id = CommandId::named(&self.commands.to_string());
        let name = NAMES[self.random.random_range(0..NAMES.len())];
        let amount = self.random.random_range(1..100);
        let mut expect = |name, amount| *self.expected.entry(name).or_insert(0) += amount;
        let command = match self.random.random_range(0..11) {
            0..4 => {
                expect(name, amount);
                Add {
                    name: name.to_owned(),
                    amount,
                }
                .into()
            }
            4..7 => {
                let to = NAMES[self.random.random_range(0..NAMES.len())];
                expect(name, -amount);
                expect(to, amount);
                Give {
                    name: name.to_owned(),
                    to: to.to_owned(),
                    amount,
                }
                .into()
            }
            7 => {
                expect(name, amount);
                let due = self.broker.time() + self.random.random_range(-100..3_000);
                AddLater {
                    name: name.to_owned(),
                    amount,
                    due,
                }
                .into()
            }
            8 => Add {
                name: name.to_owned(),
                amount: 0,
            }
            .into(),
            9 => Hurry {
                name: name.to_owned(),
            }
            .into(),
            _ => Stumble {
                name: name.to_owned(),
            }
            .into(),
        };
        let not_after = self.broker.time() + 590_000;
        let record = record(id, name, &command, Some(not_after));
        // Clients retry what they are unsure of; a handler's bug would meet the second as it met the first.
        let twice = self.random.random_bool(0.2);
        self.broker.append(record.clone()).unwrap();
        if twice {
            self.broker.append(record).unwrap();
        }
    }

    pub(crate) fn run(&mut self, steps: u32) {
        for _ in 0..steps {
            match self.random.random_range(0..100) {
                0..8 => self.client_sends(),
                8..20 => self.broker.advance(self.random.random_range(1..200)),
                20 => self.broker.advance(self.random.random_range(1_000..15_000)),
                _ => {
                    let number = self.random.random_range(0..self.processes.len());
                    self.step(number);
                }
            }
        }
    }

    /// Lets everything that still has to happen happen, without further faults.
    pub(crate) fn heal(&mut self) {
        self.healthy.store(true, Ordering::Relaxed);
        for _ in 0..4_000 {
            self.broker.advance(20);
            for number in 0..self.processes.len() {
                self.step(number);
            }
        }
    }

    pub(crate) fn events(&self) -> Vec<(Record, StreamEvent<Event>)> {
        let decode = |record: Record| {
            let event = read_event(&record).unwrap().data;
            (record, event)
        };
        (0..PARTITIONS)
            .flat_map(|partition| self.broker.read_committed(EVENTS.name, partition).unwrap())
            .map(decode)
            .collect()
    }

    /// Nothing lost, nothing doubled.
    pub(crate) fn judge(&self, seed: u64) {
        let mut answers: BTreeMap<(i32, i64), u32> = BTreeMap::new();
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        let events = self.events();
        for (record, event) in &events {
            let envelope = RawEvent::read(record).unwrap().envelope;
            if envelope.index + 1 == envelope.of {
                *answers
                    .entry((record.partition, envelope.origin.offset))
                    .or_insert(0) += 1;
            }
            if let StreamEvent::Service(Event::Added(added)) = event {
                *sums.entry(&added.name).or_insert(0) += added.amount;
            }
        }
        for partition in 0..PARTITIONS {
            for record in self.broker.read_committed(INBOX.name, partition).unwrap() {
                let answered = answers.remove(&(partition, record.offset));
                assert_eq!(
                    answered,
                    Some(1),
                    "seed {seed}: input {partition}/{}",
                    record.offset
                );
            }
        }
        assert!(answers.is_empty(), "seed {seed}: answers to nothing: {answers:?}");
        sums.retain(|_, sum| *sum != 0);
        let expected: BTreeMap<&str, i64> = self
            .expected
            .iter()
            .map(|(name, sum)| (*name, *sum))
            .filter(|(_, sum)| *sum != 0)
            .collect();
        assert_eq!(sums, expected, "seed {seed}");
    }
}

/// Faults at about one point in sixty, while the world isn't being healed.
fn plan(seed: u64, healthy: Arc<AtomicBool>) -> impl FnMut(FaultPoint) -> Option<InjectedFault> + Send {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    move |_| {
        if healthy.load(Ordering::Relaxed) || !random.random_bool(1.0 / 60.0) {
            return None;
        }
        Some(match random.random_range(0..8) {
            0 => InjectedFault::Crash,
            1 => InjectedFault::Stall {
                ms: random.random_range(100..14_000),
            },
            2 => InjectedFault::Expelled,
            3 => InjectedFault::Refused,
            4 => InjectedFault::Disconnected,
            5 => InjectedFault::Broken,
            6 => InjectedFault::CommitDelayed {
                ms: random.random_range(1..12_000),
            },
            _ => InjectedFault::MarkersDelayed {
                ms: random.random_range(1..5_000),
                at_once: random.random_range(0..3),
            },
        })
    }
}

/// Seeds of one run of the suite. More by hand: `TRIBUTARY_SEEDS=1000..2000`.
fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("TRIBUTARY_SEEDS").ok();
    let range = given.as_deref().and_then(|range| range.split_once(".."));
    range.map_or(0..60, |(first, end)| first.parse().unwrap()..end.parse().unwrap())
}

#[test]
fn whatever_strikes_every_command_has_its_effect_exactly_once() {
    let (mut commands, mut struck) = (0, BTreeMap::new());
    for seed in seeds() {
        let mut world = World::new(seed, 1 + (seed % 3) as usize);
        world.run(3_000);
        world.heal();
        world.judge(seed);
        commands += world.commands;
        for (fault, times) in world.broker.faults_struck() {
            *struck.entry(fault).or_insert(0) += times;
        }
    }
    println!("seeds {:?}: {commands} commands; faults {struck:?}", seeds());
    assert!(struck.len() >= 7, "some kinds of fault never struck: {struck:?}");
}
