use std::{collections::BTreeSet, ops::Range};

use sqlx::PgConnection;
use tributary_projection::Offsets;

use super::{
    Difference,
    expected::{Expected, Journal, Lines, keyed},
};
use crate::projection::copy::{ACCOUNT_COLUMNS, ENTRY_COLUMNS, HOLD_COLUMNS, REFUSAL_COLUMNS};

const GL_COLUMNS: &str = "gl_account, currency, partition, balance, last_offset";

/// Compares the tables that have a row an event, over a range of a partition's offsets.
pub(super) async fn compare_journal(
    database: &mut PgConnection,
    partition: i32,
    range: Range<i64>,
    journal: &Journal,
    differences: &mut Vec<Difference>,
) -> Result<(), sqlx::Error> {
    let Range { start, end } = range;
    for (table, columns, rows) in [
        ("entries", ENTRY_COLUMNS, &journal.entries),
        ("refusals", REFUSAL_COLUMNS, &journal.refusals),
    ] {
        let filter = format!("partition = {partition} AND event_offset >= {start} AND event_offset < {end}");
        let found = lines(database, table, columns, &filter, 2).await?;
        compare(table, &keyed(rows.as_str(), 2), &found, differences);
    }
    Ok(())
}

/// Compares the tables that have a row an account, hold or account of the general ledger.
pub(super) async fn compare_states(
    database: &mut PgConnection,
    expected: Expected,
    differences: &mut Vec<Difference>,
) -> Result<(), sqlx::Error> {
    for (table, columns, key_columns, expected) in [
        ("accounts", ACCOUNT_COLUMNS, 1, &expected.accounts),
        ("holds", HOLD_COLUMNS, 2, &expected.holds),
        ("gl_parts", GL_COLUMNS, 3, &expected.gl_parts),
    ] {
        let found = lines(database, table, columns, "true", key_columns).await?;
        compare(table, expected, &found, differences);
    }
    Ok(())
}

/// Finds rows that name a place which the read model hasn't come to.
pub(super) async fn compare_foreign_rows(
    database: &mut PgConnection,
    offsets: &Offsets,
    differences: &mut Vec<Difference>,
) -> Result<(), sqlx::Error> {
    let within: Vec<String> = offsets
        .iter()
        .map(|(partition, next)| {
            format!("(partition = {partition} AND event_offset >= 0 AND event_offset < {next})")
        })
        .collect();
    let filter = match within.is_empty() {
        true => "true".to_owned(),
        false => format!("NOT ({})", within.join(" OR ")),
    };
    for (table, columns) in [("entries", ENTRY_COLUMNS), ("refusals", REFUSAL_COLUMNS)] {
        let found = lines(database, table, columns, &filter, 2).await?;
        compare(table, &Lines::new(), &found, differences);
    }
    Ok(())
}

/// Rows as lines. Names and filter are the caller's own.
async fn lines(
    database: &mut PgConnection,
    table: &str,
    columns: &str,
    filter: &str,
    key_columns: usize,
) -> Result<Lines, sqlx::Error> {
    let statement = format!("COPY (SELECT {columns} FROM {table} WHERE {filter}) TO STDOUT");
    let mut rows = database.copy_out_raw(&statement).await?;
    let mut text = Vec::new();
    while let Some(chunk) = std::future::poll_fn(|context| rows.as_mut().poll_next(context)).await {
        text.extend_from_slice(&chunk?);
    }
    Ok(keyed(&String::from_utf8_lossy(&text), key_columns))
}

fn compare(table: &'static str, expected: &Lines, found: &Lines, differences: &mut Vec<Difference>) {
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for key in keys {
        let (expected, found) = (expected.get(key), found.get(key));
        if expected != found {
            differences.push(Difference {
                table,
                key: key.clone(),
                expected: expected.cloned(),
                found: found.cloned(),
            });
        }
    }
}
