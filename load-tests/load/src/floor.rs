//! The floor: a chain of as many exactly-once hops as a payment has, without any logic, on the same broker.
//!
//! Each hop is a member of a group of its own that reads an inbox, and writes for each record an event and a record for the
//! next inbox in one transaction with its offsets: what the runtime does for a service, without deciding, state or read
//! models. A batch is what came during the last commit.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use serde::Serialize;
use tributary_contracts::{
    record::{Headers, Outgoing, Record},
    topics::{Kind, Topic},
};
use tributary_stream::{
    kafka::{CommandProducer, EventReader, KafkaLog, KafkaSettings, Watermarks, topics},
    log::{Action, Ended, Fault, Input, Log, Poll, Transaction},
};

use crate::{LoadError, clock::Start, recorder::Recorder, report::Latency, run::sleep_until};

/// Most hops of a chain.
pub const HOPS_MAX: usize = 8;

/// Bytes of a record: those of a payment's.
const VALUE_BYTES: usize = 400;

/// How long what was sent may take to come through.
const GRACE: Duration = Duration::from_secs(30);

const fn inbox(name: &'static str) -> Topic {
    Topic {
        name,
        kind: Kind::Inbox,
        key: "none",
    }
}

const fn events(name: &'static str) -> Topic {
    Topic {
        name,
        kind: Kind::Events,
        key: "none",
    }
}

/// One more inbox than there are hops: the chain ends in it.
const INBOXES: [Topic; HOPS_MAX + 1] = [
    inbox("floor-0.inbox"),
    inbox("floor-1.inbox"),
    inbox("floor-2.inbox"),
    inbox("floor-3.inbox"),
    inbox("floor-4.inbox"),
    inbox("floor-5.inbox"),
    inbox("floor-6.inbox"),
    inbox("floor-7.inbox"),
    inbox("floor-8.inbox"),
];

const EVENTS: [Topic; HOPS_MAX] = [
    events("floor-0.events"),
    events("floor-1.events"),
    events("floor-2.events"),
    events("floor-3.events"),
    events("floor-4.events"),
    events("floor-5.events"),
    events("floor-6.events"),
    events("floor-7.events"),
];

/// A chain to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    /// 1 to [`HOPS_MAX`].
    pub hops: usize,
    /// Records a second, at random moments.
    pub rate: f64,
    pub partitions: i32,
    pub warm_up: Duration,
    pub measured: Duration,
    pub seed: u64,
}

/// What was seen of a chain.
#[derive(Clone, Debug, Serialize)]
pub struct Floor {
    pub hops: usize,
    pub rate: f64,
    /// Records a second that came through in the measured seconds.
    pub ended_per_second: f64,
    /// From the intended start until the record was read at the chain's end, committed.
    pub latency: Option<Latency>,
    /// Records that didn't come through.
    pub unfinished: u64,
}

/// Runs the chain on topics of its own, which are made where they are missing.
///
/// # Errors
/// When the log can't be used, a hop ends, or the chain is none.
pub fn floor(chain: &Chain, brokers: &str, interrupted: &dyn Fn() -> bool) -> Result<Floor, LoadError> {
    if !(1..=HOPS_MAX).contains(&chain.hops) || chain.rate <= 0.0 || !chain.rate.is_finite() {
        return Err(LoadError::Schedule);
    }
    let hops = chain.hops;
    let all = [&INBOXES[..=hops], &EVENTS[..hops]].concat();
    topics::apply(brokers, &all, chain.partitions, 1)?;
    let watermarks = Watermarks::connect(brokers)?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut members = Vec::new();
    for (number, inbox) in INBOXES.iter().enumerate().take(hops) {
        let mut hop = HopMember::connect(brokers, number, watermarks.ends(inbox.name)?)?;
        let stop = Arc::clone(&stop);
        let run = move || hop.run(&stop);
        members.push(thread::Builder::new().name(format!("hop {number}")).spawn(run)?);
    }
    let ends = watermarks.ends(INBOXES[hops].name)?;
    let reader = EventReader::open(brokers, INBOXES[hops].name, &ends)?;
    let seen = drive(chain, brokers, reader, interrupted);
    stop.store(true, Ordering::Relaxed);
    for member in members {
        member.join().unwrap_or(Err(LoadError::Panicked))?;
    }
    seen
}

fn drive(
    chain: &Chain,
    brokers: &str,
    mut reader: EventReader,
    interrupted: &dyn Fn() -> bool,
) -> Result<Floor, LoadError> {
    let producer = CommandProducer::connect(brokers, Duration::ZERO, 20_000, |_| {})?;
    // Until every hop has its partitions: records that wait for them would count.
    let probes = u64::try_from(chain.partitions).unwrap_or(1);
    for probe in 0..probes {
        producer.send(&record(INBOXES[0].name, probe as i32, &u64::MAX.to_le_bytes()), 0)?;
    }
    let mut came = 0;
    let since = Start::now();
    while came < probes {
        if since.elapsed() > GRACE {
            return Err(Fault::transient("the chain's hops don't begin").into());
        }
        came += reader.poll(Duration::from_millis(100), 1_000)?.records.len() as u64;
    }
    let start = Start::now();
    let recorder = Mutex::new(Recorder::new(chain.warm_up));
    let done = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let (recorder, done) = (&recorder, &done);
        let watched = scope.spawn(move || watch(reader, start, recorder, done));
        let sent = send(chain, &producer, start, recorder, interrupted);
        done.store(true, Ordering::Relaxed);
        watched.join().unwrap_or(Err(LoadError::Panicked))?;
        sent
    })?;
    let recorder = recorder.into_inner().unwrap_or_else(PoisonError::into_inner);
    let from = chain.warm_up.as_secs();
    let ended: u64 = recorder.seconds.values().map(|second| second.ended).sum();
    let measured: u64 = recorder
        .seconds
        .range(from..from + chain.measured.as_secs())
        .map(|(_, second)| second.ended)
        .sum();
    Ok(Floor {
        hops: chain.hops,
        rate: chain.rate,
        ended_per_second: measured as f64 / chain.measured.as_secs_f64(),
        latency: Latency::of(&recorder.ended),
        unfinished: sent.saturating_sub(ended),
    })
}

/// Returns how many were sent.
fn send(
    chain: &Chain,
    producer: &CommandProducer,
    start: Start,
    recorder: &Mutex<Recorder>,
    interrupted: &dyn Fn() -> bool,
) -> Result<u64, LoadError> {
    let mut random = ChaCha8Rng::seed_from_u64(chain.seed);
    let end = chain.warm_up + chain.measured;
    let mut intended = Duration::ZERO;
    let mut sent = 0_u64;
    loop {
        let pause: f64 = Exp1.sample(&mut random);
        intended += Duration::from_secs_f64(pause / chain.rate);
        if intended >= end || sleep_until(intended, start, interrupted) {
            break;
        }
        let micros = u64::try_from(intended.as_micros()).unwrap_or(0);
        let partition = (sent % u64::try_from(chain.partitions).unwrap_or(1)) as i32;
        producer.send(&record(INBOXES[0].name, partition, &micros.to_le_bytes()), 0)?;
        sent += 1;
    }
    producer.flush()?;
    let since = Start::now();
    let ended = || -> u64 {
        let recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
        recorder.seconds.values().map(|second| second.ended).sum()
    };
    while ended() < sent && since.elapsed() < GRACE {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(sent)
}

fn watch(
    mut reader: EventReader,
    start: Start,
    recorder: &Mutex<Recorder>,
    done: &AtomicBool,
) -> Result<(), LoadError> {
    while !done.load(Ordering::Relaxed) {
        let batch = reader.poll(Duration::from_millis(100), 10_000)?;
        let now = start.elapsed();
        let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
        for record in &batch.records {
            if let Some(intended) = intended(record) {
                recorder.ended(intended, now);
            }
        }
    }
    Ok(())
}

/// The intended start stands at the value's beginning, in microseconds since the start; a probe has none.
fn intended(record: &Record) -> Option<Duration> {
    let micros = u64::from_le_bytes(record.value.first_chunk().copied()?);
    (micros != u64::MAX).then(|| Duration::from_micros(micros))
}

fn record(topic: &'static str, partition: i32, micros: &[u8; 8]) -> Outgoing {
    let mut value = micros.to_vec();
    value.resize(VALUE_BYTES, b'.');
    Outgoing {
        topic,
        partition,
        key: Vec::new(),
        headers: Headers::default(),
        value,
    }
}

/// A worker's client of the log, without a worker.
struct HopMember {
    log: KafkaLog,
    number: usize,
    /// Where each partition of the inbox goes on.
    next: BTreeMap<i32, i64>,
}

impl HopMember {
    fn connect(brokers: &str, number: usize, next: BTreeMap<i32, i64>) -> Result<Self, LoadError> {
        let log = KafkaLog::connect(KafkaSettings {
            brokers: brokers.to_owned(),
            service: format!("floor-{number}"),
            inbox: INBOXES[number].name.to_owned(),
            events: EVENTS[number].name.to_owned(),
            instance: "floor".to_owned(),
            worker: 0,
        })?;
        Ok(Self { log, number, next })
    }

    fn run(&mut self, stop: &AtomicBool) -> Result<(), LoadError> {
        let mut is_ready = false;
        while !stop.load(Ordering::Relaxed) {
            let polled = match self.log.perform(Action::Poll(Poll {
                max_wait: Duration::from_millis(100),
                linger: Duration::ZERO,
                records_max: 8_000,
                bytes_max: 8_000_000,
            })) {
                Input::Polled(polled) => polled,
                other => return Err(unexpected(&other)),
            };
            if let Some(fault) = polled.fault {
                return Err(fault.into());
            }
            if !polled.assigned.is_empty() && !is_ready {
                match self.log.perform(Action::Initialise) {
                    Input::Initialised(initialised) => initialised?,
                    other => return Err(unexpected(&other)),
                }
                is_ready = true;
            }
            for partition in polled.assigned {
                let from = self.next.get(&partition).copied().unwrap_or(0);
                match self.log.perform(Action::Consume { partition, from }) {
                    Input::Consuming { result, .. } => result?,
                    other => return Err(unexpected(&other)),
                }
            }
            if !polled.records.is_empty() {
                self.commit(&polled.records)?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), LoadError> {
        let mut transaction = Transaction::default();
        let mut moved = BTreeMap::new();
        for record in records {
            moved.insert(record.partition, record.offset + 1);
            for topic in [EVENTS[self.number].name, INBOXES[self.number + 1].name] {
                transaction.records.push(Outgoing {
                    topic,
                    partition: record.partition,
                    key: Vec::new(),
                    headers: Headers::default(),
                    value: record.value.clone(),
                });
            }
        }
        self.next.extend(&moved);
        transaction.next_inputs = moved.into_iter().collect();
        match self.log.perform(Action::Commit(transaction)) {
            Input::Ended(Ended::Committed { .. }) => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}

fn unexpected(input: &Input) -> LoadError {
    Fault::transient(format!("a hop of the bare chain ended: {input:?}")).into()
}
