//! What became of a command.

use serde::Serialize;
use sqlx::Row;
use tributary_contracts::payments::Subject;
use tributary_contracts::topics::{ACCOUNTS_EVENTS, PAYMENTS_EVENTS};
use tributary_ids::{AccountId, CommandId, PaymentId, StandingOrderId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ReadError, ReadModels};
use crate::position::Position;
use crate::wish;

/// What is known of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CommandState {
    /// The read models know nothing of it yet: it is under way, or was never sent.
    Unknown,
    Accepted,
    /// It had no effect.
    Refused,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::command_status))]
pub(crate) struct CommandStatus {
    pub(crate) command_id: Uuid,
    pub(crate) status: CommandState,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// What it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri-reference")]
    pub(crate) resource: Option<String>,
    /// How far the payment is that it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_state: Option<String>,
    /// The event that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<Position>,
}

impl CommandStatus {
    fn unknown(command: CommandId) -> Self {
        Self {
            command_id: command.0,
            status: CommandState::Unknown,
            code: None,
            detail: None,
            resource: None,
            payment_state: None,
            position: None,
        }
    }

    fn about_payment(self, payment: PaymentId, state: String) -> Self {
        Self {
            status: CommandState::Accepted,
            resource: Some(wish::payment_address(payment)),
            payment_state: Some(state),
            ..self
        }
    }
}

/// A refusal that only says that another body came under the same id is none of the command that was first.
macro_rules! refusal {
    ($schema:literal) => {
        concat!(
            "SELECT code, detail, partition, event_offset FROM ",
            $schema,
            ".refusals WHERE command_id = $1 AND code <> 'COMMAND_ID_REUSED' ORDER BY event_offset LIMIT 1"
        )
    };
}

/// The same for a standing order.
const ABOUT_ORDER: &str = "SELECT event.partition, event.event_offset
    FROM payments.standing_orders AS standing_order JOIN timeline_payments.events AS event USING (correlation_id)
    WHERE standing_order.order_id = $1 AND event.command_id = $2
      AND event.type NOT LIKE 'tributary.%'
    ORDER BY event.event_offset LIMIT 1";

/// The event of a command about a payment that was there before.
const ABOUT: &str = "SELECT event.partition, event.event_offset, payment.state
    FROM payments.payments AS payment JOIN timeline_payments.events AS event USING (correlation_id)
    WHERE payment.payment_id = $1 AND event.command_id = $2
      AND event.type NOT LIKE 'tributary.%'
    ORDER BY event.event_offset LIMIT 1";

impl ReadModels {
    /// What became of a command. `about` is what it was about, where that was there before.
    pub(crate) async fn command(
        &self,
        command: CommandId,
        about: Option<Subject>,
    ) -> Result<CommandStatus, ReadError> {
        let unknown = CommandStatus::unknown(command);
        // What it created is there: so it was accepted, whatever a later repetition got for an answer.
        for payment in [wish::payment_of(command), wish::refund_of(command)] {
            if let Some(payment) = self.payment(payment).await? {
                return Ok(CommandStatus {
                    position: Some(payment.position),
                    ..unknown.about_payment(PaymentId(payment.payment_id), payment.state)
                });
            }
        }
        if let Some(Subject::Payment(payment)) = about
            && let Some(row) = sqlx::query(ABOUT)
                .bind(payment.0)
                .bind(command.0)
                .fetch_optional(&self.pool)
                .await?
        {
            let position = (row.try_get("partition")?, row.try_get("event_offset")?);
            return Ok(CommandStatus {
                position: Some(Position::new(PAYMENTS_EVENTS.name, position.0, position.1)),
                ..unknown.about_payment(payment, row.try_get("state")?)
            });
        }
        if let Some(order) = self.standing_order(wish::standing_order_of(command)).await? {
            return Ok(CommandStatus {
                status: CommandState::Accepted,
                resource: Some(wish::standing_order_address(StandingOrderId(
                    order.standing_order_id,
                ))),
                position: Some(order.position),
                ..unknown
            });
        }
        if let Some(Subject::Order(order)) = about
            && let Some(row) = sqlx::query(ABOUT_ORDER)
                .bind(order.0)
                .bind(command.0)
                .fetch_optional(&self.pool)
                .await?
        {
            let position = (row.try_get("partition")?, row.try_get("event_offset")?);
            return Ok(CommandStatus {
                status: CommandState::Accepted,
                resource: Some(wish::standing_order_address(order)),
                position: Some(Position::new(PAYMENTS_EVENTS.name, position.0, position.1)),
                ..unknown
            });
        }
        if let Some(account) = self.account(wish::account_of(command)).await? {
            return Ok(CommandStatus {
                status: CommandState::Accepted,
                resource: Some(wish::account_address(AccountId(account.account_id))),
                position: Some(account.position),
                ..unknown
            });
        }
        let refusals = [
            (refusal!("payments"), PAYMENTS_EVENTS),
            (refusal!("accounts"), ACCOUNTS_EVENTS),
        ];
        for (sql, topic) in refusals {
            let row = sqlx::query(sql)
                .bind(command.0)
                .fetch_optional(&self.pool)
                .await?;
            if let Some(row) = row {
                let position = (row.try_get("partition")?, row.try_get("event_offset")?);
                return Ok(CommandStatus {
                    status: CommandState::Refused,
                    code: row.try_get("code")?,
                    detail: row.try_get("detail")?,
                    position: Some(Position::new(topic.name, position.0, position.1)),
                    ..unknown
                });
            }
        }
        Ok(unknown)
    }
}
