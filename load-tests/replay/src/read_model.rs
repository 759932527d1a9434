//! What PostgreSQL's read model says of a history's accounts, read once it has followed the log.

use std::{collections::BTreeMap, time::Duration};

use smallvec::SmallVec;
use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use tributary_contracts::{accounts::GlAccount, topics::ACCOUNTS_EVENTS};
use tributary_ids::{AccountId, CommandId};
use tributary_money::Currency;
use tributary_stream::{
    kafka::{EventReader, Watermarks},
    log::Fault,
};
use uuid::Uuid;

use crate::{clock::Moment, entry::Entry, reconciliation::ReadModelLedger};

/// How long the read model may make no progress while it is behind.
const NO_PROGRESS_MAX: Duration = Duration::from_secs(60);

/// How often it is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Accounts asked for at once.
const ACCOUNTS_AT_ONCE: usize = 2_000;

const OFFSETS: &str = "SELECT partition, min(next_offset) FROM accounts.projection_offsets \
                       WHERE topic = $1 GROUP BY partition";

const ACCOUNTS: &str = "SELECT account_id, posted FROM accounts.accounts WHERE account_id = ANY($1)";

const ENTRIES: &str = "SELECT account_id, seq, command_id, event_index, booking_date, currency, movement, \
                       balance_after, gl_accounts, gl_movements, forced \
                       FROM accounts.entries WHERE account_id = ANY($1) ORDER BY account_id, seq";

/// Why the read model couldn't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    #[error("the read model can't be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Log(Fault),
    #[error("no thread for the database: {0}")]
    Runtime(#[from] std::io::Error),
    #[error("the read model holds what no ledger has written: {0}")]
    Corrupt(&'static str),
    #[error(
        "the read model has not moved for {} s: it stands at {stored:?} of {wanted:?}; does the projection run?",
        NO_PROGRESS_MAX.as_secs()
    )]
    Stalled {
        stored: BTreeMap<i32, i64>,
        wanted: BTreeMap<i32, i64>,
    },
}

/// Waits until the read model has folded everything before these offsets, and reads what it says of the accounts.
///
/// # Errors
/// The database's, and when the read model doesn't move.
pub fn read_model(
    database_url: &str,
    accounts: impl IntoIterator<Item = AccountId>,
    wanted: &BTreeMap<i32, i64>,
) -> Result<ReadModelLedger, ReadModelError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let accounts: Vec<Uuid> = accounts.into_iter().map(|account| account.0).collect();
    runtime.block_on(async {
        let mut database = PgConnection::connect(database_url).await?;
        await_offsets(&mut database, wanted).await?;
        let mut ledger = ReadModelLedger::default();
        for some in accounts.chunks(ACCOUNTS_AT_ONCE) {
            for row in sqlx::query(ACCOUNTS).bind(some).fetch_all(&mut database).await? {
                ledger
                    .accounts
                    .push((AccountId(row.try_get(0)?), row.try_get(1)?));
            }
            for row in sqlx::query(ENTRIES).bind(some).fetch_all(&mut database).await? {
                ledger.entries.push(entry(&row)?);
            }
        }
        Ok(ledger)
    })
}

/// Waits until the read model has folded everything that is in the log now.
///
/// # Errors
/// The log's and the database's, and when the read model doesn't move.
pub fn await_read_model(brokers: &str, database_url: &str) -> Result<(), ReadModelError> {
    let next = last_offsets(brokers).map_err(ReadModelError::Log)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut database = PgConnection::connect(database_url).await?;
        await_offsets(&mut database, &next).await
    })
}

/// The offset after the last committed event of each partition that has any: markers behind it are nobody's business.
fn last_offsets(brokers: &str) -> Result<BTreeMap<i32, i64>, Fault> {
    let starts = Watermarks::connect(brokers)?.starts(ACCOUNTS_EVENTS.name)?;
    let mut reader = EventReader::open(brokers, ACCOUNTS_EVENTS.name, &starts)?;
    let mut next = BTreeMap::new();
    loop {
        for record in reader.poll(Duration::from_millis(500), 5_000)?.records {
            next.insert(record.partition, record.offset + 1);
        }
        if reader.at_end() {
            return Ok(next);
        }
    }
}

async fn await_offsets(
    database: &mut PgConnection,
    wanted: &BTreeMap<i32, i64>,
) -> Result<(), ReadModelError> {
    let mut moved = Moment::now();
    let mut before = BTreeMap::new();
    loop {
        let stored = stored_offsets(database).await?;
        let reached =
            |(partition, offset): (&i32, &i64)| stored.get(partition).is_some_and(|at| at >= offset);
        if wanted.iter().all(reached) {
            return Ok(());
        }
        if stored != before {
            moved = Moment::now();
        } else if moved.elapsed() > NO_PROGRESS_MAX {
            return Err(ReadModelError::Stalled {
                stored,
                wanted: wanted.clone(),
            });
        }
        before = stored;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// None at all where no projection has made its tables yet.
async fn stored_offsets(database: &mut PgConnection) -> Result<BTreeMap<i32, i64>, ReadModelError> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('accounts.projection_offsets') IS NOT NULL")
        .fetch_one(&mut *database)
        .await?;
    if !there {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query(OFFSETS)
        .bind(ACCOUNTS_EVENTS.name)
        .fetch_all(database)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

fn entry(row: &PgRow) -> Result<Entry, ReadModelError> {
    let names: Vec<String> = row.try_get("gl_accounts")?;
    let movements: Vec<i64> = row.try_get("gl_movements")?;
    let mut general: SmallVec<[(GlAccount, i64); 2]> = SmallVec::new();
    for (name, movement) in names.iter().zip(movements) {
        let account = name
            .parse()
            .map_err(|_| ReadModelError::Corrupt("an account of no chart"))?;
        general.push((account, -movement));
    }
    let currency: String = row.try_get("currency")?;
    let currency: Currency = currency
        .parse()
        .map_err(|_| ReadModelError::Corrupt("an unknown currency"))?;
    let number = |name| -> Result<i64, sqlx::Error> { row.try_get(name) };
    let index: i32 = row.try_get("event_index")?;
    let index = u32::try_from(index).map_err(|_| ReadModelError::Corrupt("a negative index"))?;
    Ok(Entry {
        id: CommandId(row.try_get("command_id")?).event(index),
        account: AccountId(row.try_get("account_id")?),
        seq: u64::try_from(number("seq")?).map_err(|_| ReadModelError::Corrupt("a negative number"))?,
        booking_date: row.try_get("booking_date")?,
        currency,
        movement: number("movement")?,
        balance_after: number("balance_after")?,
        general,
        forced: row.try_get("forced")?,
        import: None,
        payment: None,
    })
}
