//! Workers that are killed, replaced and paused. Whatever happens, every command is answered by one event.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_stream::kafka::{SESSION_TIMEOUT, TRANSACTION_TIMEOUT};
use tributary_stream::log::Ended;

use crate::broker::child::{Child, say, told, wait};
use crate::broker::{Echo, LEFT_OPEN, Service, Transactor, outgoing};

/// Writes `count` commands to each partition, and says where the last of each is answered.
pub(crate) fn load(service: &Service, partitions: i32, count: i64) -> BTreeMap<i32, i64> {
    let texts = (0..partitions).flat_map(|partition| (0..count).map(move |at| (partition, at)));
    let commands = texts.map(|(partition, at)| outgoing(service.inbox, partition, &text(partition, at)));
    Transactor::new(&service.brokers).commit(&commands.collect::<Vec<_>>());
    (0..partitions).map(|partition| (partition, count)).collect()
}

fn text(partition: i32, at: i64) -> String {
    format!("{partition}/{at:05}")
}

/// Every command was answered once, in order.
pub(crate) fn assert_each_answered_once(service: &Service, ends: &BTreeMap<i32, i64>) {
    let mut answers: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for event in service.committed(service.events) {
        answers
            .entry(event.partition)
            .or_default()
            .push(String::from_utf8_lossy(&event.value).into_owned());
    }
    for (&partition, &end) in ends {
        let expected: Vec<String> = (0..end).map(|at| text(partition, at)).collect();
        assert_eq!(answers.get(&partition), Some(&expected), "partition {partition}");
    }
}

/// In a process of its own: answers until it is killed, and says how each transaction ended.
#[test]
#[ignore = "the role of a child process"]
fn echoes() {
    let Some((service, instance)) = told() else { return };
    let mut echo = Echo::new(&service, &instance);
    let mut told = 0;
    while echo.round() {
        if echo.tally.committed > told {
            told = echo.tally.committed;
            say(&format!("committed {told}"));
        }
    }
    say("broken");
}

/// In a process of its own: gathers a batch, waits until told, and commits it.
#[test]
#[ignore = "the role of a child process"]
fn gathers_and_waits() {
    let Some((service, instance)) = told() else { return };
    let mut echo = Echo::new(&service, &instance);
    let batch = loop {
        let batch = echo.gather().expect("a log that works");
        if !batch.is_empty() {
            break batch;
        }
    };
    say("gathered");
    wait();
    let ended = match echo.answer(batch) {
        Ended::Committed { .. } => "committed",
        Ended::Aborted(_) => "aborted",
        Ended::InDoubt(_) => "in doubt",
        Ended::Fenced(_) => "fenced",
    };
    say(ended);
}

/// In a process of its own: opens a transaction under a worker's name, and never ends it.
#[test]
#[ignore = "the role of a child process"]
fn opens_a_transaction() {
    let Some((service, instance)) = told() else { return };
    let transactor = Transactor::named(&service.brokers, &service.settings(&instance).member());
    transactor.open(&[outgoing(service.events, 0, "half done")]);
    transactor.send_offset(&service, 0, 1);
    say("open");
    wait();
}

#[test]
fn a_worker_killed_under_load_and_started_again_answers_each_command_once() {
    for seed in [7, 8] {
        println!("seed {seed}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let service = Service::new("killed", 2);
        let ends = load(&service, 2, 4_000);
        for _ in 0..3 {
            let started = Instant::now();
            let mut child = Child::start("slow_processes::echoes", &service, "a");
            child.hear();
            println!("first commit {:?} after the start", started.elapsed());
            std::thread::sleep(Duration::from_millis(random.random_range(0..150)));
            child.signal(Signal::SIGKILL);
        }
        let mut echo = Echo::new(&service, "a");
        echo.finish(&ends);
        println!("the last: {}", echo.tally);
        assert!(
            echo.tally.committed > 0,
            "the load was over before the kills were"
        );
        assert_each_answered_once(&service, &ends);
    }
}

#[test]
fn a_worker_taken_over_while_it_was_paused_can_commit_nothing() {
    let service = Service::new("zombie", 2);
    let ends = load(&service, 2, 200);

    // Given a worker that is paused with a batch in its hands
    let mut zombie = Child::start("slow_processes::gathers_and_waits", &service, "a");
    assert_eq!(zombie.hear(), "gathered");
    zombie.pause();
    zombie.tell();

    // When another has taken its partitions over and answered everything
    let paused = Instant::now();
    let mut successor = Echo::new(&service, "b");
    successor.finish(&ends);
    println!(
        "taken over and finished after {:?}, {}",
        paused.elapsed(),
        successor.tally
    );
    assert!(
        paused.elapsed() >= SESSION_TIMEOUT - Duration::from_secs(1),
        "not before the session was over"
    );
    std::thread::sleep((TRANSACTION_TIMEOUT + Duration::from_secs(1)).saturating_sub(paused.elapsed()));

    // Then the first finds itself fenced when it comes back, or its connection broken before it learns that: then it
    // doesn't even ask for the commit
    zombie.signal(Signal::SIGCONT);
    let ended = zombie.hear();
    assert!(["fenced", "in doubt"].contains(&ended.as_str()), "{ended}");
    assert_each_answered_once(&service, &ends);
}

#[test]
fn a_worker_paused_amid_its_transactions_and_taken_over_adds_nothing_when_it_comes_back() {
    for seed in [1, 2] {
        println!("seed {seed}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let service = Service::new("paused", 2);
        let ends = load(&service, 2, 4_000);
        let mut zombie = Child::start("slow_processes::echoes", &service, "a");
        zombie.hear();
        std::thread::sleep(Duration::from_millis(random.random_range(0..150)));
        zombie.pause();

        let paused = Instant::now();
        let mut successor = Echo::new(&service, "b");
        while successor.tally.committed == 0 {
            assert!(successor.round());
        }
        println!("taken over after {:?}", paused.elapsed());
        zombie.signal(Signal::SIGCONT);
        // Both go on from here, the partitions being shared between them.
        successor.finish(&ends);
        println!("successor: {}", successor.tally);
        assert_each_answered_once(&service, &ends);
    }
}

#[test]
fn what_a_killed_worker_left_open_is_aborted_at_once_by_its_next_start() {
    let service = Service::new("left-open", 1);
    let mut child = Child::start("slow_processes::opens_a_transaction", &service, "a");
    assert_eq!(child.hear(), "open");
    child.signal(Signal::SIGKILL);

    let started = Instant::now();
    let mut worker = service.log("a");
    assert!(
        worker.locate(0).is_err(),
        "as long as it is open, nothing is certain"
    );
    worker.initialise().expect("initialises");
    assert_eq!(worker.locate(0).expect("is certain").committed, Some(0));
    println!("certain {:?} after the start", started.elapsed());
    assert!(
        started.elapsed() < LEFT_OPEN / 2,
        "without waiting for a time-out"
    );
    assert_eq!(service.events_values(), [] as [&str; 0]);
}

#[test]
fn what_a_dead_worker_left_open_is_awaited_by_another() {
    let service = Service::new("awaited", 1);
    let mut child = Child::start("slow_processes::opens_a_transaction", &service, "a");
    assert_eq!(child.hear(), "open");
    child.signal(Signal::SIGKILL);

    let started = Instant::now();
    let mut other = service.log("b");
    other.initialise().expect("initialises");
    let located = loop {
        match other.locate(0) {
            Ok(located) => break located,
            Err(fault) => assert!(fault.message.contains("pending"), "{fault}"),
        }
        assert!(started.elapsed() < LEFT_OPEN * 2, "the broker ends it");
    };
    println!("certain {:?} after the kill", started.elapsed());
    assert_eq!(located.committed, Some(0));
}
