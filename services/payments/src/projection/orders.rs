//! Standing orders and their occurrences. They change seldom, so whole rows go to and from the tables as JSON, by the names of
//! their columns.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row as _};
use tributary_contracts::{
    envelope::BusinessDate,
    payments::{
        BusinessDayConvention, Frequency, Occurrence, PaymentsEvent, StandingOrderCreated, Subject, Until,
    },
    sealed::Sealed,
};
use tributary_ids::{AccountId, CustomerId, PaymentId, StandingOrderId};
use tributary_projection::{LoggedEvent, Payload};
use uuid::Uuid;

use super::{fold::Fault, in_memory::OrderState};

/// A row of `standing_orders`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OrderRow {
    order_id: StandingOrderId,
    customer: CustomerId,
    debtor: AccountId,
    creditor: AccountId,
    amount: i64,
    currency: String,
    frequency: String,
    day_of_month: Option<u8>,
    start_date: BusinessDate,
    end_date: Option<BusinessDate>,
    times: Option<u32>,
    convention: String,
    remittance: Option<String>,
    state: String,
    executed: u32,
    next_date: Option<BusinessDate>,
    next_execution_date: Option<BusinessDate>,
    next_due_ms: Option<i64>,
    correlation_id: Uuid,
    created_ms: i64,
    ended_ms: Option<i64>,
    partition: i32,
    first_offset: i64,
    last_offset: i64,
}

/// A row of `occurrences`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct OccurrenceRow {
    order_id: StandingOrderId,
    number: u32,
    payment_id: PaymentId,
    amount: i64,
    execution_date: BusinessDate,
    recorded_ms: i64,
}

/// Folds an event of an order.
pub(super) fn apply(
    orders: &mut HashMap<StandingOrderId, OrderRow>,
    event: &LoggedEvent<PaymentsEvent>,
    data: &PaymentsEvent,
) -> Result<Option<OccurrenceRow>, Fault> {
    let time_ms = event.envelope.time;
    let id = match (data, data.subject()) {
        (PaymentsEvent::StandingOrderCreated(created), _) => {
            let row = OrderRow::created(created, event);
            return match orders.insert(created.order_id, row) {
                None => Ok(None),
                Some(_) => Err(Fault::OrderExists),
            };
        }
        (PaymentsEvent::StandingOrderUnchanged(_), _) | (_, Subject::Payment(_)) => return Ok(None),
        (_, Subject::Order(id)) => id,
    };
    let row = orders.get_mut(&id).filter(|row| row.state == ACTIVE);
    let row = row.ok_or(Fault::OrderUnknown)?;
    row.last_offset = event.offset;
    match data {
        PaymentsEvent::StandingOrderAmended(amended) => {
            row.amount = amended.amount;
            row.goes_until(amended.until);
            row.goes_on(amended.next, COMPLETED, time_ms);
        }
        PaymentsEvent::StandingOrderExecuted(executed) => {
            if executed.occurrence != row.executed + 1 || row.amount != executed.amount {
                return Err(Fault::Occurrence);
            }
            row.executed = executed.occurrence;
            row.goes_on(executed.next, COMPLETED, time_ms);
            return Ok(Some(OccurrenceRow {
                order_id: id,
                number: executed.occurrence,
                payment_id: executed.payment_id,
                amount: executed.amount,
                execution_date: executed.execution_date,
                recorded_ms: time_ms,
            }));
        }
        PaymentsEvent::StandingOrderCancelled(_) => row.goes_on(None, CANCELLED, time_ms),
        _ => {}
    }
    Ok(None)
}

impl OccurrenceRow {
    /// Of its row.
    pub(super) fn key(&self) -> (StandingOrderId, u32) {
        (self.order_id, self.number)
    }
}

const ACTIVE: &str = "active";
const COMPLETED: &str = "completed";
const CANCELLED: &str = "cancelled";

impl OrderRow {
    fn created(created: &StandingOrderCreated, event: &LoggedEvent<PaymentsEvent>) -> Self {
        let (frequency, day_of_month) = match created.frequency {
            Frequency::Monthly { day } => ("monthly", Some(day)),
            Frequency::Weekly => ("weekly", None),
        };
        let convention = match created.convention {
            BusinessDayConvention::Following => "following",
            BusinessDayConvention::Preceding => "preceding",
            BusinessDayConvention::ModifiedFollowing => "modified-following",
        };
        let mut row = Self {
            order_id: created.order_id,
            customer: created.customer,
            debtor: created.debtor,
            creditor: created.creditor,
            amount: created.amount,
            currency: created.currency.to_string(),
            frequency: frequency.to_owned(),
            day_of_month,
            start_date: created.start_date,
            end_date: None,
            times: None,
            convention: convention.to_owned(),
            remittance: created.remittance.as_ref().map(Sealed::to_string),
            state: ACTIVE.to_owned(),
            executed: 0,
            next_date: None,
            next_execution_date: None,
            next_due_ms: None,
            correlation_id: event.envelope.correlation_id,
            created_ms: event.envelope.time,
            ended_ms: None,
            partition: event.partition,
            first_offset: event.offset,
            last_offset: event.offset,
        };
        row.goes_until(created.until);
        row.goes_on(Some(created.next), ACTIVE, event.envelope.time);
        row
    }

    pub(super) fn state(&self) -> OrderState {
        OrderState {
            amount: self.amount,
            executed: self.executed,
            next_due_ms: self.next_due_ms,
        }
    }

    fn goes_until(&mut self, until: Until) {
        (self.end_date, self.times) = match until {
            Until::Cancelled => (None, None),
            Until::Date(date) => (Some(date), None),
            Until::Times(times) => (None, Some(times)),
        };
    }

    /// `otherwise`: the state without a next occurrence.
    fn goes_on(&mut self, next: Option<Occurrence>, otherwise: &str, time_ms: i64) {
        self.next_date = next.map(|next| next.date);
        self.next_execution_date = next.map(|next| next.execution_date);
        self.next_due_ms = next.map(|next| next.due_at);
        if next.is_none() {
            self.state = otherwise.to_owned();
            self.ended_ms = Some(time_ms);
        }
    }
}

/// Loads the rows of the orders that the events are about and that are there.
pub(super) async fn load(
    database: &mut PgConnection,
    events: &[LoggedEvent<PaymentsEvent>],
    orders: &mut HashMap<StandingOrderId, OrderRow>,
) -> Result<(), sqlx::Error> {
    let subjects = events.iter().filter_map(|event| match &event.envelope.data {
        Payload::Service(data) => Some(data.subject()),
        Payload::Runtime(_) => None,
    });
    let touched: HashSet<Uuid> = subjects
        .filter_map(|subject| match subject {
            Subject::Order(id) => Some(id.0),
            Subject::Payment(_) => None,
        })
        .collect();
    if touched.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query("SELECT row_to_json(o)::text FROM standing_orders AS o WHERE order_id = ANY($1)")
        .bind(Vec::from_iter(touched))
        .fetch_all(database)
        .await?;
    for row in &rows {
        let row: OrderRow =
            serde_json::from_str(row.try_get(0)?).map_err(|error| sqlx::Error::ColumnDecode {
                // Somebody else wrote into the table what the model never would.
                index: "standing_orders".to_owned(),
                source: error.into(),
            })?;
        orders.insert(row.order_id, row);
    }
    Ok(())
}

/// Stores all that the batch changed.
pub(super) async fn store(
    database: &mut PgConnection,
    orders: &HashMap<StandingOrderId, OrderRow>,
    occurrences: &[OccurrenceRow],
) -> Result<(), sqlx::Error> {
    if !orders.is_empty() {
        let rows: Vec<&OrderRow> = orders.values().collect();
        sqlx::query(
            "INSERT INTO standing_orders SELECT * FROM json_populate_recordset(NULL::standing_orders, $1::text::json)
             ON CONFLICT (order_id) DO UPDATE SET amount = EXCLUDED.amount, end_date = EXCLUDED.end_date,
                    times = EXCLUDED.times, state = EXCLUDED.state, executed = EXCLUDED.executed,
                    next_date = EXCLUDED.next_date, next_execution_date = EXCLUDED.next_execution_date,
                    next_due_ms = EXCLUDED.next_due_ms, ended_ms = EXCLUDED.ended_ms,
                    last_offset = EXCLUDED.last_offset",
        )
        .bind(json(&rows)?)
        .execute(&mut *database)
        .await?;
    }
    if !occurrences.is_empty() {
        sqlx::query(
            "INSERT INTO occurrences SELECT * FROM json_populate_recordset(NULL::occurrences, $1::text::json)",
        )
        .bind(json(&occurrences)?)
        .execute(database)
        .await?;
    }
    Ok(())
}

fn json(rows: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(error.into()))
}
