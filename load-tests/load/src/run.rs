//! One load: payments at a rate for a while.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use tokio::sync::mpsc;
use tributary_contracts::{
    codec::{self, RawEvent},
    envelope::BusinessDate,
    topics::{ACCOUNTS_EVENTS, PAYMENTS_EVENTS, PAYMENTS_INBOX},
};
use tributary_ids::PaymentId;
use tributary_money::Currency;
use tributary_stream::kafka::{CommandProducer, EventReader, Watermarks};

use crate::{
    LoadError, Population, Report,
    clock::{Start, wall_ms},
    commands::Commands,
    cost::Counters,
    hops::{self, FOLLOWED_MAX},
    outcomes::{Outcomes, Sent},
    report::{Configuration, Found},
    through::{self, Wish, Wishes},
    watch::Machine,
};

/// How long accounts may take to open.
const OPEN_WITHIN: Duration = Duration::from_secs(120);

/// Records that may be under way to the broker. More than a broker that keeps up ever has; a broker that doesn't holds
/// the sender up, and the latency that this costs counts, since it runs from the intended start.
const IN_FLIGHT_MAX: usize = 20_000;

/// The bank that is loaded.
#[derive(Clone, Debug)]
pub struct Target {
    pub brokers: String,
    pub database_url: String,
    /// Where the gateway listens: payments then go through it, and straight to the topic otherwise.
    pub gateway: Option<SocketAddr>,
    /// Where the broker keeps its logs, if that is on this machine.
    pub log_dir: Option<PathBuf>,
    /// Names and ids of the processes whose processor time and memory are reported.
    pub processes: Vec<(String, u32)>,
}

/// A load.
#[derive(Clone, Debug)]
pub struct Load {
    pub population: Population,
    pub currency: Currency,
    pub booking_date: BusinessDate,
    /// Payments a second. They start at random moments (a Poisson process), as those of many people who know nothing of one
    /// another do.
    pub rate: f64,
    /// Load before anything counts.
    pub warm_up: Duration,
    /// Load that counts.
    pub measured: Duration,
    /// How long payments may take after the last was sent; what has not ended then is reported as unfinished.
    pub grace: Duration,
    /// Whether it is looked up afterwards where the time went and what payments cost. The timelines must run for that.
    pub in_detail: bool,
    pub seed: u64,
}

impl Load {
    fn commands(&self, target: &Target) -> Result<Commands, LoadError> {
        let partitions = Watermarks::connect(&target.brokers)?.partitions(PAYMENTS_INBOX.name)?;
        Ok(Commands {
            population: self.population.clone(),
            partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
            currency: self.currency,
            booking_date: self.booking_date,
        })
    }
}

/// Opens the accounts, if they aren't open already.
///
/// # Errors
/// When one is refused, or they take more than two minutes.
pub fn open_accounts(load: &Load, target: &Target) -> Result<(), LoadError> {
    let commands = load.commands(target)?;
    let ends = Watermarks::connect(&target.brokers)?.ends(ACCOUNTS_EVENTS.name)?;
    let mut reader = EventReader::open(&target.brokers, ACCOUNTS_EVENTS.name, &ends)?;
    let (producer, _) = producer(&target.brokers)?;
    let mut waiting = BTreeMap::new();
    for number in 0..load.population.accounts() {
        waiting.insert(load.population.account(number).to_string(), number);
        producer.send(&commands.open(number), 0)?;
    }
    producer.flush()?;
    let start = Start::now();
    while !waiting.is_empty() {
        if start.elapsed() > OPEN_WITHIN {
            return Err(LoadError::OpeningTooSlow(waiting.len(), OPEN_WITHIN.as_secs()));
        }
        for record in reader.poll(Duration::from_millis(200), 10_000)?.records {
            let key = String::from_utf8_lossy(&record.key).into_owned();
            let Some(number) = waiting.remove(&key) else {
                continue;
            };
            if record.headers.text(codec::CE_TYPE) == Some("tributary.command-refused.v1") {
                let code = refusal(&record).unwrap_or_else(|| "unreadable".to_owned());
                // Opened by an earlier run, on another day.
                if code != "ACCOUNT_CONFLICT" {
                    return Err(LoadError::NotOpened { number, code });
                }
            }
        }
    }
    Ok(())
}

fn refusal(record: &tributary_contracts::record::Record) -> Option<String> {
    let raw = RawEvent::read(record).ok()?;
    let data: serde_json::Value = serde_json::from_str(raw.envelope.data.get()).ok()?;
    Some(data.get("code")?.as_str()?.to_owned())
}

/// A producer, and how many of its records were not delivered.
fn producer(brokers: &str) -> Result<(CommandProducer, Arc<AtomicU64>), LoadError> {
    let lost = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&lost);
    let producer = CommandProducer::connect(brokers, Duration::ZERO, IN_FLIGHT_MAX, move |delivered| {
        if delivered.result.is_err() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    })?;
    Ok((producer, lost))
}

/// Runs the load, whose accounts are open, and says what was seen; ends early when it is `interrupted`.
///
/// # Errors
/// When the log, the read model or the machine can't be watched. A bank that doesn't keep up is no error.
pub fn run(load: &Load, target: &Target, interrupted: &dyn Fn() -> bool) -> Result<Report, LoadError> {
    if load.rate <= 0.0 || !load.rate.is_finite() || load.measured < Duration::from_secs(1) {
        return Err(LoadError::Schedule);
    }
    let commands = load.commands(target)?;
    let ends = Watermarks::connect(&target.brokers)?.ends(PAYMENTS_EVENTS.name)?;
    let reader = EventReader::open(&target.brokers, PAYMENTS_EVENTS.name, &ends)?;
    let machine = Machine::new(&target.brokers, commands.partitions, &target.processes)?;
    let (producer, lost) = producer(&target.brokers)?;
    let before = match load.in_detail {
        true => Some(Counters::read(target)?),
        false => None,
    };
    let start = Start::now();
    let follow_every = (load.rate * load.measured.as_secs_f64() / FOLLOWED_MAX).ceil() as u64;
    let asks = target.gateway.is_some();
    let outcomes = Arc::new(Outcomes::new(start, load.warm_up, follow_every, asks));
    let samples = thread::scope(|scope| {
        let log = scope.spawn(|| outcomes.watch_log(reader));
        let read_model = scope.spawn(|| outcomes.watch_read_model(&target.database_url));
        let machine = scope.spawn(|| machine.watch(&outcomes, || start.elapsed()));
        let sent = match target.gateway {
            None => send(load, start, interrupted, &mut |number, pair, intended| {
                let payment = PaymentId::named(&number);
                let (command, record) = commands.pay(payment, pair);
                outcomes.sent(Sent {
                    payment,
                    command,
                    intended,
                });
                Ok(producer.send(&record, 0)?)
            })
            .and_then(|()| Ok(producer.flush()?))
            .map(|()| wait_for_the_rest(&outcomes, load.grace)),
            Some(gateway) => ask(load, &commands, gateway, &outcomes, start, interrupted),
        };
        outcomes.stop();
        // Whoever stopped watching is why nothing more was seen, so it is told first.
        log.join().unwrap_or(Err(LoadError::Panicked))?;
        read_model.join().unwrap_or(Err(LoadError::Panicked))?;
        let samples = machine.join().unwrap_or(Err(LoadError::Panicked))?;
        sent.map(|()| samples)
    })?;
    let seen = Arc::into_inner(outcomes).ok_or(LoadError::Panicked)?.into_seen();
    let ended = seen.recorder.seconds.values().map(|second| second.ended).sum();
    let (mut hops, mut cost) = (Vec::new(), None);
    if let Some(before) = before {
        hops = hops::hops(target, start, &seen.followed)?;
        cost = Some(Counters::read(target)?.since(&before, target, ended)?);
    }
    let found = Found {
        undelivered: lost.load(Ordering::Relaxed) + seen.turned_away,
        samples,
        hops,
        cost,
    };
    let configuration = Configuration::of(load, commands.partitions, asks);
    Ok(Report::new(configuration, seen, found))
}

/// Asks the gateway for every payment, and waits for the answers and the ends.
fn ask(
    load: &Load,
    commands: &Commands,
    gateway: SocketAddr,
    outcomes: &Arc<Outcomes>,
    start: Start,
    interrupted: &dyn Fn() -> bool,
) -> Result<(), LoadError> {
    let (wishes, waiting): (Wishes, _) = mpsc::unbounded_channel();
    let asking = through::ask_all(gateway, waiting, outcomes)?;
    let sent = send(load, start, interrupted, &mut |key, pair, intended| {
        outcomes.asked(intended);
        let body = commands.request(pair);
        // Nobody takes wishes any more if the thread panicked, which is told below.
        drop(wishes.send(Wish { key, body, intended }));
        Ok(())
    });
    drop(wishes);
    wait_for_the_rest(outcomes, load.grace);
    // What still waits for a connection is not asked for any more.
    outcomes.stop();
    asking.join().map_err(|_| LoadError::Panicked)?;
    sent
}

/// Begins each payment when the schedule says: with a name of its own, debtor and creditor, and the moment.
fn send(
    load: &Load,
    start: Start,
    interrupted: &dyn Fn() -> bool,
    begin: &mut dyn FnMut(String, (u32, u32), Duration) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    // Another run of the same load is of other payments.
    let run = format!("load/{}/{}", load.seed, wall_ms());
    let mut random = ChaCha8Rng::seed_from_u64(load.seed);
    let end = load.warm_up + load.measured;
    let mut intended = Duration::ZERO;
    for number in 0_u64.. {
        let pause: f64 = Exp1.sample(&mut random);
        intended += Duration::from_secs_f64(pause / load.rate);
        if intended >= end || sleep_until(intended, start, interrupted) {
            break;
        }
        begin(
            format!("{run}/{number}"),
            load.population.pair(&mut random),
            intended,
        )?;
    }
    Ok(())
}

/// Returns whether it was interrupted.
pub(crate) fn sleep_until(intended: Duration, start: Start, interrupted: &dyn Fn() -> bool) -> bool {
    loop {
        if interrupted() {
            return true;
        }
        let ahead = intended.saturating_sub(start.elapsed());
        if ahead.is_zero() {
            return false;
        }
        thread::sleep(ahead.min(Duration::from_millis(100)));
    }
}

/// Until every payment has ended and the read model shows it, or the time for that is over.
fn wait_for_the_rest(outcomes: &Outcomes, grace: Duration) {
    let since = Start::now();
    while since.elapsed() < grace && !(outcomes.pending() == 0 && outcomes.all_visible()) {
        thread::sleep(Duration::from_millis(20));
    }
}
