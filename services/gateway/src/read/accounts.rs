//! Accounts and their statements.

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tributary_contracts::topics::{ACCOUNTS_EVENTS, ACCOUNTS_INBOX};
use tributary_ids::AccountId;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ReadError, ReadModels, as_of, currency, decimal, positions, timestamp};
use crate::cursor::{self, Order};
use crate::position::Position;

/// What an account holds, by phase. Amounts are decimal strings of the account's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Balances {
    /// What is booked.
    #[schema(examples("1250.00"))]
    pub(crate) posted: String,
    /// Announced, not there yet.
    #[schema(examples("0.00"))]
    pub(crate) pending_in: String,
    /// Reserved by holds.
    #[schema(examples("250.00"))]
    pub(crate) pending_out: String,
    /// Posted, plus the overdraft limit, less what is reserved.
    #[schema(examples("1000.00"))]
    pub(crate) available: String,
}

/// A customer's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::account))]
pub(crate) struct Account {
    pub(crate) account_id: Uuid,
    /// The customer.
    pub(crate) owner: Uuid,
    #[schema(examples("current"))]
    pub(crate) product: String,
    /// ISO 4217.
    #[schema(examples("CZK"))]
    pub(crate) currency: String,
    #[schema(examples("open"))]
    pub(crate) status: String,
    /// What a block stops: `debits` or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) block: Option<String>,
    #[schema(examples("0.00"))]
    pub(crate) overdraft_limit: String,
    pub(crate) balances: Balances,
    pub(crate) opened_on: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed_on: Option<NaiveDate>,
    /// The account's last event.
    pub(crate) position: Position,
    /// Up to where the read model has come, by partition.
    pub(crate) as_of: Vec<Position>,
}

/// A line of a statement: one journal entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// Number of the account's event: ascending, with gaps where events moved no money.
    pub(crate) seq: i64,
    pub(crate) entry_id: String,
    #[schema(examples("transfer-out"))]
    pub(crate) kind: String,
    /// What the account moved by, signed.
    #[schema(examples("-14.60"))]
    pub(crate) amount: String,
    pub(crate) currency: String,
    #[schema(examples("985.40"))]
    pub(crate) balance_after: String,
    pub(crate) booking_date: NaiveDate,
    /// From when it bears interest.
    pub(crate) value_date: NaiveDate,
    /// When the log got the command, RFC 3339.
    pub(crate) recorded_at: String,
    /// Booked although it left less than nothing, or in spite of a block.
    pub(crate) forced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counterparty: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// Id of the entry that this one takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reverses: Option<String>,
    /// The entry's event.
    pub(crate) position: Position,
    /// The command that caused it.
    pub(crate) command_position: Position,
}

/// A page of an account's statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::statement))]
pub(crate) struct Statement {
    pub(crate) entries: Vec<EntryView>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// Up to where the read model has come, by partition.
    pub(crate) as_of: Vec<Position>,
}

const ACCOUNT: &str = concat!(
    "SELECT ",
    as_of!("accounts"),
    " AS as_of, account.*
     FROM (SELECT 1) AS always LEFT JOIN accounts.accounts AS account ON account_id = $1"
);

macro_rules! statement {
    ($from:literal, $order:literal) => {
        concat!(
            "SELECT ",
            as_of!("accounts"),
            " AS as_of, EXISTS (SELECT FROM accounts.accounts WHERE account_id = $1) AS known, entry.*
             FROM (SELECT 1) AS always
             LEFT JOIN LATERAL (
                 SELECT seq, command_id || ':' || event_index AS entry_id, kind, movement, currency, balance_after,
                        booking_date, value_date, recorded_ms, forced, payment_id, counterparty, purpose, reference,
                        reverses, partition, event_offset, command_offset
                 FROM accounts.entries
                 WHERE account_id = $1 AND ($2::bigint IS NULL OR seq ",
            $from,
            " $2)
                 ORDER BY seq ",
            $order,
            " LIMIT $3) AS entry ON true ORDER BY seq ",
            $order
        )
    };
}

impl ReadModels {
    /// An account; none where there is none of that id.
    pub(crate) async fn account(&self, account: AccountId) -> Result<Option<Account>, ReadError> {
        let row = sqlx::query(ACCOUNT).bind(account.0).fetch_one(&self.pool).await?;
        let known: Option<Uuid> = row.try_get("account_id")?;
        known.map(|account_id| read_account(&row, account_id)).transpose()
    }

    /// A page of an account's statement; none where there is no such account.
    pub(crate) async fn statement(
        &self,
        account: AccountId,
        order: Order,
        after: Option<i64>,
        limit: u16,
    ) -> Result<Option<Statement>, ReadError> {
        let sql = match order {
            Order::Oldest => statement!(">", "ASC"),
            Order::Newest => statement!("<", "DESC"),
        };
        let rows = sqlx::query(sql)
            .bind(account.0)
            .bind(after)
            // One more tells whether there is a next page.
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.pool)
            .await?;
        let Some(first) = rows.first() else {
            return Err(ReadError::Row("statement"));
        };
        if !first.try_get::<bool, _>("known")? {
            return Ok(None);
        }
        let as_of = positions(first)?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(seq) = row.try_get("seq")? {
                entries.push(entry(row, seq)?);
            }
        }
        let more = entries.len() > usize::from(limit);
        entries.truncate(usize::from(limit));
        let last = entries.last().filter(|_| more);
        let next_cursor = last.map(|entry| cursor::of_statement(order, entry.seq));
        Ok(Some(Statement {
            entries,
            next_cursor,
            as_of,
        }))
    }
}

fn read_account(row: &PgRow, account_id: Uuid) -> Result<Account, ReadError> {
    let currency = currency(row)?;
    let posted: i64 = row.try_get("posted")?;
    let limit: i64 = row.try_get("overdraft_limit")?;
    let pending_out: i64 = row.try_get("pending_out")?;
    let pending_in: i64 = row.try_get("pending_in")?;
    // The sum may be outside 64 bits, where a decimal's 96 still hold it.
    let available = [posted, limit, -pending_out]
        .map(|minor| tributary_money::Money::new(minor, currency).to_decimal())
        .into_iter()
        .sum::<rust_decimal::Decimal>();
    Ok(Account {
        account_id,
        owner: row.try_get("owner")?,
        product: row.try_get("product")?,
        currency: currency.to_string(),
        status: row.try_get("status")?,
        block: row.try_get("block")?,
        overdraft_limit: decimal(limit, currency),
        balances: Balances {
            posted: decimal(posted, currency),
            pending_in: decimal(pending_in, currency),
            pending_out: decimal(pending_out, currency),
            available: available.to_string(),
        },
        opened_on: row.try_get("opened_on")?,
        closed_on: row.try_get("closed_on")?,
        position: Position::new(
            ACCOUNTS_EVENTS.name,
            row.try_get("partition")?,
            row.try_get("last_offset")?,
        ),
        as_of: positions(row)?,
    })
}

fn entry(row: &PgRow, seq: i64) -> Result<EntryView, ReadError> {
    let currency = currency(row)?;
    let partition = row.try_get("partition")?;
    Ok(EntryView {
        seq,
        entry_id: row.try_get("entry_id")?,
        kind: row.try_get("kind")?,
        amount: decimal(row.try_get("movement")?, currency),
        currency: currency.to_string(),
        balance_after: decimal(row.try_get("balance_after")?, currency),
        booking_date: row.try_get("booking_date")?,
        value_date: row.try_get("value_date")?,
        recorded_at: timestamp(row.try_get("recorded_ms")?),
        forced: row.try_get("forced")?,
        payment_id: row.try_get("payment_id")?,
        counterparty: row.try_get("counterparty")?,
        purpose: row.try_get("purpose")?,
        reference: row.try_get("reference")?,
        reverses: row.try_get("reverses")?,
        position: Position::new(ACCOUNTS_EVENTS.name, partition, row.try_get("event_offset")?),
        command_position: Position::new(ACCOUNTS_INBOX.name, partition, row.try_get("command_offset")?),
    })
}
