//! A snapshot that fits is used; one that doesn't is left aside, and the log is read.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use smallvec::SmallVec;
use tributary_contracts::runtime::{Answer, TimerChange, TimerId};
use tributary_ids::CommandId;
use tributary_stream::{
    TestDriver,
    golden::{self, GoldenError},
    log::EventsRead,
    memory::MemoryBroker,
    service::{Context, Corrupt, Decision, Golden, Names, Recorded, Refusal, Service},
    snapshot::{Shelf, SnapshotFollower, SnapshotStore},
};

use crate::tally::{Add, AddLater, Command, DEAD, EVENTS, Event, INBOX, PARTITIONS, Tallies, Tally, record};

/// Keeps the newest snapshots in memory whatever their key, for tests that spoil them.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(pub(crate) Mutex<BTreeMap<i32, Vec<u8>>>);

impl SnapshotStore for Snapshots {
    fn load(&self, shelf: &Shelf) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(&shelf.partition()).cloned()
    }

    fn save(&self, shelf: &Shelf, _: i64, bytes: Vec<u8>) -> std::io::Result<()> {
        self.0.lock().unwrap().insert(shelf.partition(), bytes);
        Ok(())
    }
}

/// What a build has in its snapshots' key.
pub(crate) trait Build: Send + Sync + 'static {
    const NAMES: Names = Tally::NAMES;
    const FOLD_VERSION: u32 = Tally::FOLD_VERSION;
    const GOLDEN: Golden = Tally::GOLDEN;
}

/// The tally of another build: same fold, other key.
pub(crate) struct Of<B>(PhantomData<B>);

struct AsEver;
impl Build for AsEver {}

pub(crate) struct OtherFold;
impl Build for OtherFold {
    const FOLD_VERSION: u32 = 2;
}

struct OtherGoldenState;
impl Build for OtherGoldenState {
    const GOLDEN: Golden = Golden {
        state: "another",
        ..Tally::GOLDEN
    };
}

struct OtherSchema;
impl Build for OtherSchema {
    const GOLDEN: Golden = Golden {
        schema: "another",
        ..Tally::GOLDEN
    };
}

struct OtherService;
impl Build for OtherService {
    const NAMES: Names = Names {
        service: "tally2",
        ..Tally::NAMES
    };
}

impl<B: Build> Service for Of<B> {
    type Command = Command;
    type Event = Event;
    type State = Tallies;

    const NAMES: Names = B::NAMES;
    const FOLD_VERSION: u32 = B::FOLD_VERSION;
    const GOLDEN: Golden = B::GOLDEN;

    fn dedupes_itself(command: &Command) -> bool {
        Tally::dedupes_itself(command)
    }

    fn decide(state: &Tallies, command: &Command, context: &Context) -> Result<Decision<Event>, Refusal> {
        Tally::decide(state, command, context)
    }

    fn decide_timer(state: &Tallies, timer: &TimerId, context: &Context) -> Decision<Event> {
        Tally::decide_timer(state, timer, context)
    }

    fn decide_answer(
        state: &Tallies,
        aggregate: &str,
        answer: &Answer,
        context: &Context,
    ) -> Result<Decision<Event>, Refusal> {
        Tally::decide_answer(state, aggregate, answer, context)
    }

    fn evolve(state: &mut Tallies, event: &Event, recorded: &Recorded) -> Result<(), Corrupt> {
        Tally::evolve(state, event, recorded)
    }

    fn timer_changes(event: &Event) -> SmallVec<[TimerChange; 1]> {
        Tally::timer_changes(event)
    }
}

const NOW: i64 = 1_000_000;

/// A log with some state of every kind in it.
pub(crate) fn log() -> MemoryBroker {
    let mut driver = TestDriver::<Tally>::new(PARTITIONS, NOW).unwrap();
    for (number, key) in [
        "ann", "bob", "cid", "dan", "ann", "eve", "fay", "gus", "hal", "ida",
    ]
    .into_iter()
    .enumerate()
    {
        let name = key.to_owned();
        let command = match number % 2 {
            0 => Command::from(Add { name, amount: 7 }),
            _ => Command::from(AddLater {
                name,
                amount: 5,
                due: NOW + 3_600_000,
            }),
        };
        let id = CommandId::named(&number.to_string());
        driver
            .send(record(id, key, &command, Some(NOW + 60_000)))
            .unwrap();
    }
    driver.run().unwrap();
    driver.broker().clone()
}

/// Snapshots of the whole log, as that build's follower writes them.
pub(crate) fn snapshots<S: Service>(broker: &MemoryBroker) -> Snapshots {
    let store = Snapshots::default();
    let mut follower = SnapshotFollower::<S>::new(PARTITIONS, 1, &store);
    for partition in 0..PARTITIONS {
        let records = broker.read_committed(EVENTS.name, partition).unwrap();
        let next = broker.end_offset(EVENTS.name, partition).unwrap();
        follower
            .absorb(partition, &EventsRead { records, next }, &store)
            .unwrap();
    }
    assert_eq!(store.0.lock().unwrap().len(), PARTITIONS as usize);
    store
}

/// Starts the tally on that log with those snapshots. A former one's session is over by then.
pub(crate) fn started(broker: &MemoryBroker, store: impl SnapshotStore + 'static) -> TestDriver<Tally> {
    broker.advance(60_000);
    let mut driver = TestDriver::on(broker, PARTITIONS, Arc::new(store)).unwrap();
    driver.run().unwrap();
    driver
}

/// Takes the events away that the snapshots stand for, so that only they can give the state.
pub(crate) fn forget_events(broker: &MemoryBroker) {
    for partition in 0..PARTITIONS {
        let end = broker.end_offset(EVENTS.name, partition).unwrap();
        broker.truncate_before(EVENTS.name, partition, end).unwrap();
    }
}

pub(crate) fn running(driver: &TestDriver<Tally>) -> usize {
    let status = driver.status();
    status
        .partitions
        .values()
        .filter(|partition| partition.phase == "running")
        .count()
}

pub(crate) fn replayed() -> Vec<Tallies> {
    let driver = started(&log(), Snapshots::default());
    driver.states().cloned().collect()
}

fn assert_used(store: impl Fn(&MemoryBroker) -> Snapshots) {
    let broker = log();
    let store = store(&broker);
    forget_events(&broker);
    let driver = started(&broker, store);
    assert_eq!(driver.states().cloned().collect::<Vec<_>>(), replayed());
    assert!(replayed().iter().any(|tallies| !tallies.postponed.is_empty()));
}

/// With the log there it is read; without it the partitions stop rather than guess.
fn assert_left_aside(store: impl Fn(&MemoryBroker) -> Snapshots) {
    let broker = log();
    let snapshots = store(&broker);
    let driver = started(&broker, snapshots);
    assert_eq!(driver.states().cloned().collect::<Vec<_>>(), replayed());

    let broker = log();
    let snapshots = store(&broker);
    forget_events(&broker);
    let driver = started(&broker, snapshots);
    assert_eq!(running(&driver), 0, "{:?}", driver.status());
}

#[test]
fn a_snapshot_of_this_build_stands_for_the_events_before_it() {
    assert_used(snapshots::<Tally>);
    assert_used(snapshots::<Of<AsEver>>);
}

#[test]
fn one_under_another_key_is_left_aside() {
    assert_left_aside(snapshots::<Of<OtherFold>>);
    assert_left_aside(snapshots::<Of<OtherGoldenState>>);
    assert_left_aside(snapshots::<Of<OtherSchema>>);
    assert_left_aside(snapshots::<Of<OtherService>>);
    assert_left_aside(|broker| {
        let Snapshots(of) = snapshots::<Tally>(broker);
        // Each stands where that of the next partition belongs.
        let moved = |(partition, bytes): (i32, Vec<u8>)| ((partition + 1) % PARTITIONS, bytes);
        Snapshots(Mutex::new(
            of.into_inner().unwrap().into_iter().map(moved).collect(),
        ))
    });
}

#[test]
fn one_with_a_spoilt_byte_or_cut_off_is_left_aside() {
    for at in [0, 15, 16, 40, usize::MAX] {
        assert_left_aside(|broker| {
            let Snapshots(of) = snapshots::<Tally>(broker);
            let mut of = of.into_inner().unwrap();
            for bytes in of.values_mut() {
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 0x01;
            }
            Snapshots(Mutex::new(of))
        });
    }
    for length in [0, 15, 16, 50] {
        assert_left_aside(|broker| {
            let Snapshots(of) = snapshots::<Tally>(broker);
            let mut of = of.into_inner().unwrap();
            of.values_mut().for_each(|bytes| bytes.truncate(length));
            Snapshots(Mutex::new(of))
        });
    }
}

#[test]
fn a_driver_that_is_killed_goes_on_where_it_was() {
    let mut driver = TestDriver::<Tally>::new(PARTITIONS, NOW).unwrap();
    let later = Command::from(AddLater {
        name: "ann".to_owned(),
        amount: 5,
        due: NOW + 30_000,
    });
    driver
        .send(record(CommandId::named("later"), "ann", &later, None))
        .unwrap();
    driver.run().unwrap();
    driver.restart();
    driver.advance(29_999).unwrap();
    let sum = |driver: &TestDriver<Tally>| -> i64 {
        let sums = driver
            .states()
            .filter_map(|tallies| Some(tallies.sums.get(&"ann".to_owned())?.0));
        sums.sum()
    };
    assert_eq!(sum(&driver), 0);
    driver.advance(1).unwrap();
    assert_eq!(sum(&driver), 5);
    assert_eq!(driver.read(DEAD.name).unwrap().len(), 0);
    assert_eq!(
        driver.read(INBOX.name).unwrap().len(),
        2,
        "the command, and the timer's record"
    );
}

#[test]
fn a_golden_log_is_written_read_and_judged() {
    let broker = log();
    let events: Vec<_> = (0..PARTITIONS)
        .flat_map(|partition| broker.read_committed(EVENTS.name, partition).unwrap())
        .collect();
    let text = golden::write(&events).unwrap();
    assert_eq!(golden::read(&text).unwrap(), events);
    assert_eq!(text.lines().count(), events.len());

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("events.jsonl");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        golden::check::<Tally>(&file, &events).unwrap_err()
    };
    let error = check(&text);
    assert!(
        matches!(&error, GoldenError::Changed { schema, state, .. } if schema.len() == 32 && state.len() == 32),
        "the tally's digests in its code are none: {error}"
    );
    // An amount that is another one gives another state, and the same schema.
    let digests = |text: &str| match check(text) {
        GoldenError::Changed { schema, state, .. } => (schema, state),
        error => panic!("{error}"),
    };
    let other = text.replacen("\"amount\":7", "\"amount\":8", 1);
    assert_ne!(other, text);
    assert_eq!(digests(&other).0, digests(&text).0);
    assert_ne!(digests(&other).1, digests(&text).1);

    let only_first: String = text.lines().take(1).map(|line| format!("{line}\n")).collect();
    assert!(matches!(check(&only_first), GoldenError::Incomplete { missing } if missing.len() == 1));
    assert!(matches!(check("nonsense\n"), GoldenError::Line { line: 1, .. }));
    std::fs::remove_file(&file).unwrap();
    let gone = golden::check::<Tally>(&file, &events).unwrap_err();
    assert!(matches!(gone, GoldenError::File { .. }));
}
