//! A broker that is paused, killed, or not there.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tributary_local_stack::Kafka;
use tributary_stream::kafka::{KafkaLog, TRANSACTION_TIMEOUT, TRANSACTION_TIMEOUT_MAX};
use tributary_stream::log::FaultKind;

use crate::broker::{Echo, Service, Tally, own_kafka};
use crate::slow_processes::{assert_each_answered_once, load};

/// What a call to a broker that is away may take.
const GIVES_UP_WITHIN: Duration = Duration::from_secs(20);

fn signal(kafka: &Kafka, signal: Signal) {
    let pid = kafka.broker.pid().expect("runs").cast_signed();
    kill(Pid::from_raw(pid), signal).expect("signals");
}

/// Lets a worker answer a load while something happens to the broker, and says how its transactions ended, and
/// for how long they could stay open, one after the other.
fn under_load(service: &Service, count: i64, happen: impl FnOnce()) -> (Tally, Vec<Duration>) {
    let ends = load(service, 2, count);
    let mut echo = Echo::new(service, "a");
    while echo.tally.committed < 5 {
        assert!(echo.round());
    }
    let ended = thread::scope(|scope| {
        let working = scope.spawn(|| {
            // At first without asking how far the group has come: what happens is to strike a transaction.
            for _ in 0..count {
                if echo.tally.interrupted() == 0 {
                    assert!(echo.round());
                }
            }
            echo.finish(&ends);
            (echo.tally, echo.timeouts)
        });
        happen();
        working.join().expect("finishes")
    });
    assert_each_answered_once(service, &ends);
    ended
}

#[test]
fn a_broker_that_stops_answering_or_dies_leaves_doubt_but_no_double() {
    let (_home, mut kafka) = own_kafka();

    let paused = Service::on(kafka.brokers(), "paused-broker", 2);
    let (tally, timeouts) = under_load(&paused, 4_000, || {
        signal(&kafka, Signal::SIGSTOP);
        thread::sleep(TRANSACTION_TIMEOUT_MAX + Duration::from_secs(2));
        signal(&kafka, Signal::SIGCONT);
    });
    println!("paused: {tally}, open for up to {timeouts:?}");
    assert!(
        tally.interrupted() >= 1,
        "a commit, or what came before, ran into the pause: {tally}"
    );

    assert!(
        timeouts.iter().any(|&timeout| timeout > TRANSACTION_TIMEOUT),
        "a slow broker gets more time: {timeouts:?}"
    );
    assert_eq!(
        timeouts.last(),
        Some(&TRANSACTION_TIMEOUT),
        "until it is fast again"
    );

    for round in 0..2 {
        let killed = Service::on(kafka.brokers(), "killed-broker", 2);
        let (tally, timeouts) = under_load(&killed, 4_000, || {
            thread::sleep(Duration::from_millis(40 * round));
            kafka.broker.kill9().expect("kills");
            println!("up again after {:?}", kafka.broker.start_again().expect("starts"));
        });
        println!("killed: {tally}, open for up to {timeouts:?}");
        assert!(tally.interrupted() >= 1, "{tally}");
        assert_eq!(timeouts.last(), Some(&TRANSACTION_TIMEOUT));
    }

    // And when it stays away, whoever asks is told so in time
    let mut worker = Service::named(kafka.brokers(), paused.name).log("a");
    worker.await_assigned(&[0, 1]);
    kafka.broker.kill9().expect("kills");
    for (what, asked) in [
        (
            "locate",
            (|worker| worker.locate(0).map(drop)) as fn(&mut crate::broker::Worker) -> _,
        ),
        ("initialise", |worker| worker.initialise()),
    ] {
        let started = Instant::now();
        let fault = asked(&mut worker).expect_err("the broker is away");
        println!("{what}: {fault}, after {:?}", started.elapsed());
        assert_eq!(fault.kind, FaultKind::Transient, "{what}: {fault}");
        assert!(started.elapsed() < GIVES_UP_WITHIN, "{what}");
    }
}

#[test]
fn a_broker_that_is_not_there_is_told_in_time() {
    let started = Instant::now();
    // A port that nobody listens on: bound here, and let go.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let nowhere = Service::named(free.expect("a free port").to_string(), "nowhere".to_owned());
    let Err(fault) = KafkaLog::connect(nowhere.settings("a")) else {
        panic!("connected to nothing");
    };
    println!("{fault}, after {:?}", started.elapsed());
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(started.elapsed() < GIVES_UP_WITHIN);
}

#[test]
fn a_topic_that_is_not_there_is_told_for_good() {
    let service = Service::named(crate::broker::brokers(), "undeclared".to_owned());
    let Err(fault) = KafkaLog::connect(service.settings("a")) else {
        panic!("there is such a topic");
    };
    assert_eq!(fault.kind, FaultKind::Fatal, "{fault}");
}
