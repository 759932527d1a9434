//! Where a bank on this machine keeps the keys of personal data.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tributary_gateway::PersonalData;
use tributary_local_stack::Stack;
use tributary_pii::LocalMasterKeys;

/// Database of the key store on a PostgreSQL that the bank has to itself.
pub const KEY_STORE_DATABASE: &str = "pii";

/// The file of the master keys in a stack's data directory.
pub fn master_key_file(stack: &Stack) -> PathBuf {
    stack.data_dir().join("pii.master.key")
}

/// The key store and the master key of a stack: both made when they are first needed. The key store is a database of its own
/// where the stack has a PostgreSQL of its own; in one that runs elsewhere it is a schema of the database that `DATABASE_URL`
/// names, unless `KEY_STORE_URL` names another; `PII_MASTER_KEY_FILE` counts there, too.
///
/// # Errors
/// When PostgreSQL refuses, or the master key can't be read.
pub fn personal_data_of(stack: &mut Stack) -> anyhow::Result<PersonalData> {
    let runs_elsewhere = stack.postgres().is_none();
    // What names the store of another bank must not be taken for this one's.
    let set = |name: &str| {
        let value = std::env::var(name).ok().filter(|_| runs_elsewhere);
        value.filter(|value| !value.trim().is_empty())
    };
    let master = set("PII_MASTER_KEY_FILE").map_or_else(|| master_key_file(stack), PathBuf::from);
    let master = LocalMasterKeys::read_or_create(&master)?;
    let database: PgConnectOptions = stack.database_url().parse()?;
    let key_store = match set("KEY_STORE_URL") {
        Some(url) => url.parse().context("KEY_STORE_URL is no address of PostgreSQL")?,
        None if runs_elsewhere => database,
        None => {
            create_database(&database)?;
            database.database(KEY_STORE_DATABASE)
        }
    };
    Ok(PersonalData {
        key_store,
        master: Arc::new(master),
    })
}

/// Makes the key store's database, unless it is there. Nobody else starts on this PostgreSQL, so nobody else makes it.
fn create_database(beside: &PgConnectOptions) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut database = PgConnection::connect_with(beside).await?;
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'pii')")
            .fetch_one(&mut database)
            .await?;
        if !there {
            sqlx::query("CREATE DATABASE pii").execute(&mut database).await?;
        }
        Ok(database.close().await?)
    })
}
