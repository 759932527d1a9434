//! Standing orders and lists of them.

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tributary_contracts::topics::PAYMENTS_EVENTS;
use tributary_ids::{AccountId, StandingOrderId};
use tributary_money::Currency;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ReadError, ReadModels, as_of, currency, decimal, positions, remittance, timestamp};
use crate::cursor;
use crate::personal::{self, Remittance};
use crate::position::Position;

/// Name of the list in its cursors.
pub(crate) const STANDING_ORDERS: &str = "standing-orders";

/// Payments that an order is shown with.
const PAYMENTS_MAX: i64 = 12;

/// A standing order. Amounts are decimal strings of its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::standing_order))]
pub(crate) struct StandingOrder {
    pub(crate) standing_order_id: Uuid,
    /// Whose order it is.
    pub(crate) customer: Uuid,
    pub(crate) debtor: Uuid,
    pub(crate) creditor: Uuid,
    /// Of the next payment.
    #[schema(examples("250.00"))]
    pub(crate) amount: String,
    /// ISO 4217.
    #[schema(examples("CZK"))]
    pub(crate) currency: String,
    /// `monthly` or `weekly`.
    #[schema(examples("monthly"))]
    pub(crate) frequency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) day_of_month: Option<i32>,
    pub(crate) start_date: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<i64>,
    /// `following`, `preceding` or `modified-following`.
    #[schema(examples("following"))]
    pub(crate) business_day_convention: String,
    /// What the debtor writes to the creditor with each payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remittance: Option<Remittance>,
    /// `active`; or, for good, `completed` or `cancelled`.
    #[schema(examples("active"))]
    pub(crate) state: String,
    /// How often it has paid, or tried to.
    pub(crate) executed: i64,
    /// The business day on which it pays next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_execution_date: Option<NaiveDate>,
    /// That day's cut-off, RFC 3339: then it pays, and until then it can be amended or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_due_at: Option<String>,
    /// Its last twelve payments, the latest first. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payments: Option<Vec<OrderPayment>>,
    /// Ties together all that follows from one wish: the order and its payments.
    pub(crate) correlation_id: Uuid,
    pub(crate) created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<String>,
    /// The standing order's last event.
    pub(crate) position: Position,
    #[serde(skip)]
    created_ms: i64,
}

impl StandingOrder {
    pub(crate) fn currency(&self) -> Result<Currency, ReadError> {
        self.currency.parse().map_err(|_| ReadError::Row("currency"))
    }
}

/// A payment that a standing order made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OrderPayment {
    /// Counted from one.
    pub(crate) occurrence: i64,
    pub(crate) payment_id: Uuid,
    pub(crate) amount: String,
    pub(crate) execution_date: NaiveDate,
    /// As of the payment; absent while it is on its way to its own partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("completed"))]
    pub(crate) state: Option<String>,
    /// Why it was rejected, returned or quarantined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
}

/// A page of standing orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::standing_order_page))]
pub(crate) struct StandingOrderPage {
    pub(crate) standing_orders: Vec<StandingOrder>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// Up to where the read model has come, by partition.
    pub(crate) as_of: Vec<Position>,
}

const ONE: &str = "SELECT * FROM payments.standing_orders WHERE order_id = $1";

const PAYMENTS_OF: &str =
    "SELECT number, payment_id, occurrence.amount, occurrence.execution_date, state, code
    FROM payments.occurrences AS occurrence LEFT JOIN payments.payments AS payment USING (payment_id)
    WHERE occurrence.order_id = $1 ORDER BY number DESC LIMIT $2";

const OF_ACCOUNT: &str = concat!(
    "SELECT ",
    as_of!("payments"),
    " AS as_of, page.* FROM (SELECT 1) AS always LEFT JOIN LATERAL (
        SELECT * FROM payments.standing_orders
        WHERE debtor = $1 AND ($2::bigint IS NULL OR created_ms < $2 OR (created_ms = $2 AND order_id > $3))
        ORDER BY created_ms DESC, order_id LIMIT $4) AS page ON true
     ORDER BY created_ms DESC, order_id"
);

impl ReadModels {
    /// A standing order; none where there is none of that id.
    pub(crate) async fn standing_order(
        &self,
        order: StandingOrderId,
    ) -> Result<Option<StandingOrder>, ReadError> {
        let row = sqlx::query(ONE).bind(order.0).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let currency = currency(&row)?;
        let payments = sqlx::query(PAYMENTS_OF)
            .bind(order.0)
            .bind(PAYMENTS_MAX)
            .fetch_all(&self.pool)
            .await?;
        let payment = |row: &PgRow| -> Result<OrderPayment, ReadError> {
            Ok(OrderPayment {
                occurrence: row.try_get("number")?,
                payment_id: row.try_get("payment_id")?,
                amount: decimal(row.try_get("amount")?, currency),
                execution_date: row.try_get("execution_date")?,
                state: row.try_get("state")?,
                code: row.try_get("code")?,
            })
        };
        let payments: Result<Vec<_>, _> = payments.iter().map(payment).collect();
        Ok(Some(StandingOrder {
            payments: Some(payments?),
            ..read(&row, order.0)?
        }))
    }

    /// A page of the orders by which an account pays.
    pub(crate) async fn standing_orders(
        &self,
        debtor: AccountId,
        after: Option<(i64, Uuid)>,
        limit: u16,
    ) -> Result<StandingOrderPage, ReadError> {
        let rows = sqlx::query(OF_ACCOUNT)
            .bind(debtor.0)
            .bind(after.map(|(created_ms, _)| created_ms))
            .bind(after.map(|(_, order)| order))
            // One more tells whether there is a next page.
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.pool)
            .await?;
        let Some(first) = rows.first() else {
            return Err(ReadError::Row("standing_orders"));
        };
        let as_of = positions(first)?;
        let mut standing_orders = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(order) = row.try_get("order_id")? {
                standing_orders.push(read(row, order)?);
            }
        }
        let more = standing_orders.len() > usize::from(limit);
        standing_orders.truncate(usize::from(limit));
        let last = standing_orders.last().filter(|_| more);
        let next_cursor =
            last.map(|order| cursor::of_payments(STANDING_ORDERS, order.created_ms, order.standing_order_id));
        Ok(StandingOrderPage {
            standing_orders,
            next_cursor,
            as_of,
        })
    }
}

fn read(row: &PgRow, standing_order_id: Uuid) -> Result<StandingOrder, ReadError> {
    let currency = currency(row)?;
    let next_due_ms: Option<i64> = row.try_get("next_due_ms")?;
    let ended_ms: Option<i64> = row.try_get("ended_ms")?;
    let created_ms = row.try_get("created_ms")?;
    Ok(StandingOrder {
        standing_order_id,
        customer: row.try_get("customer")?,
        debtor: row.try_get("debtor")?,
        creditor: row.try_get("creditor")?,
        amount: decimal(row.try_get("amount")?, currency),
        currency: currency.to_string(),
        frequency: row.try_get("frequency")?,
        day_of_month: row.try_get("day_of_month")?,
        start_date: row.try_get("start_date")?,
        end_date: row.try_get("end_date")?,
        times: row.try_get("times")?,
        business_day_convention: row.try_get("convention")?,
        remittance: remittance(row, personal::of_order(StandingOrderId(standing_order_id)))?,
        state: row.try_get("state")?,
        executed: row.try_get("executed")?,
        next_execution_date: row.try_get("next_execution_date")?,
        next_due_at: next_due_ms.map(timestamp),
        payments: None,
        correlation_id: row.try_get("correlation_id")?,
        created_at: timestamp(created_ms),
        ended_at: ended_ms.map(timestamp),
        position: Position::new(
            PAYMENTS_EVENTS.name,
            row.try_get("partition")?,
            row.try_get("last_offset")?,
        ),
        created_ms,
    })
}
