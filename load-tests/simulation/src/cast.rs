//! Who plays. The production services on the production worker; a test may put a service or a log with a planted bug in
//! the place of one.

use tributary_accounts::Accounts;
use tributary_contracts::topics::{ACCOUNTS_EVENTS, PAYMENTS_EVENTS};
use tributary_fraud::{Fraud, FraudPayees, Laundering, LaunderingFeed};
use tributary_payments::Payments;
use tributary_stream::{
    log::{EventsRead, Input, Log},
    memory::{BrokerError, MemoryBroker, MemoryLog, MemoryLogSettings},
    relay::Relay,
    service::Service,
};

use crate::{
    process::{self, Process, Role},
    snapshots::{self, Follow},
};

/// The log of a simulated process: the in-memory one, or one around it that misbehaves.
pub trait SimulatedLog: Log {
    /// Whether the process died of a fault.
    fn is_crashed(&self) -> bool;

    /// The process runs: its client beats in the background.
    fn beat(&self);

    /// The worker is about to be given this. Of use to who plants a bug only.
    fn is_given(&self, _input: &Input) {}
}

impl SimulatedLog for MemoryLog {
    fn is_crashed(&self) -> bool {
        Self::is_crashed(self)
    }

    fn beat(&self) {
        Self::beat(self);
    }
}

/// Puts another log around the in-memory one, or leaves it.
pub type WrapLog = fn(MemoryLog, &MemoryBroker, &MemoryLogSettings) -> Box<dyn SimulatedLog>;

/// What a read model's projection reads of a partition of its service's events from an offset on.
pub type View = fn(&MemoryBroker, i32, i64) -> Result<EventsRead, BrokerError>;

/// A service, and how its processes see the log.
#[derive(Clone, Copy)]
pub struct Part {
    pub(crate) name: &'static str,
    pub(crate) start: fn(&MemoryBroker, Role, WrapLog) -> Box<dyn Process>,
    pub(crate) follow: fn() -> Box<dyn Follow>,
    pub(crate) wrap: WrapLog,
}

impl Part {
    /// The service on the production worker.
    pub fn of<S: Service>() -> Self {
        Self {
            name: S::NAMES.service,
            start: process::start::<S>,
            follow: snapshots::follow::<S>,
            wrap: |log, _, _| Box::new(log),
        }
    }

    /// The relay as it runs in production.
    pub fn of_relay<R: Relay>() -> Self {
        Self {
            name: R::NAME,
            start: process::start_relay::<R>,
            follow: snapshots::follow_nothing,
            wrap: |log, _, _| Box::new(log),
        }
    }

    /// The same with another log around that of its processes.
    pub fn behind(self, wrap: WrapLog) -> Self {
        Self { wrap, ..self }
    }
}

/// All who play.
#[derive(Clone, Copy)]
pub struct Cast {
    pub accounts: Part,
    pub payments: Part,
    pub fraud: Part,
    pub fraud_payees: Part,
    pub laundering: Part,
    pub laundering_feed: Part,
    /// What the ledger's read model sees.
    pub ledger_view: View,
    /// What the payments' read model sees.
    pub payments_view: View,
}

impl Cast {
    /// The bank as it is in production.
    pub fn production() -> Self {
        Self {
            accounts: Part::of::<Accounts>(),
            payments: Part::of::<Payments>(),
            fraud: Part::of::<Fraud>(),
            fraud_payees: Part::of::<FraudPayees>(),
            laundering: Part::of::<Laundering>(),
            laundering_feed: Part::of_relay::<LaunderingFeed>(),
            ledger_view: |broker, partition, from| {
                broker.read_committed_from(ACCOUNTS_EVENTS.name, partition, from)
            },
            payments_view: |broker, partition, from| {
                broker.read_committed_from(PAYMENTS_EVENTS.name, partition, from)
            },
        }
    }

    pub(crate) fn parts(&self) -> [Part; 6] {
        [
            self.accounts,
            self.payments,
            self.fraud,
            self.fraud_payees,
            self.laundering,
            self.laundering_feed,
        ]
    }
}
