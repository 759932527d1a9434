use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tributary_projection::{SchemaName, connect};

const BALANCES: &str = "COPY (
    SELECT account_id, owner, product, currency, status, block, overdraft_limit, opened_on, closed_on,
           posted, pending_out, pending_in, posted::numeric + overdraft_limit - pending_out AS available, seq
    FROM accounts ORDER BY account_id
) TO STDOUT WITH (FORMAT csv, HEADER)";

const STATEMENTS: &str = "COPY (
    SELECT account_id, seq, entry_id, booking_date, value_date, kind, amount, currency, balance_after, forced,
           payment_id, counterparty, counterparty_bank, purpose, reference, reverses, import_source, import_sequence
    FROM statements ORDER BY account_id, seq
) TO STDOUT WITH (FORMAT csv, HEADER)";

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the read model can't be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the export can't be written: {0}")]
    Write(#[from] std::io::Error),
}

/// Writes all accounts with their balances, in order of their ids, and all statements, in order of account and number,
/// as CSV with a header. Amounts are minor units. Both are of one moment, and the same books give the same bytes:
/// nothing depends on when or where they were folded.
///
/// # Errors
/// The database's and the writers'.
pub async fn export_balances(
    database: &PgConnectOptions,
    schema: &SchemaName,
    balances: &mut (impl AsyncWrite + Unpin),
    statements: &mut (impl AsyncWrite + Unpin),
) -> Result<(), ExportError> {
    let mut connection = connect(database, schema).await?;
    let mut snapshot = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    copy_out(&mut snapshot, BALANCES, balances).await?;
    copy_out(&mut snapshot, STATEMENTS, statements).await?;
    snapshot.commit().await?;
    Ok(())
}

async fn copy_out(
    database: &mut PgConnection,
    statement: &str,
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<(), ExportError> {
    let mut rows = database.copy_out_raw(statement).await?;
    while let Some(chunk) = std::future::poll_fn(|context| rows.as_mut().poll_next(context)).await {
        writer.write_all(&chunk?).await?;
    }
    writer.flush().await?;
    Ok(())
}
