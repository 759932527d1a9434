//! The bank's read models, each kept up by a thread of this process.

use std::thread::JoinHandle;

use anyhow::{Context, anyhow};
use tokio::sync::oneshot;
use tributary_accounts::projection::LedgerModel;
use tributary_analytics::timeline::Timeline;
use tributary_contracts::{
    accounts::AccountsEvent,
    fraud::{FraudEvent, PayeesEvent},
    payments::PaymentsEvent,
    topics::{ACCOUNTS_EVENTS, FRAUD_EVENTS, FRAUD_PAYEES_EVENTS, PAYMENTS_EVENTS, Topic},
};
use tributary_payments::projection::PaymentsModel;
use tributary_projection::{KafkaTopic, Projection, ProjectionError, ReadModel, Settings};

/// Schema of the ledger's read models.
pub const LEDGER_SCHEMA: &str = "accounts";

/// Schema of the payments' read model.
pub const PAYMENTS_SCHEMA: &str = "payments";

/// Schemas of what followed from a wish, by service.
pub const TIMELINE_SCHEMAS: [&str; 4] = [
    "timeline_accounts",
    "timeline_payments",
    "timeline_fraud",
    "timeline_fraud_payees",
];

/// Projections that run. Dropped, they stop as with [`Projections::stop`], but nobody hears how.
#[derive(Default)]
pub struct Projections(Vec<ProjectionThread>);

impl Projections {
    /// The ledger's read models.
    ///
    /// # Errors
    /// When an address can't be read, or no thread be started.
    pub fn ledger(brokers: &str, database_url: &str) -> anyhow::Result<Self> {
        let mut projections = Self::default();
        projections.start(LedgerModel, ACCOUNTS_EVENTS, LEDGER_SCHEMA, brokers, database_url)?;
        Ok(projections)
    }

    /// The payments' read model.
    ///
    /// # Errors
    /// As [`Projections::ledger`].
    pub fn payments(brokers: &str, database_url: &str) -> anyhow::Result<Self> {
        let mut projections = Self::default();
        projections.start(
            PaymentsModel,
            PAYMENTS_EVENTS,
            PAYMENTS_SCHEMA,
            brokers,
            database_url,
        )?;
        Ok(projections)
    }

    /// What followed from each wish, in every service.
    ///
    /// # Errors
    /// As [`Projections::ledger`].
    pub fn timelines(brokers: &str, database_url: &str) -> anyhow::Result<Self> {
        let [accounts, payments, fraud, payees] = TIMELINE_SCHEMAS;
        let mut all = Self::default();
        let model = Timeline::<AccountsEvent>::default();
        all.start(model, ACCOUNTS_EVENTS, accounts, brokers, database_url)?;
        let model = Timeline::<PaymentsEvent>::default();
        all.start(model, PAYMENTS_EVENTS, payments, brokers, database_url)?;
        let model = Timeline::<FraudEvent>::default();
        all.start(model, FRAUD_EVENTS, fraud, brokers, database_url)?;
        let model = Timeline::<PayeesEvent>::default();
        all.start(model, FRAUD_PAYEES_EVENTS, payees, brokers, database_url)?;
        Ok(all)
    }

    /// Everything.
    ///
    /// # Errors
    /// As [`Projections::ledger`].
    pub fn all(brokers: &str, database_url: &str) -> anyhow::Result<Self> {
        let mut all = Self::ledger(brokers, database_url)?;
        all.0.append(&mut Self::payments(brokers, database_url)?.0);
        all.0.append(&mut Self::timelines(brokers, database_url)?.0);
        Ok(all)
    }

    fn start(
        &mut self,
        model: impl ReadModel,
        topic: Topic,
        schema: &'static str,
        brokers: &str,
        database_url: &str,
    ) -> anyhow::Result<()> {
        let settings = Settings::new(database_url.parse()?, schema.parse()?);
        let topic = KafkaTopic::new(brokers.to_owned(), topic.name);
        self.0.push(ProjectionThread::start(
            schema,
            Projection::new(settings, topic, model),
        )?);
        Ok(())
    }

    /// Whether one ended by itself.
    pub fn has_ended(&self) -> bool {
        self.0.iter().any(ProjectionThread::has_ended)
    }

    /// Stops all, and says why one ended before.
    ///
    /// # Errors
    /// What it ended of.
    pub fn stop(self) -> anyhow::Result<()> {
        let ends: Vec<_> = self
            .0
            .into_iter()
            .map(|thread| (thread.schema, thread.stop()))
            .collect();
        for (schema, end) in ends {
            end.with_context(|| format!("the projection into schema {schema} stopped"))?;
        }
        Ok(())
    }
}

/// A projection on a thread with a runtime of its own.
struct ProjectionThread {
    schema: &'static str,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ProjectionError>>>,
}

impl ProjectionThread {
    fn start<M: ReadModel>(schema: &'static str, projection: Projection<M>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime.block_on(projection.run(async {
                // Asked to stop, or nobody is there any more who could ask.
                drop(stopped.await);
            }))
        };
        let thread = std::thread::Builder::new().name(schema.to_owned()).spawn(run)?;
        Ok(Self {
            schema,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Whether it ended by itself.
    fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops it, and says why it ended before.
    fn stop(mut self) -> anyhow::Result<()> {
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
