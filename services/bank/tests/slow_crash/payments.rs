//! Payments flow through processes, any of which is killed at a random moment.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use rand::RngExt;
use tributary_checker::{End, check_all};
use tributary_contracts::{codec::CE_TYPE, topics::PAYMENTS_EVENTS};
use tributary_load::{Load, Population, Spread, Target, open_accounts, run};
use tributary_stream::kafka::{EventReader, Watermarks};

use crate::{
    observer::now,
    rig::{Process, RECOVER_WITHIN, Rig, rounds},
};

/// Who may be killed: every service that a payment needs, and the read model.
const SERVICES: [&[&str]; 4] = [
    &["accounts", "--instance", "a"],
    &["payments", "--instance", "a"],
    &["fraud", "--instance", "a"],
    &["payments-projection"],
];

/// Rounds that this test makes of one round of the others: one a service.
const EACH: u64 = SERVICES.len() as u64;

const RATE: f64 = 40.0;

fn load(seed: u64) -> Load {
    Load {
        population: Population::new("crash", 50, Spread::Zipf(0.8)).unwrap(),
        currency: "CZK".parse().unwrap(),
        booking_date: "2026-11-25".parse().unwrap(),
        rate: RATE,
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(24 * 60 * 60),
        grace: Duration::from_secs(120),
        in_detail: false,
        seed,
    }
}

/// Until payments that began after now have completed in every partition; how long it took.
fn payments_complete(rig: &Rig) -> Option<Duration> {
    let brokers = rig.stack.brokers();
    let since = now();
    let ends = Watermarks::connect(&brokers)
        .ok()?
        .ends(PAYMENTS_EVENTS.name)
        .ok()?;
    let mut waiting: HashSet<i32> = ends.keys().copied().collect();
    let mut reader = EventReader::open(&brokers, PAYMENTS_EVENTS.name, &ends).ok()?;
    let mut begun = HashSet::new();
    while !waiting.is_empty() {
        if since.elapsed() > RECOVER_WITHIN {
            return None;
        }
        for record in reader.poll(Duration::from_millis(50), 1_000).ok()?.records {
            match record.headers.text(CE_TYPE) {
                Some("payments.payment-initiated.v1") => drop(begun.insert(record.key)),
                Some("payments.payment-completed.v1") if begun.contains(&record.key) => {
                    waiting.remove(&record.partition);
                }
                _ => {}
            }
        }
    }
    Some(since.elapsed())
}

/// Ends the payments when it goes, also when the test fails: its scope waits for them.
struct Ending<'s>(&'s AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn whoever_is_killed_each_payment_ends_once() {
    let mut rig = Rig::start("kill -9 of ledger, payments, fraud and read model under payments");
    let mut services: Vec<_> = SERVICES
        .iter()
        .map(|service| Some(rig.service(service)))
        .collect();
    let target = Target {
        brokers: rig.stack.brokers(),
        database_url: rig.stack.database_url(),
        gateway: None,
        log_dir: None,
        processes: Vec::new(),
    };
    let load = load(rig.seed);
    open_accounts(&load, &target).unwrap();
    // The read model has to stand before it can be watched.
    thread::sleep(Duration::from_secs(2));
    let stop = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        let ending = Ending(&stop);
        let paying = scope.spawn(|| run(&load, &target, &|| stop.load(Ordering::Relaxed)));
        payments_complete(&rig).unwrap_or_else(|| rig.give_up("no payment completes"));
        for round in 0..EACH * rounds() {
            rig.let_run();
            let victim = match round < EACH {
                // Each once, then by chance.
                true => round as usize,
                false => rig.random.random_range(0..SERVICES.len()),
            };
            services[victim].take().unwrap().kill9();
            services[victim] = Some(rig.service(SERVICES[victim]));
            let recovered = payments_complete(&rig);
            println!(
                "  round {round}: kill -9 of {}, payments complete after {recovered:?}",
                SERVICES[victim][0]
            );
            recovered.unwrap_or_else(|| rig.give_up(&format!("no recovery in round {round}")));
        }
        drop(ending);
        paying.join().unwrap().unwrap()
    });
    println!("  payments: {:?}", report.outcomes);
    assert_eq!((report.unfinished, report.undelivered), (0, 0));
    assert!(services.iter_mut().flatten().all(Process::is_running));
    let end = End {
        at_rest_within: Some(Duration::from_secs(60)),
        expired_before: None,
    };
    let checked = check_all(&rig.stack.brokers(), end, &mut []).unwrap();
    assert!(checked.is_clean(), "{:?}", checked.violations);
}
