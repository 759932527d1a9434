//! A Kafka, a PostgreSQL and every service of the bank on threads of this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::bail;
use tributary_accounts::Accounts;
use tributary_contracts::{
    laundering,
    topics::{ACCOUNTS_EVENTS, ALL, LOCAL_PARTITIONS},
};
use tributary_fraud::{Fraud, FraudPayees, Laundering, LaunderingFeed};
use tributary_gateway::{Gateway, Limits};
use tributary_local_stack::{Options, Stack};
use tributary_payments::Payments;
use tributary_stream::{
    instance::{Instance, InstanceOptions},
    kafka::{Watermarks, topics},
    log::{Fault, StopReason},
    service::Service,
    snapshot::ObjectSnapshots,
    worker::WorkerConfig,
};

use crate::{Projections, personal_data_of};

/// A running bank. Dropped without [`LocalBank::stop`], its servers are killed; nothing that was acknowledged is lost.
pub struct LocalBank {
    // In this order: services end before the servers that they stand on.
    gateway: Gateway,
    services: Vec<(&'static str, Instance)>,
    projections: Projections,
    stack: Stack,
    instances: InstanceOptions,
}

impl LocalBank {
    /// Starts the servers, creates the topics, starts the services.
    ///
    /// # Errors
    /// When a server doesn't start, topics are not as declared, or a service can't connect.
    pub fn start(options: &Options) -> anyhow::Result<Self> {
        let mut bank = Self::start_without_laundering(options)?;
        bank.start_laundering()?;
        Ok(bank)
    }

    /// The same, but for the laundering service, which nobody waits for: [`LocalBank::start_laundering`] starts it, and it
    /// catches up with what has happened until then.
    ///
    /// # Errors
    /// As [`LocalBank::start`].
    pub fn start_without_laundering(options: &Options) -> anyhow::Result<Self> {
        let mut stack = Stack::start(options)?;
        let brokers = stack.brokers();
        for change in topics::apply(&brokers, ALL, LOCAL_PARTITIONS, 1)? {
            if let topics::Change::Drifted { .. } = change {
                eprintln!("{change}");
            }
        }
        let partitions = Watermarks::connect(&brokers)?.partitions(ACCOUNTS_EVENTS.name)?;
        let snapshots = ObjectSnapshots::in_directory(stack.data_dir().join("snapshots"))?;
        let instances = InstanceOptions {
            brokers: brokers.clone(),
            instance: "local".to_owned(),
            workers: 1,
            snapshots: Some(Arc::new(snapshots)),
            worker: WorkerConfig::local(i32::try_from(partitions.len())?),
        };
        let services = vec![
            instance::<Accounts>(&instances)?,
            instance::<Payments>(&instances)?,
            instance::<Fraud>(&instances)?,
            instance::<FraudPayees>(&instances)?,
        ];
        let projections = Projections::all(&brokers, &stack.database_url())?;
        let gateway = Gateway::start(tributary_gateway::Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            brokers: stack.brokers(),
            database_url: stack.database_url(),
            personal_data: Some(personal_data_of(&mut stack)?),
            limits: Limits::default(),
            hosts: Vec::new(),
        })?;
        Ok(Self {
            gateway,
            services,
            projections,
            stack,
            instances,
        })
    }

    /// Starts the laundering service, and what feeds it from the ledger.
    ///
    /// # Errors
    /// When one of the two can't connect.
    pub fn start_laundering(&mut self) -> anyhow::Result<()> {
        let feed = Instance::start_relay::<LaunderingFeed>(&self.instances)?;
        self.services.push(instance::<Laundering>(&self.instances)?);
        self.services.push((laundering::FEED, feed));
        Ok(())
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
        if self.projections.has_ended() {
            return Some("a projection");
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
        let projections = self.projections.stop();
        let stopped = self.stack.stop()?;
        for (name, reasons) in ends {
            for reason in reasons {
                if let StopReason::Failed(fault) = reason {
                    bail!("the {name} service stopped: {fault}");
                }
            }
        }
        projections?;
        Ok(stopped)
    }
}

fn instance<S: Service>(options: &InstanceOptions) -> Result<(&'static str, Instance), Fault> {
    Ok((S::NAMES.service, Instance::start::<S>(options)?))
}
