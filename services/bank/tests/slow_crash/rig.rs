//! A bank of processes that can be killed one by one.

use std::{
    fs::OpenOptions,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_contracts::topics::{ACCOUNTS_EVENTS, ALL, LOCAL_PARTITIONS};
use tributary_local_stack::{Options, Stack};
use tributary_stream::kafka::topics;

use crate::{
    load::Load,
    observer::{Observer, now},
};

/// One rig at a time: the machine has two cores, and times are measured.
static MACHINE: Mutex<()> = Mutex::new(());

pub(crate) struct Rig {
    pub(crate) stack: Stack,
    pub(crate) random: ChaCha8Rng,
    pub(crate) seed: u64,
    _machine: MutexGuard<'static, ()>,
}

/// The ledger that every test begins with.
pub(crate) const LEDGER: &[&str] = &["accounts", "--instance", "a"];

/// Most time until events flow again; what is measured is printed, this only ends a test that hangs.
pub(crate) const RECOVER_WITHIN: Duration = Duration::from_secs(60);

/// What every kind is run with unless a person asks for another.
const SEEDS: [u64; 2] = [1, 2];

/// Below the range from which systems take the near end of connections, and above the one that the stack takes its ports
/// from: while a killed gateway is away, nobody else is given its port.
const PORTS: u16 = 30_000;
const PORTS_COUNT: u16 = 2_000;

/// Rounds of each kind with each seed.
pub(crate) fn rounds() -> u64 {
    setting("TRIBUTARY_CRASH_ROUNDS").unwrap_or(1)
}

/// Runs a test with each seed, each time on servers of its own.
pub(crate) fn each_seed(what: &str, test: impl Fn(Rig)) {
    let asked = setting("TRIBUTARY_CRASH_SEED").map(|seed| vec![seed]);
    for seed in asked.unwrap_or(SEEDS.to_vec()) {
        test(Rig::start(what, seed));
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

/// The ledger at work on what a client sends without pause.
pub(crate) struct UnderLoad {
    // In this order, in which they end: the client first, the servers last.
    pub(crate) load: Load,
    pub(crate) ledger: Process,
    pub(crate) observer: Observer,
    pub(crate) rig: Rig,
}

impl Rig {
    /// Starts all of it, and returns when the ledger answers.
    pub(crate) fn under_load(self) -> UnderLoad {
        let rig = self;
        let observer = Observer::start(&rig.stack.brokers(), ACCOUNTS_EVENTS.name);
        let ledger = rig.service(LEDGER);
        let load = Load::start(&rig.stack.brokers(), rig.seed);
        let answered = observer.recovered(now(), RECOVER_WITHIN);
        answered.unwrap_or_else(|| rig.give_up("the ledger does not start"));
        UnderLoad {
            load,
            ledger,
            observer,
            rig,
        }
    }

    fn start(what: &str, seed: u64) -> Self {
        let machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        println!("{what}: seed {seed}, {} rounds", rounds());
        let stack = Stack::start(&Options::temporary().own_servers()).unwrap();
        topics::apply(&stack.brokers(), ALL, LOCAL_PARTITIONS, 1).unwrap();
        Self {
            stack,
            random: ChaCha8Rng::seed_from_u64(seed),
            seed,
            _machine: machine,
        }
    }

    /// A service of the bank as a process of its own.
    pub(crate) fn service(&self, arguments: &[&str]) -> Process {
        // What the processes log about dying brokers would bury the table.
        let log = self.stack.logs().join("services.log");
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_bank"))
            .arg("service")
            .args(arguments)
            .env("KAFKA_BROKERS", self.stack.brokers())
            .env("DATABASE_URL", self.stack.database_url())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Process(child)
    }

    /// Where a server of the test may listen, again and again.
    pub(crate) fn free_address() -> SocketAddr {
        let first = u16::try_from(std::process::id() % u32::from(PORTS_COUNT)).unwrap();
        let ports = (0..PORTS_COUNT).map(|step| PORTS + (first + step) % PORTS_COUNT);
        let mut addresses = ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        addresses
            .find(|address| TcpListener::bind(address).is_ok())
            .unwrap()
    }

    /// Kafka has sent every decided transaction's markers. A broker that its controller gives up while it coordinates drops
    /// them, and says this (docs/decisions/0020-a-controller-of-its-own.md).
    pub(crate) fn assert_no_markers_dropped(&self) {
        for entry in std::fs::read_dir(self.stack.logs()).unwrap() {
            let path = entry.unwrap().path();
            let log = std::fs::read(&path).unwrap();
            let dropped = "likely deleted already and hence can be skipped";
            assert!(
                !String::from_utf8_lossy(&log).contains(dropped),
                "seed {}: Kafka dropped markers, see {}",
                self.seed,
                path.display()
            );
        }
    }

    /// Fails with what the services logged last, since the stack's directory goes with the test.
    pub(crate) fn give_up(&self, why: &str) -> ! {
        let log = std::fs::read_to_string(self.stack.logs().join("services.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        panic!(
            "seed {}: {why}\n{}",
            self.seed,
            lines[lines.len().saturating_sub(60)..].join("\n")
        )
    }

    /// Lets the load run for a random while.
    pub(crate) fn let_run(&mut self) {
        let millis = self.random.random_range(500..2_500);
        std::thread::sleep(Duration::from_millis(millis));
    }
}

/// A process that ends with its owner.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn kill9(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Stops it as a debugger would: it exists, holds its connections, and does nothing.
    pub(crate) fn pause(&self) {
        kill(self.pid(), Signal::SIGSTOP).unwrap();
    }

    pub(crate) fn resume(&self) {
        kill(self.pid(), Signal::SIGCONT).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
