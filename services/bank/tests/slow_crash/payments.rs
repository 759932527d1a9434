//! Payments come in over HTTP, and whatever they need is killed, stopped or joined by another at a random moment.

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use rand::seq::SliceRandom;
use tributary_analytics::timeline::Timeline;
use tributary_contracts::{
    accounts::AccountsEvent,
    codec::CE_TYPE,
    fraud::{FraudEvent, PayeesEvent},
    payments::PaymentsEvent,
    topics::{ACCOUNTS_EVENTS, FRAUD_EVENTS, FRAUD_PAYEES_EVENTS, PAYMENTS_EVENTS},
};
use tributary_load::{Load, Population, Spread, Target, open_accounts};
use tributary_payments::projection::PaymentsModel;
use tributary_stream::{
    kafka::{EventReader, Watermarks},
    log::Fault,
};

use crate::{
    clients::{Clients, is_ready},
    figures::{Figures, Round},
    observer::{Observer, now},
    pulse::Pulse,
    read_model::ReadModel,
    rig::{Process, RECOVER_WITHIN, Rig, each_seed, rounds},
};

/// Every service of the bank. Those that write events come first, in the order of their observers.
pub(crate) const SERVICES: [&str; 9] = [
    "accounts",
    "payments",
    "fraud",
    "fraud-payees",
    "accounts-projection",
    "payments-projection",
    "timelines",
    "gateway",
    // Nobody waits for it. The checker says at the end whether it told the same twice.
    "laundering",
];

const PAYMENTS: usize = 1;

/// Past the group's session and the transaction's time, so that the broker has aborted what a zombie left open.
const ZOMBIE_FOR: Duration = Duration::from_secs(11);

#[derive(Clone, Copy)]
enum Disturbance {
    Kill(usize),
    KillBroker,
    KillDatabase,
    /// The payments service is paused past its time, and comes back while another instance works.
    Zombie,
    /// A second instance of the payments service comes, and is killed.
    Second,
}

impl Disturbance {
    fn all() -> Vec<Self> {
        let kills = (0..SERVICES.len()).map(Self::Kill);
        let others = [Self::KillBroker, Self::KillDatabase, Self::Zombie, Self::Second];
        kills.chain(others).collect()
    }

    /// The service whose own events don't count, where it stands still by intention.
    fn victim(self) -> Option<usize> {
        match self {
            Self::Kill(service) => Some(service),
            Self::Zombie | Self::Second => Some(PAYMENTS),
            Self::KillBroker | Self::KillDatabase => None,
        }
    }
}

/// The bank as processes.
pub(crate) struct Bank {
    pub(crate) api: SocketAddr,
    pub(crate) services: Vec<Process>,
    observers: [Observer; 4],
    /// One of each projection's process.
    read_models: [ReadModel; 3],
    figures: Figures,
    pub(crate) rig: Rig,
}

impl Bank {
    pub(crate) fn start(rig: Rig) -> Self {
        let brokers = rig.stack.brokers();
        let api = Rig::free_address();
        let topics = [
            ACCOUNTS_EVENTS,
            PAYMENTS_EVENTS,
            FRAUD_EVENTS,
            FRAUD_PAYEES_EVENTS,
        ];
        let [_, timeline, ..] = bank::TIMELINE_SCHEMAS;
        let mut bank = Self {
            api,
            services: Vec::new(),
            observers: topics.map(|topic| Observer::start(&brokers, topic.name)),
            read_models: [
                ReadModel::ledger(&rig),
                ReadModel::of::<PaymentsModel>(&rig, bank::PAYMENTS_SCHEMA, PAYMENTS_EVENTS),
                ReadModel::of::<Timeline<PaymentsEvent>>(&rig, timeline, PAYMENTS_EVENTS),
            ],
            figures: Figures::default(),
            rig,
        };
        bank.services = (0..SERVICES.len()).map(|service| bank.service(service)).collect();
        let since = now();
        while !is_ready(api) {
            if since.elapsed() > RECOVER_WITHIN {
                bank.rig.give_up("the gateway does not become ready");
            }
            thread::sleep(Duration::from_millis(50));
        }
        bank
    }

    fn service(&self, service: usize) -> Process {
        let listen = self.api.to_string();
        let name = SERVICES[service];
        match name {
            "gateway" => self.rig.service(&[name, "--listen", &listen]),
            "accounts" | "payments" | "fraud" | "fraud-payees" | "laundering" => {
                self.rig.service(&[name, "--instance", "a"])
            }
            _ => self.rig.service(&[name]),
        }
    }

    /// Until payments that began after now have completed in every partition and every read model has moved on: how long
    /// after `since` each of the two was.
    pub(crate) fn recovered(&self, since: Instant, what: &str) -> Round {
        let (complete, rows) = thread::scope(|scope| {
            let rows = self
                .read_models
                .each_ref()
                .map(|model| scope.spawn(move || model.moves_again(since, RECOVER_WITHIN)));
            let complete = payments_complete(&self.rig.stack.brokers(), since);
            let rows = rows.map(|moved| moved.join().unwrap());
            (complete, rows.into_iter().collect::<Option<Vec<_>>>())
        });
        let Some(complete) = complete else {
            self.rig.give_up(&format!(
                "{what}: payments don't complete within {RECOVER_WITHIN:?}"
            ))
        };
        let Some(rows) = rows.and_then(|rows| rows.into_iter().max()) else {
            self.rig.give_up(&format!(
                "{what}: a read model doesn't move within {RECOVER_WITHIN:?}"
            ))
        };
        Round {
            complete,
            rows,
            acknowledged: Duration::ZERO,
            stalls: BTreeMap::new(),
        }
    }

    /// From now on it counts how long anybody stands still or waits.
    fn watch(&self, clients: &Clients) {
        for observer in &self.observers {
            observer.watch_stalls();
        }
        clients.slowest();
    }

    /// One round of it.
    fn disturb(&mut self, disturbance: Disturbance, clients: &Clients) {
        self.watch(clients);
        match disturbance {
            Disturbance::Kill(service) => {
                self.services[service].kill9();
                let restarted = now();
                self.services[service] = self.service(service);
                self.note(
                    disturbance,
                    clients,
                    &format!("kill -9 of {}", SERVICES[service]),
                    restarted,
                );
            }
            Disturbance::KillBroker => {
                let broker = &mut self.rig.stack.kafka().unwrap().broker;
                broker.kill9().unwrap();
                broker.start_again().unwrap();
                self.note(
                    disturbance,
                    clients,
                    "kill -9 of the broker, once it serves again",
                    now(),
                );
                self.rig.assert_no_markers_dropped();
            }
            Disturbance::KillDatabase => {
                let postgres = &mut self.rig.stack.postgres().unwrap().server;
                postgres.kill9().unwrap();
                let killed = now();
                postgres.start_again().unwrap();
                self.note(
                    disturbance,
                    clients,
                    "kill -9 of PostgreSQL, its restart included",
                    killed,
                );
            }
            Disturbance::Zombie => {
                self.services[PAYMENTS].pause();
                let paused = now();
                let mut heir = self.rig.service(&["payments", "--instance", "b"]);
                self.note(
                    disturbance,
                    clients,
                    "payments paused, another instance takes over",
                    paused,
                );
                thread::sleep(ZOMBIE_FOR.saturating_sub(paused.elapsed()));
                self.services[PAYMENTS].resume();
                self.rig.let_run();
                heir.kill9();
                self.note(disturbance, clients, "the zombie resumed, its heir killed", now());
            }
            Disturbance::Second => {
                let joined = now();
                let mut second = self.rig.service(&["payments", "--instance", "b"]);
                self.note(
                    disturbance,
                    clients,
                    "a second instance of payments comes",
                    joined,
                );
                self.rig.let_run();
                second.kill9();
                self.note(
                    disturbance,
                    clients,
                    "one of two instances of payments killed",
                    now(),
                );
            }
        }
    }

    /// Waits until all works again, and notes how long it took, and for how long others stood still meanwhile.
    fn note(&mut self, disturbance: Disturbance, clients: &Clients, what: &str, since: Instant) {
        let mut round = self.recovered(since, what);
        round.acknowledged = clients.slowest();
        // Without a broker everybody stands still.
        if !matches!(disturbance, Disturbance::KillBroker) {
            let others = SERVICES.iter().zip(&self.observers).enumerate();
            let others = others.filter(|(service, _)| Some(*service) != disturbance.victim());
            round.stalls = others
                .map(|(_, (name, observer))| (*name, observer.stalled()))
                .collect();
        }
        println!("  {what}: {round}");
        self.figures.note(what, round);
        self.watch(clients);
    }
}

fn payments_complete(brokers: &str, since: Instant) -> Option<Duration> {
    let (mut begun, mut next, mut complete) = (HashSet::new(), BTreeMap::new(), HashSet::new());
    while since.elapsed() < RECOVER_WITHIN {
        // A broker that has just come back may not answer at first: then it is asked again.
        match follow(brokers, since, &mut next, &mut begun, &mut complete) {
            Ok(true) => return Some(since.elapsed()),
            Ok(false) | Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
    None
}

/// Follows payments from the end of the log, or from where a reader before came to. Whether they have completed in every
/// partition.
fn follow(
    brokers: &str,
    since: Instant,
    next: &mut BTreeMap<i32, i64>,
    begun: &mut HashSet<Vec<u8>>,
    complete: &mut HashSet<i32>,
) -> Result<bool, Fault> {
    if next.is_empty() {
        *next = Watermarks::connect(brokers)?.ends(PAYMENTS_EVENTS.name)?;
    }
    let mut reader = EventReader::open(brokers, PAYMENTS_EVENTS.name, next)?;
    while since.elapsed() < RECOVER_WITHIN {
        let batch = reader.poll(Duration::from_millis(50), 1_000)?;
        for record in batch.records {
            match record.headers.text(CE_TYPE) {
                Some("payments.payment-initiated.v1") => drop(begun.insert(record.key)),
                Some("payments.payment-completed.v1") if begun.contains(&record.key) => {
                    complete.insert(record.partition);
                }
                _ => {}
            }
        }
        *next = batch.next;
        if complete.len() == next.len() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Fifty accounts with enough on them.
pub(crate) fn open(rig: &Rig) -> Population {
    let population = Population::new("crash", 50, Spread::Uniform).unwrap();
    let load = Load {
        population: population.clone(),
        currency: "CZK".parse().unwrap(),
        booking_date: "2026-11-25".parse().unwrap(),
        rate: 1.0,
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(1),
        grace: Duration::ZERO,
        in_detail: false,
        seed: rig.seed,
    };
    let target = Target {
        brokers: rig.stack.brokers(),
        database_url: rig.stack.database_url(),
        gateway: None,
        log_dir: None,
        processes: Vec::new(),
    };
    open_accounts(&load, &target).unwrap();
    population
}

#[test]
fn whatever_is_killed_each_payment_over_http_ends_once() {
    each_seed("payments over HTTP while anything is killed", |rig| {
        let mut bank = Bank::start(rig);
        let population = open(&bank.rig);
        let clients = Clients::start(bank.api, &population, bank.rig.seed);
        let pulse = Pulse::start(&bank.rig.stack.brokers());
        bank.recovered(now(), "at the start");
        let all = Disturbance::all();
        for _ in 0..rounds() {
            // Each as often, in an order of the seed's.
            let mut turn = all.clone();
            turn.shuffle(&mut bank.rig.random);
            for disturbance in turn {
                bank.rig.let_run();
                bank.disturb(disturbance, &clients);
                if let Some(wrong) = clients.wrong() {
                    bank.rig.give_up(&wrong);
                }
                for (name, service) in SERVICES.iter().zip(&mut bank.services) {
                    assert!(service.is_running(), "{name} has ended by itself");
                }
            }
        }
        let told = clients.stop().unwrap_or_else(|wrong| bank.rig.give_up(&wrong));
        drop(pulse);
        println!("{}", bank.figures);
        bank.rig.check();
        bank.rig.judge_payments(&told);
        let [ledger, payments, timeline] = &bank.read_models;
        ledger.judge_ledger();
        payments.judge_by_folding_again(PaymentsModel);
        timeline.judge_by_folding_again(Timeline::<PaymentsEvent>::default());
        let [of_accounts, _, of_fraud, of_payees] = bank::TIMELINE_SCHEMAS;
        ReadModel::of::<Timeline<AccountsEvent>>(&bank.rig, of_accounts, ACCOUNTS_EVENTS)
            .judge_by_folding_again(Timeline::<AccountsEvent>::default());
        ReadModel::of::<Timeline<FraudEvent>>(&bank.rig, of_fraud, FRAUD_EVENTS)
            .judge_by_folding_again(Timeline::<FraudEvent>::default());
        ReadModel::of::<Timeline<PayeesEvent>>(&bank.rig, of_payees, FRAUD_PAYEES_EVENTS)
            .judge_by_folding_again(Timeline::<PayeesEvent>::default());
    });
}
