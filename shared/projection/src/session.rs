use std::{future::Future, sync::Arc, time::Duration};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tracing::warn;

use crate::{
    EventBatch, EventStream, EventTopic, LoggedEvent, Offsets, ProjectionError, ReadModel, SchemaName,
    batch::Move, layout, offsets, status::Reporter, trouble::Trouble,
};

/// How often something that takes long is reported.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Pause after a transaction that came to the log's end: what is written meanwhile shares one transaction, which costs the
/// database about the same however few rows it holds.
const GATHER: Duration = Duration::from_millis(20);

/// A connection to a schema and a stream of events that goes on where the schema's offsets stand. It lasts until the
/// first error; what is true after that, the next session reads from the database.
pub(crate) struct Session<M: ReadModel> {
    database: PgConnection,
    topic: Arc<dyn EventTopic>,
    partitions: Vec<i32>,
    stream: EventStream<M::Event>,
    /// As last read or written.
    offsets: Offsets,
    events_max: usize,
    /// Whether the last transaction came to the log's end.
    gathers: bool,
}

/// How a transaction ended that was not in error.
enum Ended {
    Committed,
    /// An offset stood elsewhere than expected: another instance moves it, or generations were swapped.
    Overtaken,
}

/// Connects with a schema as the place of all names, as a read model's connection is. Its commits don't wait for the disk:
/// if the database's server dies, rows and offsets of the last moments go together, and the events are applied again.
///
/// # Errors
/// The database's.
pub async fn connect(options: &PgConnectOptions, schema: &SchemaName) -> Result<PgConnection, sqlx::Error> {
    let options = options
        .clone()
        .application_name(&format!("projection {schema}"))
        .options([
            ("search_path", schema.as_str()),
            ("datestyle", "ISO"),
            ("synchronous_commit", "off"),
            // A plan that is kept from when a table was empty reads all of it, and compares each row with each id of a
            // batch, until the server's statistics catch up. A batch is worth a plan of its own.
            ("plan_cache_mode", "force_custom_plan"),
        ]);
    reported(
        "connecting",
        schema.as_str(),
        PgConnection::connect_with(&options),
    )
    .await
}

/// Says so as long as something doesn't end: a database may neither answer nor go away.
async fn reported<T>(what: &str, of: &str, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let mut seconds = 0;
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(REPORT_EVERY) => {
                seconds += REPORT_EVERY.as_secs();
                warn!("no progress: {what} ({of}) has taken {seconds} s");
            }
        }
    }
}

/// Looks up the topic's partitions, off tokio's threads.
pub(crate) async fn partitions(topic: &Arc<dyn EventTopic>) -> Result<Vec<i32>, Trouble> {
    let topic = Arc::clone(topic);
    match tokio::task::spawn_blocking(move || topic.partitions()).await {
        Ok(partitions) => Ok(partitions?),
        Err(error) => Err(Trouble::Passing(format!("looking up partitions failed: {error}"))),
    }
}

impl<M: ReadModel> Session<M> {
    pub(crate) async fn open(
        mut database: PgConnection,
        topic: Arc<dyn EventTopic>,
        partitions: Vec<i32>,
        events_max: usize,
    ) -> Result<Self, Trouble> {
        let offsets = layout::offsets::<M>(&mut database, topic.name(), &partitions).await?;
        let stream = start(&topic, &offsets, events_max)?;
        Ok(Self {
            database,
            topic,
            partitions,
            stream,
            offsets,
            events_max,
            gathers: false,
        })
    }

    pub(crate) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Waits for events and applies them. Returns whether nothing stood after them.
    pub(crate) async fn advance(&mut self, model: &mut M, reporter: &Reporter) -> Result<bool, Trouble> {
        if self.gathers {
            tokio::time::sleep(GATHER).await;
        }
        let mut batch = self.stream.next(self.events_max).await?;
        loop {
            if batch.leaves_gap_after(&self.offsets) {
                // Another generation that is not as far: read again what it lacks.
                self.stream = start(&self.topic, &self.offsets, self.events_max)?;
                return Ok(false);
            }
            batch.drop_applied(&self.offsets);
            let moves = batch.moves(&self.offsets);
            if moves.is_empty() {
                reporter.at(&self.offsets, 0, batch.at_end);
                return Ok(batch.at_end);
            }
            let topic = Arc::clone(&self.topic);
            match reported(
                "a transaction",
                topic.name(),
                self.transact(model, &batch, &moves),
            )
            .await?
            {
                Ended::Committed => {
                    self.offsets
                        .extend(moves.iter().map(|moved| (moved.partition, moved.next)));
                    reporter.applied(&self.offsets, batch.events.len() as u64, batch.at_end);
                    self.gathers = batch.at_end;
                    return Ok(batch.at_end);
                }
                Ended::Overtaken => {
                    reporter.overtaken();
                    self.offsets =
                        layout::offsets::<M>(&mut self.database, topic.name(), &self.partitions).await?;
                }
            }
        }
    }

    async fn transact(
        &mut self,
        model: &mut M,
        batch: &EventBatch<M::Event>,
        moves: &[Move],
    ) -> Result<Ended, Trouble> {
        let topic = self.topic.name();
        let events: &[LoggedEvent<M::Event>] = &batch.events;
        let mut transaction = self.database.begin().await?;
        let projection = layout::projection_name::<M>();
        if !offsets::advance(&mut transaction, &projection, topic, moves).await? {
            transaction.rollback().await?;
            return Ok(Ended::Overtaken);
        }
        if !events.is_empty() {
            model
                .apply(&mut transaction, events)
                .await
                .map_err(|error| Trouble::of_apply(error, topic))?;
        }
        // When its answer is lost, the next session's offsets tell whether it took place.
        transaction.commit().await?;
        Ok(Ended::Committed)
    }
}

fn start<E>(topic: &Arc<dyn EventTopic>, from: &Offsets, events_max: usize) -> Result<EventStream<E>, Trouble>
where
    E: tributary_contracts::codec::Message + Send + 'static,
{
    EventStream::start(Arc::clone(topic), from.clone(), events_max)
        .map_err(|error| Trouble::Lasting(ProjectionError::Thread(error)))
}
