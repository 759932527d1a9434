use std::{convert::Infallible, future::Future, sync::Arc};

use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::{
    EventTopic, ProjectionError, ReadModel, SchemaName, Status,
    backoff::Backoff,
    layout::{self, Standing},
    rebuild,
    session::{self, Session},
    status::Reporter,
    trouble::Trouble,
};

/// Where a read model lives, and how it is fed.
#[derive(Clone, Debug)]
pub struct Settings {
    pub database: PgConnectOptions,
    /// The schema that readers use.
    pub schema: SchemaName,
    /// Events that one transaction applies at most, about. More are faster to fold and later to see.
    pub events_max: usize,
    /// The same while a shadow schema is rebuilt, which nobody sees before its end.
    pub rebuild_events_max: usize,
}

impl Settings {
    pub fn new(database: PgConnectOptions, schema: SchemaName) -> Self {
        Self {
            database,
            schema,
            events_max: 5_000,
            rebuild_events_max: 20_000,
        }
    }
}

/// Keeps a read model up with its topic. Any number of instances may run at once; they take turns.
pub struct Projection<M> {
    settings: Settings,
    topic: Arc<dyn EventTopic>,
    model: M,
    reporter: Reporter,
}

impl<M: ReadModel> Projection<M> {
    pub fn new(settings: Settings, topic: impl EventTopic, model: M) -> Self {
        let reporter = Reporter::new(settings.schema.as_str());
        Self {
            settings,
            topic: Arc::new(topic),
            model,
            reporter,
        }
    }

    /// Follows how far it is.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.reporter.subscribe()
    }

    /// Runs until `stop` is ready. It may be dropped or killed at any moment: what isn't committed hasn't happened.
    ///
    /// Creates the model where it is missing, and rebuilds it first where an older version stands. Waits for a
    /// database or broker that is away.
    ///
    /// # Errors
    /// What doesn't go away by waiting.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), ProjectionError> {
        let Err(stopped) = tokio::select! {
            biased;
            () = stop => return Ok(()),
            stopped = self.keep_up() => stopped,
        };
        error!(schema = %self.settings.schema, code = stopped.code(), "{stopped}");
        Err(stopped)
    }

    async fn keep_up(&mut self) -> Result<Infallible, ProjectionError> {
        let mut backoff = Backoff::default();
        loop {
            let Err(trouble) = self.session(&mut backoff).await;
            let cause = match trouble {
                Trouble::Lasting(error) => return Err(error),
                Trouble::Passing(cause) => cause,
            };
            let attempts = backoff.failed();
            warn!(schema = %self.settings.schema, attempts, "the projection waits: {cause}");
            self.reporter.waiting(cause, attempts);
            backoff.wait().await;
        }
    }

    async fn session(&mut self, backoff: &mut Backoff) -> Result<Infallible, Trouble> {
        let schema = &self.settings.schema;
        let mut database = session::connect(&self.settings.database, schema).await?;
        let partitions = session::partitions(&self.topic).await?;
        match layout::standing::<M>(&mut database, schema).await? {
            None => {
                layout::create::<M>(&mut database, schema, 1, self.topic.name(), &partitions).await?;
            }
            Some(Standing { version, .. }) if version < M::VERSION => {
                self.reporter.rebuilding();
                rebuild::into_shadow(&self.settings, &self.topic, &mut self.model, &self.reporter).await?;
            }
            Some(Standing { version, .. }) if version > M::VERSION => {
                return Err(Trouble::Lasting(ProjectionError::ModelNewer {
                    schema: schema.to_string(),
                    model: M::NAME,
                    found: version,
                    known: M::VERSION,
                }));
            }
            Some(_) => {}
        }
        let topic = Arc::clone(&self.topic);
        let mut session = Session::<M>::open(database, topic, partitions, self.settings.events_max).await?;
        info!(%schema, offsets = ?session.offsets(), "the projection goes on");
        self.reporter.at(session.offsets(), 0, false);
        self.reporter.running();
        loop {
            session.advance(&mut self.model, &self.reporter).await?;
            backoff.progressed();
        }
    }
}
