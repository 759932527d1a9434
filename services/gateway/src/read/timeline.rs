//! Everything that happened for one payment, in every service.

use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::Row;
use tributary_contracts::topics::{
    ACCOUNTS_EVENTS, ACCOUNTS_INBOX, FRAUD_EVENTS, FRAUD_INBOX, PAYMENTS_EVENTS, PAYMENTS_INBOX, Topic,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ReadError, ReadModels, timestamp};
use crate::position::Position;

/// Most events of a timeline: a payment has some twenty, one that was asked for over and over has more.
const EVENTS_MAX: i64 = 1_000;

/// One event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TimelineEvent {
    #[serde(rename = "type")]
    #[schema(examples("payments.payment-completed.v1"))]
    pub(crate) kind: String,
    pub(crate) event_id: String,
    /// When the log got the record that it answers, RFC 3339.
    pub(crate) recorded_at: String,
    pub(crate) position: Position,
    /// The record that it answers.
    pub(crate) command_position: Position,
    /// As it stands in the log; the schemas are published. Amounts are minor units here.
    #[schema(value_type = Object)]
    pub(crate) data: Box<RawValue>,
}

/// A payment's events, in the order of their record times.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::timeline))]
pub(crate) struct Timeline {
    pub(crate) payment_id: Uuid,
    pub(crate) correlation_id: Uuid,
    pub(crate) events: Vec<TimelineEvent>,
    /// There are more than these.
    pub(crate) truncated: bool,
}

macro_rules! of_service {
    ($schema:literal, $number:literal) => {
        concat!(
            "SELECT ",
            $number,
            " AS service, partition, event_offset, command_offset, command_id || ':' || event_index AS event_id, type,
             recorded_ms, data::text AS data FROM ",
            $schema,
            ".events WHERE correlation_id = $1 AND recorded_ms >= $3"
        )
    };
}

const TIMELINE: &str = concat!(
    of_service!("timeline_accounts", "0"),
    " UNION ALL ",
    of_service!("timeline_payments", "1"),
    " UNION ALL ",
    of_service!("timeline_fraud", "2"),
    " ORDER BY recorded_ms, service, partition, event_offset LIMIT $2"
);

/// A standing order and all its payments are one story, which may be years long: that of one payment begins with itself.
const BEGINS: &str = "SELECT recorded_ms FROM payments.occurrences WHERE payment_id = $1";

/// Events and inbox of each service, in the order of the numbers above, which is that of the topics' names, but for fraud.
const SERVICES: [(Topic, Topic); 3] = [
    (ACCOUNTS_EVENTS, ACCOUNTS_INBOX),
    (PAYMENTS_EVENTS, PAYMENTS_INBOX),
    (FRAUD_EVENTS, FRAUD_INBOX),
];

impl ReadModels {
    /// What followed from the wish with this correlation id.
    pub(crate) async fn timeline(
        &self,
        payment_id: Uuid,
        correlation_id: Uuid,
    ) -> Result<Timeline, ReadError> {
        let begins: Option<i64> = sqlx::query_scalar(BEGINS)
            .bind(payment_id)
            .fetch_optional(&self.pool)
            .await?;
        let rows = sqlx::query(TIMELINE)
            .bind(correlation_id)
            .bind(EVENTS_MAX + 1)
            .bind(begins.unwrap_or_default())
            .fetch_all(&self.pool)
            .await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            let service: i32 = row.try_get("service")?;
            let (topic, inbox) = usize::try_from(service)
                .ok()
                .and_then(|service| SERVICES.get(service))
                .ok_or(ReadError::Row("service"))?;
            let partition = row.try_get("partition")?;
            let data: String = row.try_get("data")?;
            events.push(TimelineEvent {
                kind: row.try_get("type")?,
                event_id: row.try_get("event_id")?,
                recorded_at: timestamp(row.try_get("recorded_ms")?),
                position: Position::new(topic.name, partition, row.try_get("event_offset")?),
                command_position: Position::new(inbox.name, partition, row.try_get("command_offset")?),
                data: RawValue::from_string(data).map_err(|_| ReadError::Row("data"))?,
            });
        }
        let truncated = events.len() as i64 > EVENTS_MAX;
        events.truncate(EVENTS_MAX as usize);
        Ok(Timeline {
            payment_id,
            correlation_id,
            events,
            truncated,
        })
    }
}
