//! A fold's rows from and to the tables: a statement or two a table, whatever the batch's size.

use std::collections::HashSet;

use sqlx::{PgConnection, Row as _, postgres::PgRow};
use tributary_contracts::{fraud::FraudDecision, payments::PaymentsEvent};
use tributary_ids::PaymentId;
use tributary_projection::{LoggedEvent, Payload, storable};
use uuid::Uuid;

use super::fold::{Begun, Fold, Refusal, Row, State, decision_of, decision_text, kind_text};
use super::orders;

/// Between reasons in one text, since arrays of arrays can't be unnested: no code holds it.
const BETWEEN_REASONS: &str = ",";

/// Loads the rows of the payments that the events are about and that are there.
pub(super) async fn load(
    database: &mut PgConnection,
    events: &[LoggedEvent<PaymentsEvent>],
    fold: &mut Fold,
) -> Result<(), sqlx::Error> {
    let mut touched = HashSet::new();
    for event in events {
        if let Payload::Service(data) = &event.envelope.data {
            touched.extend(data.payment().map(|payment| payment.0));
        }
    }
    orders::load(database, events, &mut fold.orders).await?;
    if touched.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = touched.into_iter().collect();
    let rows = sqlx::query(
        "SELECT payment_id, amount, refunded, state, code, returned_to, fraud_decision,
                array_to_string(fraud_reasons, ','), fraud_rules, review_decision, case_opened, ended_ms, last_offset,
                booking_date
         FROM payments WHERE payment_id = ANY($1)",
    )
    .bind(ids)
    .fetch_all(database)
    .await?;
    for row in &rows {
        fold.payments.insert(PaymentId(row.try_get(0)?), payment(row)?);
    }
    Ok(())
}

fn payment(row: &PgRow) -> Result<Row, sqlx::Error> {
    let known = |column: usize, known: [&'static str; 2]| -> Result<Option<&'static str>, sqlx::Error> {
        let text: Option<&str> = row.try_get(column)?;
        Ok(text.and_then(|text| known.into_iter().find(|known| *known == text)))
    };
    let decision: Option<&str> = row.try_get(6)?;
    let fraud = match decision.and_then(decision_of) {
        Some(decision) => {
            let reasons: Option<&str> = row.try_get(7)?;
            let rules: Option<&str> = row.try_get(8)?;
            let reasons = reasons.unwrap_or_default().split(BETWEEN_REASONS);
            Some(FraudDecision {
                decision,
                reasons: reasons
                    .filter(|reason| !reason.is_empty())
                    .map(Into::into)
                    .collect(),
                rules: rules.unwrap_or_default().into(),
            })
        }
        None => None,
    };
    Ok(Row {
        begun: None,
        amount: row.try_get(1)?,
        refunded: row.try_get(2)?,
        state: State::parse(row.try_get(3)?).ok_or_else(|| sqlx::Error::ColumnDecode {
            // Somebody else wrote into the table what the model never would.
            index: "state".to_owned(),
            source: "no state of a payment".into(),
        })?,
        code: row.try_get(4)?,
        returned_to: known(5, ["debtor", "suspense"])?,
        fraud,
        review: known(9, ["approve", "reject"])?,
        case_opened: row.try_get(10)?,
        ended_ms: row.try_get(11)?,
        last_offset: row.try_get(12)?,
        booking_date: row.try_get(13)?,
    })
}

/// Stores all that the batch changed.
pub(super) async fn store(database: &mut PgConnection, fold: &Fold) -> Result<(), sqlx::Error> {
    let mut begun = Vec::new();
    for (id, row) in &fold.payments {
        if let Some(terms) = &row.begun {
            begun.push((id.0, &**terms));
        }
    }
    insert_begun(database, &begun).await?;
    let rows: Vec<(Uuid, &Row)> = fold.payments.iter().map(|(id, row)| (id.0, row)).collect();
    update(database, &rows).await?;
    orders::store(database, &fold.orders, &fold.occurrences).await?;
    insert_refusals(database, &fold.refusals).await
}

/// One column of rows, as an array.
fn column<'r, R, T>(rows: &'r [(Uuid, &'r R)], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(|&(_, row)| value(row)).collect()
}

fn ids<R>(rows: &[(Uuid, &R)]) -> Vec<Uuid> {
    rows.iter().map(|&(id, _)| id).collect()
}

/// What never changes; the rest is as at the beginning, and updated behind it.
async fn insert_begun(database: &mut PgConnection, rows: &[(Uuid, &Begun)]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO payments (payment_id, kind, customer, debtor, creditor, amount, currency, booking_date, execution_date, due_ms,
                               refunds, state, case_opened, refunded, correlation_id, initiated_ms, partition, first_offset,
                               last_offset)
         SELECT payment_id, kind, customer, debtor, creditor, amount, currency, booking_date, execution_date, due_ms,
                refunds, 'pending', false, 0, correlation_id, initiated_ms, partition, first_offset, first_offset
         FROM UNNEST($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::date[],
                     $9::uuid[], $10::uuid[], $11::bigint[], $12::int[], $13::bigint[], $14::date[], $15::bigint[])
              AS new (payment_id, kind, customer, debtor, creditor, amount, currency, booking_date, refunds,
                      correlation_id, initiated_ms, partition, first_offset, execution_date, due_ms)",
    )
    .bind(ids(rows))
    .bind(column(rows, |row| kind_text(row.kind)))
    .bind(column(rows, |row| row.customer.0))
    .bind(column(rows, |row| row.debtor.0))
    .bind(column(rows, |row| row.creditor.0))
    .bind(column(rows, |row| row.amount))
    .bind(column(rows, |row| row.currency.code()))
    .bind(column(rows, |row| row.booking_date))
    .bind(column(rows, |row| row.refunds.map(|payment| payment.0)))
    .bind(column(rows, |row| row.correlation_id))
    .bind(column(rows, |row| row.initiated_ms))
    .bind(column(rows, |row| row.partition))
    .bind(column(rows, |row| row.first_offset))
    .bind(column(rows, |row| row.execution_date))
    .bind(column(rows, |row| row.due_ms))
    .execute(database)
    .await?;
    Ok(())
}

async fn update(database: &mut PgConnection, rows: &[(Uuid, &Row)]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let reasons = |fraud: &FraudDecision| {
        let reasons: Vec<&str> = fraud.reasons.iter().map(|reason| reason.as_str()).collect();
        storable(&reasons.join(BETWEEN_REASONS))
    };
    let decisions = column(rows, |row| {
        row.fraud.as_ref().map(|fraud| decision_text(fraud.decision))
    });
    sqlx::query(
        "UPDATE payments SET refunded = new.refunded, state = new.state, code = new.code, returned_to = new.returned_to,
                fraud_decision = new.fraud_decision, fraud_reasons = string_to_array(new.fraud_reasons, ','),
                fraud_rules = new.fraud_rules, review_decision = new.review_decision, case_opened = new.case_opened,
                ended_ms = new.ended_ms, last_offset = new.last_offset, booking_date = new.booking_date
         FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::bool[], $11::bigint[], $12::bigint[], $13::date[])
              AS new (payment_id, refunded, state, code, returned_to, fraud_decision, fraud_reasons, fraud_rules,
                      review_decision, case_opened, ended_ms, last_offset, booking_date)
         WHERE payments.payment_id = new.payment_id",
    )
    .bind(ids(rows))
    .bind(column(rows, |row| row.refunded))
    .bind(column(rows, |row| row.state.as_str()))
    .bind(column(rows, |row| row.code.as_deref()))
    .bind(column(rows, |row| row.returned_to))
    .bind(decisions)
    .bind(column(rows, |row| row.fraud.as_ref().map(reasons)))
    .bind(column(rows, |row| row.fraud.as_ref().map(|fraud| storable(&fraud.rules))))
    .bind(column(rows, |row| row.review))
    .bind(column(rows, |row| row.case_opened))
    .bind(column(rows, |row| row.ended_ms))
    .bind(column(rows, |row| row.last_offset))
    .bind(column(rows, |row| row.booking_date))
    .execute(database)
    .await?;
    Ok(())
}

async fn insert_refusals(database: &mut PgConnection, rows: &[Refusal]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO refusals (partition, event_offset, command_offset, command_id, kind, code, command_type, detail,
                               recorded_ms)
         SELECT * FROM UNNEST($1::int[], $2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                              $8::text[], $9::bigint[])",
    )
    .bind(rows.iter().map(|row| row.partition).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.event_offset).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.command_offset).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.command_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.kind).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.code.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.command_type.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.detail.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.recorded_ms).collect::<Vec<_>>())
    .execute(database)
    .await?;
    Ok(())
}
