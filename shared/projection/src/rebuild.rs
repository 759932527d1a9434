//! A new generation of a read model, folded from offset 0 in a schema of its own while the old one serves.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tracing::{info, warn};

use crate::{
    EventTopic, Offsets, ProjectionError, ReadModel, SchemaName, Settings,
    backoff::Backoff,
    layout::{self, Standing},
    session::{self, Session},
    status::Reporter,
    trouble::Trouble,
};

/// A generation that serves now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub generation: i64,
    /// Where it stood when it began to serve.
    pub offsets: Offsets,
}

/// Rebuilds a read model from offset 0 and swaps it in. Readers see the old generation until then, and a projection
/// of the same version may go on feeding it. One that was interrupted goes on where it stopped.
///
/// # Errors
/// What doesn't go away by waiting. The old generation serves on.
pub async fn rebuild<M: ReadModel>(
    settings: &Settings,
    topic: impl EventTopic,
    mut model: M,
) -> Result<Rebuilt, ProjectionError> {
    let topic: Arc<dyn EventTopic> = Arc::new(topic);
    let reporter = Reporter::new(settings.schema.as_str());
    let mut backoff = Backoff::default();
    let wanted = loop {
        match wanted_generation::<M>(settings).await {
            Ok(generation) => break generation,
            Err(trouble) => wait(settings, &mut backoff, trouble).await?,
        }
    };
    loop {
        match into_generation(settings, &topic, &mut model, &reporter, wanted).await {
            Ok(rebuilt) => return Ok(rebuilt),
            Err(trouble) => wait(settings, &mut backoff, trouble).await?,
        }
    }
}

async fn wait(settings: &Settings, backoff: &mut Backoff, trouble: Trouble) -> Result<(), ProjectionError> {
    match trouble {
        Trouble::Lasting(error) => Err(error),
        Trouble::Passing(cause) => {
            let attempts = backoff.failed();
            warn!(schema = %settings.schema, attempts, "the rebuild waits: {cause}");
            backoff.wait().await;
            Ok(())
        }
    }
}

/// Drops what an interrupted rebuild left, if there is any.
///
/// # Errors
/// The database's.
pub async fn discard_rebuild<M: ReadModel>(settings: &Settings) -> Result<(), ProjectionError> {
    let discard = async {
        let mut database = session::connect(&settings.database, &settings.schema).await?;
        let shadow = settings
            .schema
            .shadow(next_generation::<M>(&mut database, settings).await?);
        drop_schema(&mut database, &shadow).await.map_err(Trouble::from)
    };
    discard.await.map_err(|trouble| match trouble {
        Trouble::Lasting(error) => error,
        Trouble::Passing(cause) => ProjectionError::Database(sqlx::Error::Protocol(cause)),
    })
}

async fn wanted_generation<M: ReadModel>(settings: &Settings) -> Result<i64, Trouble> {
    let mut database = session::connect(&settings.database, &settings.schema).await?;
    next_generation::<M>(&mut database, settings).await
}

async fn next_generation<M: ReadModel>(
    database: &mut PgConnection,
    settings: &Settings,
) -> Result<i64, Trouble> {
    let serving = layout::standing::<M>(database, &settings.schema).await?;
    Ok(serving.map_or(1, |serving| serving.generation + 1))
}

/// Builds the next generation.
pub(crate) async fn into_shadow<M: ReadModel>(
    settings: &Settings,
    topic: &Arc<dyn EventTopic>,
    model: &mut M,
    reporter: &Reporter,
) -> Result<Rebuilt, Trouble> {
    let wanted = wanted_generation::<M>(settings).await?;
    into_generation(settings, topic, model, reporter, wanted).await
}

async fn into_generation<M: ReadModel>(
    settings: &Settings,
    topic: &Arc<dyn EventTopic>,
    model: &mut M,
    reporter: &Reporter,
    wanted: i64,
) -> Result<Rebuilt, Trouble> {
    let mut swapping = session::connect(&settings.database, &settings.schema).await?;
    let partitions = session::partitions(topic).await?;
    if let Some(rebuilt) = swapped_in::<M>(&mut swapping, settings, topic, wanted).await? {
        return Ok(rebuilt);
    }
    let shadow = settings.schema.shadow(wanted);
    prepare::<M>(&mut swapping, &shadow, wanted, topic.name(), &partitions).await?;
    let database = session::connect(&settings.database, &shadow).await?;
    let mut session = Session::<M>::open(
        database,
        Arc::clone(topic),
        partitions,
        settings.rebuild_events_max,
    )
    .await?;
    info!(%shadow, offsets = ?session.offsets(), "the rebuild folds");
    while !session.advance(model, reporter).await? {}
    let mut rebuild = Rebuild {
        schema: &settings.schema,
        shadow: &shadow,
        generation: wanted,
        topic: topic.name(),
        session: &mut session,
        model,
        reporter,
    };
    rebuild.swap(&mut swapping).await?;
    let offsets = session.offsets().clone();
    info!(schema = %settings.schema, generation = wanted, ?offsets, "the rebuilt generation serves");
    Ok(Rebuilt {
        generation: wanted,
        offsets,
    })
}

/// Whether the wanted generation, or one after it, serves already: another rebuild, or a commit whose answer was lost.
async fn swapped_in<M: ReadModel>(
    database: &mut PgConnection,
    settings: &Settings,
    topic: &Arc<dyn EventTopic>,
    wanted: i64,
) -> Result<Option<Rebuilt>, Trouble> {
    let serving = layout::standing::<M>(database, &settings.schema).await?;
    match serving {
        Some(Standing { version, generation }) if generation >= wanted && version >= M::VERSION => {
            let projection = layout::projection_name::<M>();
            let offsets = crate::stored_offsets(database, &projection, topic.name()).await?;
            Ok(Some(Rebuilt { generation, offsets }))
        }
        _ => Ok(None),
    }
}

/// Makes the shadow, or keeps what an interrupted rebuild of the same version left there.
async fn prepare<M: ReadModel>(
    database: &mut PgConnection,
    shadow: &SchemaName,
    generation: i64,
    topic: &str,
    partitions: &[i32],
) -> Result<(), Trouble> {
    let usable = Standing {
        version: M::VERSION,
        generation,
    };
    let found = layout::standing::<M>(database, shadow).await?;
    if found.is_some_and(|found| found != usable) {
        drop_schema(database, shadow).await?;
    }
    layout::create::<M>(database, shadow, generation, topic, partitions).await
}

async fn drop_schema(database: &mut PgConnection, schema: &SchemaName) -> Result<(), sqlx::Error> {
    execute(database, format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await
}

async fn execute(database: &mut PgConnection, statements: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(database).await?;
    Ok(())
}

/// A shadow that has come to the log's end.
struct Rebuild<'r, M: ReadModel> {
    schema: &'r SchemaName,
    shadow: &'r SchemaName,
    generation: i64,
    topic: &'r str,
    session: &'r mut Session<M>,
    model: &'r mut M,
    reporter: &'r Reporter,
}

impl<M: ReadModel> Rebuild<'_, M> {
    /// In one transaction: holds the projection that feeds the old generation, catches up with it, then shuts readers
    /// out for the moment that the names need. Gives way to readers within a time-out that is below PostgreSQL's
    /// `deadlock_timeout` (1 s), so that in a deadlock it is never the reader that fails.
    async fn swap(&mut self, database: &mut PgConnection) -> Result<(), Trouble> {
        let mut transaction = database.begin().await?;
        execute(&mut transaction, "SET LOCAL lock_timeout = '500ms'".to_owned()).await?;
        layout::lock(&mut transaction, self.schema).await?;
        let serving = layout::standing::<M>(&mut transaction, self.schema).await?;
        if serving.is_some_and(|serving| serving.generation >= self.generation) {
            return Err(Trouble::Passing("another rebuild was faster".to_owned()));
        }
        if serving.is_some() {
            let (schema, offsets) = (self.schema, "projection_offsets");
            execute(
                &mut transaction,
                format!("LOCK TABLE {schema}.{offsets} IN EXCLUSIVE MODE"),
            )
            .await?;
            let served = self.served(&mut transaction).await?;
            while !reaches(self.session.offsets(), &served) {
                self.session.advance(self.model, self.reporter).await?;
            }
            let tables = tables(&mut transaction, schema).await?;
            execute(
                &mut transaction,
                format!("LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"),
            )
            .await?;
            execute(&mut transaction, format!("DROP SCHEMA {schema} CASCADE")).await?;
        }
        let (schema, shadow) = (self.schema, self.shadow);
        execute(
            &mut transaction,
            format!("ALTER SCHEMA {shadow} RENAME TO {schema}"),
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Offsets of the old generation, whatever its version.
    async fn served(&self, database: &mut PgConnection) -> Result<Offsets, sqlx::Error> {
        let schema = self.schema;
        let sql = format!(
            "SELECT partition, max(next_offset) FROM {schema}.projection_offsets WHERE topic = $1 GROUP BY partition"
        );
        let rows: Vec<(i32, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.topic)
            .fetch_all(database)
            .await?;
        Ok(rows.into_iter().collect())
    }
}

fn reaches(offsets: &Offsets, target: &Offsets) -> bool {
    target
        .iter()
        .all(|(partition, target)| offsets.get(partition).is_none_or(|offset| offset >= target))
}

/// The schema's tables, as a list for `LOCK TABLE`.
async fn tables(database: &mut PgConnection, schema: &SchemaName) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ' ORDER BY tablename)
         FROM pg_tables WHERE schemaname = $1",
    )
    .bind(schema.as_str())
    .fetch_one(database)
    .await
}
