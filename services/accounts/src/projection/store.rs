//! A fold's rows from and to the tables: a statement or two a table, whatever the batch's size.

use std::collections::HashSet;

use sqlx::{PgConnection, Row, postgres::PgRow};
use tributary_contracts::accounts::AccountsEvent;
use tributary_ids::{AccountId, HoldId};
use tributary_projection::{ApplyError, CopyRows, LoggedEvent, Payload};
use uuid::Uuid;

use super::{
    copy::{self, ACCOUNT_COLUMNS, ENTRY_COLUMNS, HOLD_COLUMNS, REFUSAL_COLUMNS},
    fold::Fold,
    rows::{AccountRow, HoldRow, HoldState, block_of, block_text, direction_of, direction_text},
};

/// Loads the rows that the events touch and that are there.
pub(super) async fn load(
    database: &mut PgConnection,
    events: &[LoggedEvent<AccountsEvent>],
    fold: &mut Fold,
) -> Result<(), sqlx::Error> {
    let (mut accounts, mut holds) = (HashSet::new(), HashSet::new());
    for event in events {
        if let Payload::Service(data) = &event.envelope.data {
            accounts.extend(data.seq().map(|(account, _)| account));
            holds.extend(hold_of(data));
        }
    }
    if !accounts.is_empty() {
        load_accounts(database, accounts, fold).await?;
    }
    if !holds.is_empty() {
        load_holds(database, holds, fold).await?;
    }
    Ok(())
}

pub(super) fn hold_of(event: &AccountsEvent) -> Option<(AccountId, HoldId)> {
    match event {
        AccountsEvent::HoldPlaced(event) => Some((event.account_id, event.hold_id)),
        AccountsEvent::HoldAdjusted(event) => Some((event.account_id, event.hold_id)),
        AccountsEvent::HoldReleased(event) => Some((event.account_id, event.hold_id)),
        AccountsEvent::EntryPosted(entry) => entry.hold.map(|hold| (entry.account_id, hold.hold_id)),
        _ => None,
    }
}

async fn load_accounts(
    database: &mut PgConnection,
    touched: HashSet<AccountId>,
    fold: &mut Fold,
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = touched.iter().map(|account| account.0).collect();
    let rows = sqlx::query(
        "SELECT account_id, currency, block, overdraft_limit, closed_on, posted, pending_out, pending_in, seq,
                partition, first_offset, last_offset
         FROM accounts WHERE account_id = ANY($1)",
    )
    .bind(ids)
    .fetch_all(database)
    .await?;
    fold.accounts.reserve(touched.len());
    for row in &rows {
        fold.accounts
            .insert(AccountId(row.try_get(0)?), account_row(row)?);
    }
    Ok(())
}

fn account_row(row: &PgRow) -> Result<AccountRow, sqlx::Error> {
    let currency: &str = row.try_get(1)?;
    let block: Option<&str> = row.try_get(2)?;
    Ok(AccountRow {
        opening: None,
        currency: currency.parse().map_err(|error| unreadable(1, error))?,
        block: block.and_then(block_of),
        overdraft_limit: row.try_get(3)?,
        closed_on: row.try_get(4)?,
        posted: row.try_get(5)?,
        pending_out: row.try_get(6)?,
        pending_in: row.try_get(7)?,
        seq: row.try_get(8)?,
        partition: row.try_get(9)?,
        first_offset: row.try_get(10)?,
        last_offset: row.try_get(11)?,
    })
}

/// Somebody else wrote into the table what the model never would.
fn unreadable(column: usize, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_string(),
        source: Box::new(source),
    }
}

async fn load_holds(
    database: &mut PgConnection,
    touched: HashSet<(AccountId, HoldId)>,
    fold: &mut Fold,
) -> Result<(), sqlx::Error> {
    let accounts: Vec<Uuid> = touched.iter().map(|(account, _)| account.0).collect();
    let holds: Vec<Uuid> = touched.iter().map(|(_, hold)| hold.0).collect();
    let rows = sqlx::query(
        "SELECT account_id, hold_id, direction, state, reserved, open, adjusted::text, settled::text, released::text,
                expires_ms, partition, first_offset, last_offset
         FROM holds JOIN UNNEST($1::uuid[], $2::uuid[]) AS touched (account_id, hold_id)
              USING (account_id, hold_id)",
    )
    .bind(accounts)
    .bind(holds)
    .fetch_all(database)
    .await?;
    for row in &rows {
        let key = (AccountId(row.try_get(0)?), HoldId(row.try_get(1)?));
        fold.holds.insert(key, hold_row(row)?);
    }
    Ok(())
}

fn hold_row(row: &PgRow) -> Result<HoldRow, sqlx::Error> {
    let sum = |column: usize| -> Result<i128, sqlx::Error> {
        let text: &str = row.try_get(column)?;
        text.parse().map_err(|error| unreadable(column, error))
    };
    let missing = |column: usize| unreadable(column, std::fmt::Error);
    Ok(HoldRow {
        is_stored: true,
        direction: direction_of(row.try_get(2)?).ok_or_else(|| missing(2))?,
        state: HoldState::parse(row.try_get(3)?).ok_or_else(|| missing(3))?,
        reserved: row.try_get(4)?,
        open: row.try_get(5)?,
        adjusted: sum(6)?,
        settled: sum(7)?,
        released: sum(8)?,
        expires_ms: row.try_get(9)?,
        partition: row.try_get(10)?,
        first_offset: row.try_get(11)?,
        last_offset: row.try_get(12)?,
    })
}

/// Stores all that the batch changed: what is new is copied, what was there is updated.
pub(super) async fn store(database: &mut PgConnection, fold: &Fold) -> Result<(), ApplyError> {
    let (mut opened, mut known) = (CopyRows::default(), Vec::new());
    for (id, row) in &fold.accounts {
        match &row.opening {
            Some(opening) => copy::account(&mut opened, *id, opening, row),
            None => known.push((id.0, row)),
        }
    }
    let (mut placed, mut stored) = (CopyRows::default(), Vec::new());
    for (key, row) in &fold.holds {
        match row.is_stored {
            true => stored.push((key, row)),
            false => copy::hold(&mut placed, *key, row),
        }
    }
    opened.copy_into(database, "accounts", ACCOUNT_COLUMNS).await?;
    update_accounts(database, &known).await?;
    placed.copy_into(database, "holds", HOLD_COLUMNS).await?;
    update_holds(database, &stored).await?;
    store_gl(database, fold).await?;
    fold.entries.copy_into(database, "entries", ENTRY_COLUMNS).await?;
    fold.refusals
        .copy_into(database, "refusals", REFUSAL_COLUMNS)
        .await?;
    Ok(())
}

/// One column of rows, as an array.
fn column<'r, K, R, T>(rows: &'r [(K, &'r R)], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(|(_, row)| value(row)).collect()
}

async fn update_accounts(
    database: &mut PgConnection,
    rows: &[(Uuid, &AccountRow)],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE accounts SET status = new.status, block = new.block, overdraft_limit = new.overdraft_limit,
                closed_on = new.closed_on, posted = new.posted, pending_out = new.pending_out,
                pending_in = new.pending_in, seq = new.seq, last_offset = new.last_offset
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::date[], $6::bigint[], $7::bigint[],
                     $8::bigint[], $9::bigint[], $10::bigint[])
              AS new (account_id, status, block, overdraft_limit, closed_on, posted, pending_out, pending_in, seq,
                      last_offset)
         WHERE accounts.account_id = new.account_id",
    )
    .bind(rows.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(column(rows, AccountRow::status))
    .bind(column(rows, |row| row.block.map(block_text)))
    .bind(column(rows, |row| row.overdraft_limit))
    .bind(column(rows, |row| row.closed_on))
    .bind(column(rows, |row| row.posted))
    .bind(column(rows, |row| row.pending_out))
    .bind(column(rows, |row| row.pending_in))
    .bind(column(rows, |row| row.seq))
    .bind(column(rows, |row| row.last_offset))
    .execute(database)
    .await?;
    Ok(())
}

async fn update_holds(
    database: &mut PgConnection,
    rows: &[(&(AccountId, HoldId), &HoldRow)],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let accounts: Vec<Uuid> = rows.iter().map(|((account, _), _)| account.0).collect();
    let holds: Vec<Uuid> = rows.iter().map(|((_, hold), _)| hold.0).collect();
    sqlx::query(
        "UPDATE holds SET direction = new.direction, state = new.state, reserved = new.reserved, open = new.open,
                adjusted = new.adjusted::numeric, settled = new.settled::numeric, released = new.released::numeric,
                expires_ms = new.expires_ms, partition = new.partition, first_offset = new.first_offset,
                last_offset = new.last_offset
         FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
                     $8::text[], $9::text[], $10::bigint[], $11::int[], $12::bigint[], $13::bigint[])
              AS new (account_id, hold_id, direction, state, reserved, open, adjusted, settled, released, expires_ms,
                      partition, first_offset, last_offset)
         WHERE holds.account_id = new.account_id AND holds.hold_id = new.hold_id",
    )
    .bind(accounts)
    .bind(holds)
    .bind(column(rows, |row| direction_text(row.direction)))
    .bind(column(rows, |row| row.state.as_str()))
    .bind(column(rows, |row| row.reserved))
    .bind(column(rows, |row| row.open))
    .bind(column(rows, |row| row.adjusted.to_string()))
    .bind(column(rows, |row| row.settled.to_string()))
    .bind(column(rows, |row| row.released.to_string()))
    .bind(column(rows, |row| row.expires_ms))
    .bind(column(rows, |row| row.partition))
    .bind(column(rows, |row| row.first_offset))
    .bind(column(rows, |row| row.last_offset))
    .execute(database)
    .await?;
    Ok(())
}

async fn store_gl(database: &mut PgConnection, fold: &Fold) -> Result<(), sqlx::Error> {
    if fold.gl.is_empty() {
        return Ok(());
    }
    let accounts: Vec<String> = fold.gl.keys().map(|(account, ..)| account.to_string()).collect();
    let partitions: Vec<i32> = fold.gl.keys().map(|&(_, partition, _)| partition).collect();
    let currencies: Vec<&str> = fold.gl.keys().map(|(.., currency)| currency.code()).collect();
    let movements: Vec<String> = fold
        .gl
        .values()
        .map(|change| change.movement.to_string())
        .collect();
    let offsets: Vec<i64> = fold.gl.values().map(|change| change.last_offset).collect();
    sqlx::query(
        "INSERT INTO gl_parts (gl_account, currency, partition, balance, last_offset)
         SELECT gl_account, currency, partition, movement::numeric, last_offset
         FROM UNNEST($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[])
              AS new (gl_account, currency, partition, movement, last_offset)
         ON CONFLICT (gl_account, currency, partition) DO UPDATE
         SET balance = gl_parts.balance + EXCLUDED.balance, last_offset = EXCLUDED.last_offset",
    )
    .bind(accounts)
    .bind(currencies)
    .bind(partitions)
    .bind(movements)
    .bind(offsets)
    .execute(database)
    .await?;
    Ok(())
}
