//! `bank service`: one service of the bank, as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use bank::Projections;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use tributary_accounts::Accounts;
use tributary_fraud::{Fraud, FraudPayees, Laundering, LaunderingFeed};
use tributary_gateway::{Gateway, Limits, Options};
use tributary_payments::Payments;
use tributary_stream::instance::{Instance, InstanceOptions};
use tributary_stream::kafka::Watermarks;
use tributary_stream::log::{Fault, StopReason};
use tributary_stream::service;
use tributary_stream::snapshot::{ObjectSnapshots, SnapshotStore};
use tributary_stream::worker::{Quantiles, Times, WorkerConfig};

use crate::interrupt::Interrupt;

/// Runs one service until Ctrl-C.
#[derive(Args, Debug)]
pub(crate) struct Service {
    #[command(subcommand)]
    name: Name,
}

#[derive(Subcommand, Debug)]
enum Name {
    /// The ledger: accounts.inbox to accounts.events
    Accounts(Workers),
    /// The sagas of payments: payments.inbox to payments.events
    Payments(Workers),
    /// The fraud service's first hop, by customer: fraud.inbox to fraud.events
    Fraud(Workers),
    /// The fraud service's second hop, by payee, which decides: fraud-payees.inbox to fraud-payees.events
    FraudPayees(Workers),
    /// Money laundering, as alerts: laundering.inbox to laundering.events, fed from accounts.events
    Laundering(Workers),
    /// The HTTP API, on loopback only: there is no sign-in yet
    Gateway(GatewayArguments),
    /// The ledger's read models: accounts.events to PostgreSQL
    AccountsProjection(Addresses),
    /// The payments' read model: payments.events to PostgreSQL
    PaymentsProjection(Addresses),
    /// What followed from each wish, in every service: all events to PostgreSQL
    Timelines(Addresses),
}

/// What a projection stands between.
#[derive(Args, Debug)]
struct Addresses {
    /// Kafka's bootstrap address
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
    brokers: String,
    /// PostgreSQL's address
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
}

/// How the gateway runs.
#[derive(Args, Debug)]
struct GatewayArguments {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// A further name that requests may be sent to, as their Host header has it; may be given again
    #[arg(long = "host", value_name = "HOST[:PORT]")]
    hosts: Vec<String>,
    /// Kafka's bootstrap address
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
    brokers: String,
    /// PostgreSQL's address
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    #[command(flatten)]
    key_store: super::pii::KeyStoreArguments,
    #[command(flatten)]
    master: super::pii::MasterKeyArguments,
}

/// How a service's workers run.
#[derive(Args, Debug)]
struct Workers {
    /// Kafka's bootstrap address
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
    brokers: String,
    /// Name of this instance among the service's instances, the same at every start
    #[arg(long, default_value = "a")]
    instance: String,
    /// Worker threads
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    workers: u32,
    /// Where to keep snapshots of the state: a directory, or the URL of a bucket (s3://, gs://, az://; only in a build
    /// with the feature `cloud`). Without it, every start reads the whole log
    #[arg(long, value_name = "DIR|URL")]
    snapshots: Option<String>,
    /// Where to write, at the end, how long the records took inside this process, as JSON
    #[arg(long, value_name = "FILE")]
    times: Option<PathBuf>,
}

impl Workers {
    fn snapshots(&self) -> anyhow::Result<Option<Arc<dyn SnapshotStore>>> {
        match &self.snapshots {
            Some(place) => Ok(Some(Arc::new(ObjectSnapshots::open(place)?))),
            None => Ok(None),
        }
    }
}

impl Service {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let interrupt = Interrupt::listen()?;
        match self.name {
            Name::Accounts(workers) => run::<Accounts>(workers, None, &interrupt),
            Name::Payments(workers) => run::<Payments>(workers, None, &interrupt),
            Name::Fraud(workers) => run::<Fraud>(workers, None, &interrupt),
            Name::FraudPayees(workers) => run::<FraudPayees>(workers, None, &interrupt),
            Name::Laundering(workers) => {
                let feed: StartFeed = Instance::start_relay::<LaunderingFeed>;
                run::<Laundering>(workers, Some(feed), &interrupt)
            }
            Name::Gateway(gateway) => {
                let personal_data = super::pii::personal_data(&gateway.key_store, &gateway.master)?;
                if personal_data.is_none() {
                    eprintln!(
                        "There is neither key store nor master key: remittance is refused (docs/personal-data.md)."
                    );
                }
                let gateway = Gateway::start(Options {
                    listen: gateway.listen,
                    brokers: gateway.brokers,
                    database_url: gateway.database_url,
                    personal_data,
                    limits: Limits::default(),
                    hosts: gateway.hosts,
                })?;
                println!(
                    "The API is at http://{}, on this machine only.",
                    gateway.address()
                );
                interrupt.wait_unless(|| gateway.has_failed());
                let failed = gateway.has_failed();
                gateway.stop();
                ensure!(!failed, "the gateway ended by itself");
                Ok(ExitCode::SUCCESS)
            }
            Name::AccountsProjection(at) => {
                project(Projections::ledger(&at.brokers, &at.database_url)?, &interrupt)
            }
            Name::PaymentsProjection(at) => {
                project(Projections::payments(&at.brokers, &at.database_url)?, &interrupt)
            }
            Name::Timelines(at) => {
                project(Projections::timelines(&at.brokers, &at.database_url)?, &interrupt)
            }
        }
    }
}

fn project(projections: Projections, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    interrupt.wait_unless(|| projections.has_ended());
    projections.stop()?;
    Ok(ExitCode::SUCCESS)
}

/// Starts what tells a service of what happens elsewhere.
type StartFeed = fn(&InstanceOptions) -> Result<Instance, Fault>;

fn run<S: service::Service>(
    workers: Workers,
    feed: Option<StartFeed>,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    let snapshots = workers.snapshots()?;
    let partitions = Watermarks::connect(&workers.brokers)?.partitions(S::NAMES.inbox.name)?;
    let options = InstanceOptions {
        brokers: workers.brokers,
        instance: workers.instance,
        workers: workers.workers,
        snapshots,
        worker: WorkerConfig::local(i32::try_from(partitions.len())?),
    };
    let mut instances = vec![Instance::start::<S>(&options)?];
    if let Some(start) = feed {
        instances.push(start(&options)?);
    }
    interrupt.wait_unless(|| instances.iter().any(Instance::has_failed));
    let statuses: Vec<_> = instances.iter().flat_map(Instance::statuses).cloned().collect();
    for reason in instances.into_iter().flat_map(Instance::stop) {
        if let StopReason::Failed(fault) = reason {
            bail!("a worker stopped: {fault}");
        }
    }
    if let Some(file) = workers.times {
        let mut times = Times::default();
        for status in &statuses {
            times.add(&status.times());
        }
        let told = serde_json::to_vec_pretty(&TimesTold {
            in_handler: times.in_handler(),
            poll_to_commit: times.poll_to_commit(),
        })?;
        std::fs::write(&file, told).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Microseconds that the records of one process took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct TimesTold {
    /// Read, decided, encoded and folded: without queue and commit.
    pub(crate) in_handler: Quantiles,
    pub(crate) poll_to_commit: Quantiles,
}
