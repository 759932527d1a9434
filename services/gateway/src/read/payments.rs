//! Payments and lists of them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::PgRow;
use tributary_contracts::payments::OccurrenceOf;
use tributary_contracts::topics::PAYMENTS_EVENTS;
use tributary_ids::{AccountId, PaymentId, StandingOrderId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ReadError, ReadModels, as_of, currency, decimal, positions, remittance, timestamp};
use crate::cursor;
use crate::personal::{self, Remittance};
use crate::position::Position;

/// What the fraud service decided, or its fallback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FraudView {
    /// `approve`, `review` or `decline`.
    #[schema(examples("approve"))]
    pub(crate) decision: String,
    /// Codes of the rules that spoke.
    pub(crate) reasons: Vec<String>,
    /// Name and version of the rules that decided.
    pub(crate) rules: String,
}

/// A payment and how far it is. Amounts are decimal strings of its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::payment))]
pub(crate) struct Payment {
    pub(crate) payment_id: Uuid,
    #[schema(examples("internal-transfer"))]
    pub(crate) kind: String,
    /// Whose payment it is.
    pub(crate) customer: Uuid,
    pub(crate) debtor: Uuid,
    pub(crate) creditor: Uuid,
    #[schema(examples("14.60"))]
    pub(crate) amount: String,
    /// ISO 4217.
    #[schema(examples("CZK"))]
    pub(crate) currency: String,
    /// Of a scheduled payment that has not begun: its `execution_date`.
    pub(crate) booking_date: NaiveDate,
    /// What the debtor wrote to the creditor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remittance: Option<Remittance>,
    /// The standing order that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) standing_order: Option<Uuid>,
    /// Which of the order's payments it is, counted from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) occurrence: Option<i64>,
    /// Of a payment that was scheduled: the business day of its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) execution_date: Option<NaiveDate>,
    /// That day's cut-off, RFC 3339: then it begins, and until then it can be cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) due_at: Option<String>,
    /// The payment that this one pays back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refunds: Option<Uuid>,
    /// `scheduled`, `pending`, `in-review`, `settling`, `turning-back`, `quarantined`; or, for good, `completed`, `rejected`,
    /// `returned`, `cancelled`.
    #[schema(examples("completed"))]
    pub(crate) state: String,
    /// Why it was rejected, returned or quarantined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// Where returned money went: `debtor` or `suspense`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) returned_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fraud: Option<FraudView>,
    /// What an analyst decided: `approve` or `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) review_decision: Option<String>,
    /// An answer came too late that contradicts what stood in for it.
    pub(crate) case_opened: bool,
    /// What refunds have claimed of it.
    #[schema(examples("0.00"))]
    pub(crate) refunded: String,
    /// Ties together all that follows from one wish.
    pub(crate) correlation_id: Uuid,
    /// When the log got the command, RFC 3339.
    pub(crate) initiated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<String>,
    /// The payment's last event.
    pub(crate) position: Position,
    #[serde(skip)]
    pub(crate) initiated_ms: i64,
}

impl Payment {
    /// Whether nothing changes its outcome any more.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(
            self.state.as_str(),
            "completed" | "rejected" | "returned" | "cancelled"
        )
    }

    /// Whether there is nothing to wait for now: it has ended, or its day has not come.
    pub(crate) fn rests(&self) -> bool {
        self.is_terminal() || self.state == "scheduled"
    }
}

/// A page of payments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::payment_page))]
pub(crate) struct PaymentPage {
    pub(crate) payments: Vec<Payment>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// Up to where the read model has come, by partition.
    pub(crate) as_of: Vec<Position>,
}

/// Payments that wait for a person, or for their day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Queue {
    InReview,
    Quarantined,
    Scheduled,
}

/// Which payments a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaymentList {
    /// Of which the account is debtor or creditor, newest first.
    Of(AccountId),
    /// Oldest first: who waits longest comes first.
    Waiting(Queue),
}

impl PaymentList {
    /// What the list's cursors are named by.
    fn name(self) -> &'static str {
        match self {
            Self::Of(_) => "account",
            Self::Waiting(Queue::InReview) => "in-review",
            Self::Waiting(Queue::Quarantined) => "quarantined",
            Self::Waiting(Queue::Scheduled) => "scheduled",
        }
    }

    /// Reads a cursor of this list.
    pub(crate) fn cursor(self, text: &str) -> Option<(i64, Uuid)> {
        cursor::payments(self.name(), text)
    }
}

macro_rules! payments {
    ($rows:expr, $order:literal) => {
        concat!(
            "SELECT ",
            as_of!("payments"),
            " AS as_of, payment.* FROM (SELECT 1) AS always LEFT JOIN LATERAL (",
            $rows,
            " ORDER BY ",
            $order,
            " LIMIT $4) AS payment ON true ORDER BY ",
            $order
        )
    };
}

macro_rules! of_account {
    ($side:literal) => {
        concat!(
            "(SELECT * FROM payments.payments
              WHERE ",
            $side,
            " = $1 AND ($2::bigint IS NULL OR initiated_ms < $2 OR (initiated_ms = $2 AND payment_id > $3))
              ORDER BY initiated_ms DESC, payment_id LIMIT $4)"
        )
    };
}

const OF_ACCOUNT: &str = payments!(
    concat!(
        "SELECT * FROM (",
        of_account!("debtor"),
        " UNION ALL ",
        of_account!("creditor"),
        ") AS both_sides"
    ),
    "initiated_ms DESC, payment_id"
);

macro_rules! waiting {
    ($state:literal) => {
        payments!(
            concat!(
                "SELECT * FROM payments.payments WHERE state = '",
                $state,
                "' AND $1::uuid IS NULL
                 AND ($2::bigint IS NULL OR initiated_ms > $2 OR (initiated_ms = $2 AND payment_id > $3))"
            ),
            "initiated_ms, payment_id"
        )
    };
}

const ONE: &str = "SELECT * FROM payments.payments WHERE payment_id = $1";

impl ReadModels {
    /// A payment; none where there is none of that id.
    pub(crate) async fn payment(&self, payment: PaymentId) -> Result<Option<Payment>, ReadError> {
        let row = sqlx::query(ONE)
            .bind(payment.0)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| read(&row, payment.0)).transpose()
    }

    /// A page of a list.
    pub(crate) async fn payments(
        &self,
        list: PaymentList,
        after: Option<(i64, Uuid)>,
        limit: u16,
    ) -> Result<PaymentPage, ReadError> {
        let (sql, account) = match list {
            PaymentList::Of(account) => (OF_ACCOUNT, Some(account.0)),
            PaymentList::Waiting(Queue::InReview) => (waiting!("in-review"), None),
            PaymentList::Waiting(Queue::Quarantined) => (waiting!("quarantined"), None),
            PaymentList::Waiting(Queue::Scheduled) => (waiting!("scheduled"), None),
        };
        let rows = sqlx::query(sql)
            .bind(account)
            .bind(after.map(|(initiated_ms, _)| initiated_ms))
            .bind(after.map(|(_, payment)| payment))
            // One more tells whether there is a next page.
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.pool)
            .await?;
        let Some(first) = rows.first() else {
            return Err(ReadError::Row("payments"));
        };
        let as_of = positions(first)?;
        let mut payments = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(payment) = row.try_get("payment_id")? {
                payments.push(read(row, payment)?);
            }
        }
        let more = payments.len() > usize::from(limit);
        payments.truncate(usize::from(limit));
        let last = payments.last().filter(|_| more);
        let next_cursor =
            last.map(|payment| cursor::of_payments(list.name(), payment.initiated_ms, payment.payment_id));
        Ok(PaymentPage {
            payments,
            next_cursor,
            as_of,
        })
    }
}

fn read(row: &PgRow, payment_id: Uuid) -> Result<Payment, ReadError> {
    let currency = currency(row)?;
    let fraud: Option<String> = row.try_get("fraud_decision")?;
    let fraud = match fraud {
        Some(decision) => Some(FraudView {
            decision,
            reasons: row.try_get::<Option<_>, _>("fraud_reasons")?.unwrap_or_default(),
            rules: row.try_get::<Option<_>, _>("fraud_rules")?.unwrap_or_default(),
        }),
        None => None,
    };
    let standing_order: Option<Uuid> = row.try_get("order_id")?;
    let occurrence: Option<i64> = row.try_get("occurrence")?;
    let of_order = standing_order.zip(occurrence).and_then(|(order, number)| {
        let order_id = StandingOrderId(order);
        let number = u32::try_from(number).ok()?;
        Some(OccurrenceOf { order_id, number })
    });
    let place = personal::of_payment_or_order(PaymentId(payment_id), of_order);
    let ended_ms: Option<i64> = row.try_get("ended_ms")?;
    let due_ms: Option<i64> = row.try_get("due_ms")?;
    let initiated_ms = row.try_get("initiated_ms")?;
    Ok(Payment {
        payment_id,
        kind: row.try_get("kind")?,
        customer: row.try_get("customer")?,
        debtor: row.try_get("debtor")?,
        creditor: row.try_get("creditor")?,
        amount: decimal(row.try_get("amount")?, currency),
        currency: currency.to_string(),
        booking_date: row.try_get("booking_date")?,
        remittance: remittance(row, place)?,
        standing_order,
        occurrence,
        execution_date: row.try_get("execution_date")?,
        due_at: due_ms.map(timestamp),
        refunds: row.try_get("refunds")?,
        state: row.try_get("state")?,
        code: row.try_get("code")?,
        returned_to: row.try_get("returned_to")?,
        fraud,
        review_decision: row.try_get("review_decision")?,
        case_opened: row.try_get("case_opened")?,
        refunded: decimal(row.try_get("refunded")?, currency),
        correlation_id: row.try_get("correlation_id")?,
        initiated_at: timestamp(initiated_ms),
        ended_at: ended_ms.map(timestamp),
        position: Position::new(
            PAYMENTS_EVENTS.name,
            row.try_get("partition")?,
            row.try_get("last_offset")?,
        ),
        initiated_ms,
    })
}
