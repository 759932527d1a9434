//! What every generation of a read model consists of besides the model's own tables.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::{Offsets, ProjectionError, ReadModel, SchemaName, stored_offsets, trouble::Trouble};

const DDL: &str = "
    CREATE TABLE projection (
        projection text PRIMARY KEY,
        version integer NOT NULL,
        generation bigint NOT NULL
    );
    CREATE TABLE projection_offsets (
        projection text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL CHECK (next_offset >= 0),
        PRIMARY KEY (projection, topic, partition)
    );
";

/// What stands in a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) version: i32,
    /// Counts rebuilds. The first is 1.
    pub(crate) generation: i64,
}

/// Names the model and its version in its offsets, so that a program of another version moves none of them.
pub fn projection_name<M: ReadModel>() -> String {
    format!("{}/v{}", M::NAME, M::VERSION)
}

/// What stands in the schema; nothing where no model was made there.
pub(crate) async fn standing<M: ReadModel>(
    database: &mut PgConnection,
    schema: &SchemaName,
) -> Result<Option<Standing>, Trouble> {
    let table = format!("{schema}.projection");
    // Not `to_regclass`: it may answer from a cache that hasn't heard yet of what another just committed.
    let there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                        WHERE nspname = $1 AND relname = 'projection')",
    )
    .bind(schema.as_str())
    .fetch_one(&mut *database)
    .await?;
    if !there {
        return Ok(None);
    }
    let sql = AssertSqlSafe(format!("SELECT projection, version, generation FROM {table}"));
    let Some(row) = sqlx::query(sql)
        .persistent(false)
        .fetch_optional(database)
        .await?
    else {
        return Ok(None);
    };
    let name: String = row.try_get(0)?;
    if name != M::NAME {
        return Err(Trouble::Lasting(ProjectionError::ModelOther {
            schema: schema.to_string(),
            model: M::NAME,
            found: name,
        }));
    }
    Ok(Some(Standing {
        version: row.try_get(1)?,
        generation: row.try_get(2)?,
    }))
}

/// Creates an empty model that stands at offset 0, unless one is there: of several instances that find none, one
/// creates it and the others wait.
pub(crate) async fn create<M: ReadModel>(
    database: &mut PgConnection,
    schema: &SchemaName,
    generation: i64,
    topic: &str,
    partitions: &[i32],
) -> Result<(), Trouble> {
    let mut transaction = database.begin().await?;
    lock(&mut transaction, schema).await?;
    if standing::<M>(&mut transaction, schema).await?.is_some() {
        return Ok(());
    }
    let open = format!("CREATE SCHEMA IF NOT EXISTS {schema}; SET LOCAL search_path TO {schema};");
    for statements in [open.as_str(), DDL, M::DDL] {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("INSERT INTO projection (projection, version, generation) VALUES ($1, $2, $3)")
        .persistent(false)
        .bind(M::NAME)
        .bind(M::VERSION)
        .bind(generation)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO projection_offsets (projection, topic, partition, next_offset)
         SELECT $1, $2, partition, 0 FROM UNNEST($3::int[]) AS partition",
    )
    .persistent(false)
    .bind(projection_name::<M>())
    .bind(topic)
    .bind(partitions)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Lets one transaction at a time create, swap or drop generations of a schema.
pub(crate) async fn lock(database: &mut PgConnection, schema: &SchemaName) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .persistent(false)
        .bind(format!("tributary projection {schema}"))
        .execute(database)
        .await?;
    Ok(())
}

/// The offsets of the connection's schema, which must be those of the topic's partitions.
pub(crate) async fn offsets<M: ReadModel>(
    database: &mut PgConnection,
    topic: &str,
    partitions: &[i32],
) -> Result<Offsets, Trouble> {
    let stored = stored_offsets(database, &projection_name::<M>(), topic).await?;
    if stored.keys().eq(partitions) {
        return Ok(stored);
    }
    if stored.is_empty() {
        return Err(Trouble::Passing(
            "a generation of another version was swapped in".to_owned(),
        ));
    }
    Err(Trouble::Lasting(ProjectionError::PartitionsChanged {
        topic: topic.to_owned(),
        stored,
        found: partitions.to_vec(),
    }))
}
