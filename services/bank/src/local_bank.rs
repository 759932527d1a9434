//! A Kafka, a PostgreSQL and every service of the bank on threads of this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use anyhow::{Context, anyhow, bail};
use tokio::sync::oneshot;
use tributary_accounts::{Accounts, projection::LedgerModel};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, ALL, LOCAL_PARTITIONS};
use tributary_fraud::Fraud;
use tributary_gateway::{Gateway, Limits};
use tributary_local_stack::{Options, Stack};
use tributary_payments::Payments;
use tributary_projection::{KafkaTopic, Projection, ProjectionError, Settings};
use tributary_stream::{
    instance::{Instance, InstanceOptions},
    kafka::{Watermarks, topics},
    log::{Fault, StopReason},
    service::Service,
    worker::WorkerConfig,
};

/// Schema of the ledger's read models.
pub const LEDGER_SCHEMA: &str = "accounts";

/// A running bank. Dropped without [`LocalBank::stop`], its servers are killed; nothing that was acknowledged is lost.
pub struct LocalBank {
    // In this order: services end before the servers that they stand on.
    gateway: Gateway,
    services: Vec<(&'static str, Instance)>,
    projection: ProjectionThread,
    stack: Stack,
}

impl LocalBank {
    /// Starts the servers, creates the topics, starts the services.
    ///
    /// # Errors
    /// When a server doesn't start, topics are not as declared, or a service can't connect.
    pub fn start(options: &Options) -> anyhow::Result<Self> {
        let stack = Stack::start(options)?;
        let brokers = stack.brokers();
        for change in topics::apply(&brokers, ALL, LOCAL_PARTITIONS, 1)? {
            if let topics::Change::Drifted { .. } = change {
                eprintln!("{change}");
            }
        }
        let partitions = Watermarks::connect(&brokers)?.partitions(ACCOUNTS_EVENTS.name)?;
        let options = InstanceOptions {
            brokers: brokers.clone(),
            instance: "local".to_owned(),
            workers: 1,
            snapshots: Some(stack.data_dir().join("snapshots")),
            worker: WorkerConfig::local(i32::try_from(partitions.len())?),
        };
        let services = vec![
            instance::<Accounts>(&options)?,
            instance::<Payments>(&options)?,
            instance::<Fraud>(&options)?,
        ];
        let projection = ProjectionThread::start(brokers, &stack.database_url())?;
        let gateway = Gateway::start(tributary_gateway::Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            brokers: stack.brokers(),
            database_url: stack.database_url(),
            limits: Limits::default(),
        })?;
        Ok(Self {
            gateway,
            services,
            projection,
            stack,
        })
    }

    /// The servers.
    pub fn stack(&mut self) -> &mut Stack {
        &mut self.stack
    }

    /// Kafka's bootstrap address.
    pub fn brokers(&self) -> String {
        self.stack.brokers()
    }

    /// Where the HTTP API listens, on loopback.
    pub fn api(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// PostgreSQL's address, password included.
    pub fn database_url(&self) -> String {
        self.stack.database_url()
    }

    /// What ended by itself, if anything did: [`LocalBank::stop`] says why.
    pub fn ended(&mut self) -> Option<&'static str> {
        if let Some((name, _)) = self.services.iter().find(|(_, instance)| instance.has_failed()) {
            return Some(name);
        }
        if self.gateway.has_failed() {
            return Some("the gateway");
        }
        if self.projection.has_ended() {
            return Some("the projection");
        }
        self.stack.ended()
    }

    /// Stops services and servers. Returns whether both servers ended by themselves rather than by a kill.
    ///
    /// # Errors
    /// What made a service end before, or a server not stop.
    pub fn stop(self) -> anyhow::Result<bool> {
        self.gateway.stop();
        let ends: Vec<_> = self
            .services
            .into_iter()
            .map(|(name, instance)| (name, instance.stop()))
            .collect();
        let projection = self.projection.stop();
        let stopped = self.stack.stop()?;
        for (name, reasons) in ends {
            for reason in reasons {
                if let StopReason::Failed(fault) = reason {
                    bail!("the {name} service stopped: {fault}");
                }
            }
        }
        projection.context("the projection stopped")?;
        Ok(stopped)
    }
}

fn instance<S: Service>(options: &InstanceOptions) -> Result<(&'static str, Instance), Fault> {
    Ok((S::NAMES.service, Instance::start::<S>(options)?))
}

/// The ledger's projection on a thread with a runtime of its own.
pub struct ProjectionThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ProjectionError>>>,
}

impl ProjectionThread {
    /// # Errors
    /// When an address can't be read, or no thread be started.
    pub fn start(brokers: String, database_url: &str) -> anyhow::Result<Self> {
        let settings = Settings::new(database_url.parse()?, LEDGER_SCHEMA.parse()?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let topic = KafkaTopic::new(brokers, ACCOUNTS_EVENTS.name);
            let projection = Projection::new(settings, topic, LedgerModel);
            runtime.block_on(projection.run(async {
                // Asked to stop, or nobody is there any more who could ask.
                drop(stopped.await);
            }))
        };
        let thread = std::thread::Builder::new()
            .name("projection".to_owned())
            .spawn(run)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Whether it ended by itself.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops it, and says why it ended before.
    ///
    /// # Errors
    /// What it ended of.
    pub fn stop(mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        let thread = self
            .thread
            .take()
            .ok_or_else(|| anyhow!("it was stopped before"))?;
        thread.join().map_err(|_| anyhow!("it panicked"))??;
        Ok(())
    }
}

impl Drop for ProjectionThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its outcome is not asked for any more.
            drop(thread.join());
        }
    }
}
