//! `bank load`: payments at a given rate through a whole bank, and what became of them how fast.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use tributary_checker::{End, check_all};
use tributary_contracts::topics::ALL;
use tributary_load::{
    Chain, Load, Population, Report, Spread, Sweep, Target, floor, html, open_accounts, run, sweep, text,
};
use tributary_local_stack::{Options, Progress, Stack};
use tributary_stream::kafka::topics;

use super::process::ServiceProcess;
use super::{machine, today};
use crate::interrupt::Interrupt;

/// The services of a bank that have workers, each a process of its own.
const WORKING: [&str; 4] = ["accounts", "payments", "fraud", "fraud-payees"];

/// Its read models.
const PROJECTIONS: [&str; 3] = ["accounts-projection", "payments-projection", "timelines"];

/// Exactly-once hops of a payment, one after the other: initiate, fraud, its payees, decide, settle, credit, complete.
const HOPS: usize = 7;

/// How payments come into the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Through {
    /// Straight to the topic that the payments service reads
    Topic,
    /// As requests to the gateway, on kept connections
    Http,
}

/// How long the bank may take to come to rest before its invariants are judged.
const AT_REST_WITHIN: Duration = Duration::from_secs(60);

/// Payments at a given rate through a bank of its own, each service a process; run it in release.
///
/// Payments start when a schedule says, at random moments around the rate, however long earlier ones take; latency counts
/// from the intended start. With --sweep the rate rises until the bank can't keep up.
#[derive(Args, Debug)]
pub(crate) struct LoadArguments {
    /// Payments a second; with --sweep, those of the first step
    #[arg(long, default_value_t = 100.0, value_parser = positive, value_name = "N")]
    rate: f64,
    /// Seconds that are measured, of each step
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    seconds: u64,
    /// Seconds of load before each step is measured
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    warm_up: u64,
    /// Seconds of load before the first step: a cold broker is two to four times slower
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    cold: u64,
    /// Payments a second of that load
    #[arg(long, default_value_t = 500.0, value_parser = positive, value_name = "N")]
    cold_rate: f64,
    /// How payments come in
    #[arg(long, value_enum, default_value = "topic")]
    through: Through,
    /// Beside each rate, measure a bare chain of as many exactly-once hops without logic
    #[arg(long)]
    floor: bool,
    /// Accounts that pay each other
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..), value_name = "N")]
    accounts: u32,
    /// Spread payments over accounts by Zipf's law with this exponent instead of uniformly
    #[arg(long, value_name = "EXPONENT")]
    zipf: Option<f64>,
    /// Seed of who pays whom and when
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Partitions of each topic
    #[arg(long, default_value_t = tributary_contracts::topics::LOCAL_PARTITIONS, value_parser = clap::value_parser!(i32).range(1..), value_name = "N")]
    partitions: i32,
    /// Worker threads of each service
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    workers: u32,
    /// Raise the rate until the bank can't keep up; then measure 100 and 1,000 payments a second, and half and four
    /// fifths of what it keeps up with
    #[arg(long)]
    sweep: bool,
    /// Highest rate of a sweep
    #[arg(long, default_value_t = 20_000.0, value_parser = positive, value_name = "N", requires = "sweep")]
    to: f64,
    /// A step of a sweep whose 99th percentile is beyond this isn't kept up with
    #[arg(
        long,
        default_value_t = 1_000,
        value_name = "MILLISECONDS",
        requires = "sweep"
    )]
    p99_max: u64,
    /// Write what was seen as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write what was seen as a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("a number above 0".to_owned()),
    }
}

impl LoadArguments {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let interrupt = Interrupt::listen()?;
        let interrupted = || interrupt.asked();
        let spread = self.zipf.map_or(Spread::Uniform, Spread::Zipf);
        let load = Load {
            population: Population::new("demo", self.accounts, spread)?,
            currency: "CZK".parse()?,
            booking_date: today(),
            rate: self.rate,
            warm_up: Duration::from_secs(self.warm_up),
            measured: Duration::from_secs(self.seconds),
            grace: Duration::from_secs(30),
            in_detail: true,
            seed: self.seed,
        };
        let mut bank = Bank::start(self.partitions, self.workers, self.through)?;
        let target = bank.target()?;
        open_accounts(&load, &target)?;
        if self.cold > 0 {
            let cold = Load {
                rate: self.cold_rate,
                measured: Duration::from_secs(self.cold),
                warm_up: Duration::ZERO,
                ..load.clone()
            };
            eprintln!("{} s of {} payments/s to warm up", self.cold, self.cold_rate);
            run(&cold, &target, &interrupted)?;
        }
        let meter = machine::Meter::start(Vec::new());
        let mut reports = self.measure(&load, &target, &interrupted)?;
        if self.floor {
            for report in &mut reports {
                let chain = Chain {
                    hops: HOPS,
                    rate: report.configuration.rate,
                    partitions: self.partitions,
                    warm_up: load.warm_up,
                    measured: load.measured,
                    seed: load.seed,
                };
                report.floor = Some(floor(&chain, &target.brokers, &interrupted)?);
            }
        }
        if interrupted() {
            bail!("interrupted: nothing was measured to its end");
        }
        let about = format!(
            "{}steal and load: {}\n{} accounts, {}, {} partitions, one process a service with {} workers, {}; warmed up by {} s \
             of {} payments/s\n",
            machine::describe(),
            meter.stop(),
            self.accounts,
            self.zipf.map_or("uniform".to_owned(), |s| format!("Zipf {s}")),
            self.partitions,
            self.workers,
            match self.through {
                Through::Topic => "straight to the topic",
                Through::Http => "through the gateway",
            },
            self.cold,
            self.cold_rate,
        );
        print!("\n{about}");
        for report in &reports {
            print!("\n{}", text::whole(report));
        }
        if let Some(file) = &self.json {
            let json = serde_json::to_string_pretty(&reports)?;
            fs::write(file, json).with_context(|| format!("can't write {}", file.display()))?;
        }
        if let Some(file) = &self.html {
            let page = html::page("Load on the bank", &about, &reports)?;
            fs::write(file, page).with_context(|| format!("can't write {}", file.display()))?;
        }
        bank.check()?;
        println!("\nThe invariants hold.");
        bank.stop()?;
        Ok(ExitCode::SUCCESS)
    }

    fn measure(
        &self,
        load: &Load,
        target: &Target,
        interrupted: &dyn Fn() -> bool,
    ) -> anyhow::Result<Vec<Report>> {
        let mut told = |report: &Report| println!("{}", text::line(report));
        if !self.sweep {
            let report = run(load, target, interrupted)?;
            told(&report);
            return Ok(vec![report]);
        }
        let steps = Sweep {
            from: self.rate,
            factor: 1.5,
            to: self.to,
            p99_max: Duration::from_millis(self.p99_max),
        };
        let mut knee = sweep(load, &steps, target, interrupted, &mut told)?;
        match (knee.sustained, knee.beyond) {
            (Some(sustained), Some(beyond)) => {
                println!("\nThe bank keeps up with {sustained:.0} payments/s, and not with {beyond:.0}.");
            }
            (Some(sustained), None) => {
                println!("\nThe bank keeps up with {sustained:.0} payments/s and maybe more.")
            }
            (None, _) => println!("\nThe bank keeps up with none of these rates."),
        }
        knee.steps.append(&mut knee.points);
        Ok(knee.steps)
    }
}

/// A bank whose services are processes, so that each one's processor time and memory can be told apart.
struct Bank {
    // In this order: services end before the servers that they stand on.
    services: Vec<ServiceProcess>,
    gateway: Option<SocketAddr>,
    stack: Stack,
}

impl Bank {
    fn start(partitions: i32, workers: u32, through: Through) -> anyhow::Result<Self> {
        let mut options = Options::temporary().own_servers();
        options.progress = Progress::on_stderr();
        let stack = Stack::start(&options)?;
        topics::apply(&stack.brokers(), ALL, partitions, 1)?;
        let (brokers, database_url) = (stack.brokers(), stack.database_url());
        let servers = [
            ("KAFKA_BROKERS", brokers.as_str()),
            ("DATABASE_URL", &database_url),
        ];
        let mut services = Vec::new();
        let mut start = |name, arguments: &[&str], stdout| {
            services.push(ServiceProcess::start(name, arguments, &servers, stdout)?);
            anyhow::Ok(())
        };
        for name in WORKING {
            start(name, &["--workers", &workers.to_string()], Stdio::inherit())?;
        }
        for name in PROJECTIONS {
            start(name, &[], Stdio::inherit())?;
        }
        let mut gateway = None;
        if through == Through::Http {
            start("gateway", &["--listen", "127.0.0.1:0"], Stdio::piped())?;
            gateway = Some(address(services.last_mut().context("it was just started")?)?);
        }
        Ok(Self {
            services,
            gateway,
            stack,
        })
    }

    fn target(&mut self) -> anyhow::Result<Target> {
        let mut processes: Vec<(String, u32)> = self
            .services
            .iter()
            .map(|service| (service.name.to_owned(), service.id()))
            .collect();
        processes.push(("load".to_owned(), std::process::id()));
        let servers = self.stack.servers();
        processes.extend(servers.filter_map(|server| Some((server.name().to_owned(), server.pid()?))));
        Ok(Target {
            brokers: self.stack.brokers(),
            database_url: self.stack.database_url(),
            gateway: self.gateway,
            log_dir: Some(self.stack.data_dir().join("kafka/broker/data")),
            processes,
        })
    }

    /// Fails when an invariant is broken, or a service has ended.
    fn check(&mut self) -> anyhow::Result<()> {
        for service in &mut self.services {
            if let Some(status) = service.ended()? {
                bail!("the service {} ended by itself: {status}", service.name);
            }
        }
        let end = End {
            at_rest_within: Some(AT_REST_WITHIN),
            expired_before: None,
        };
        let report = check_all(&self.stack.brokers(), end, &mut [])?;
        for violation in &report.violations {
            eprintln!("{violation}");
        }
        ensure!(
            report.is_clean(),
            "{} invariants are broken",
            report.violations.len()
        );
        Ok(())
    }

    fn stop(self) -> anyhow::Result<()> {
        drop(self.services);
        self.stack.stop()?;
        Ok(())
    }
}

/// Where a gateway says that it listens.
fn address(gateway: &mut ServiceProcess) -> anyhow::Result<SocketAddr> {
    let stdout = gateway.stdout().context("its output isn't read")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let address = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("http://"));
        if let Some(address) = address {
            return Ok(address.trim_end_matches(',').parse()?);
        }
    }
    bail!("the gateway ended before it said where it listens")
}
