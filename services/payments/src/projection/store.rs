//! A fold's rows from and to the tables: a statement or two a table, whatever the batch's size.

use std::collections::HashSet;

use sqlx::{PgConnection, Row as _, postgres::PgRow};
use tributary_contracts::{fraud::FraudDecision, payments::PaymentsEvent, sealed::Sealed};
use tributary_ids::PaymentId;
use tributary_projection::{CopyRows, LoggedEvent, Payload, storable, text_array};
use uuid::Uuid;

use super::fold::{Begun, Fold, REFUSAL_COLUMNS, Row, State, decision_of, decision_text, kind_text};
use super::orders;

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
                fraud_reasons, fraud_rules, review_decision, case_opened, ended_ms, last_offset, booking_date
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
            let reasons: Option<Vec<String>> = row.try_get(7)?;
            let rules: Option<&str> = row.try_get(8)?;
            Some(FraudDecision {
                decision,
                reasons: reasons.unwrap_or_default().into_iter().map(Into::into).collect(),
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

/// Stores all that the batch changed: a payment that it begins is copied as it stands at the batch's end, one that was
/// there is updated.
pub(super) async fn store(database: &mut PgConnection, fold: &Fold) -> Result<(), sqlx::Error> {
    let (mut begun, mut known) = (CopyRows::default(), Vec::new());
    for (id, row) in &fold.payments {
        match &row.begun {
            Some(terms) => copy(&mut begun, *id, terms, row),
            None => known.push((id.0, row)),
        }
    }
    begun.copy_into(database, "payments", COLUMNS).await?;
    update(database, &known).await?;
    orders::store(database, &fold.orders, &fold.occurrences).await?;
    fold.refusals
        .copy_into(database, "refusals", REFUSAL_COLUMNS)
        .await
}

/// Columns of `payments`, as [`copy`] writes them.
const COLUMNS: &str = "payment_id, kind, customer, debtor, creditor, amount, currency, booking_date, \
    execution_date, due_ms, remittance, order_id, occurrence, refunds, correlation_id, initiated_ms, partition, first_offset, last_offset, \
    refunded, state, code, returned_to, \
    fraud_decision, fraud_reasons, fraud_rules, review_decision, case_opened, ended_ms";

fn copy(rows: &mut CopyRows, id: PaymentId, begun: &Begun, payment: &Row) {
    let mut row = rows.row();
    row.uuid(Some(id.0));
    row.text(Some(kind_text(begun.kind)));
    row.uuid(Some(begun.customer.0));
    row.uuid(Some(begun.debtor.0));
    row.uuid(Some(begun.creditor.0));
    row.number(payment.amount);
    row.text(Some(begun.currency.code()));
    row.date(payment.booking_date);
    row.optional_date(begun.execution_date);
    row.optional_number(begun.due_ms);
    row.text(begun.remittance.as_ref().map(Sealed::to_string).as_deref());
    row.uuid(begun.occurrence.map(|occurrence| occurrence.order_id.0));
    row.optional_number(begun.occurrence.map(|occurrence| i64::from(occurrence.number)));
    row.uuid(begun.refunds.map(|payment| payment.0));
    row.uuid(Some(begun.correlation_id));
    row.number(begun.initiated_ms);
    row.number(begun.partition);
    row.number(begun.first_offset);
    row.number(payment.last_offset);
    row.number(payment.refunded);
    row.text(Some(payment.state.as_str()));
    row.text(payment.code.as_deref());
    row.text(payment.returned_to);
    let fraud = payment.fraud.as_ref();
    row.text(fraud.map(|fraud| decision_text(fraud.decision)));
    row.text(fraud.map(reasons).as_deref());
    row.text(fraud.map(|fraud| fraud.rules.as_str()));
    row.text(payment.review);
    row.boolean(payment.case_opened);
    row.optional_number(payment.ended_ms);
    row.end();
}

fn reasons(fraud: &FraudDecision) -> String {
    text_array(fraud.reasons.iter().map(|reason| reason.as_str()))
}

/// One column of rows, as an array.
fn column<'r, T>(rows: &[(Uuid, &'r Row)], value: impl Fn(&'r Row) -> T) -> Vec<T> {
    rows.iter().map(|&(_, row)| value(row)).collect()
}

async fn update(database: &mut PgConnection, rows: &[(Uuid, &Row)]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let decisions = column(rows, |row| {
        row.fraud.as_ref().map(|fraud| decision_text(fraud.decision))
    });
    sqlx::query(
        "UPDATE payments SET refunded = new.refunded, state = new.state, code = new.code, returned_to = new.returned_to,
                fraud_decision = new.fraud_decision, fraud_reasons = new.fraud_reasons::text[],
                fraud_rules = new.fraud_rules, review_decision = new.review_decision, case_opened = new.case_opened,
                ended_ms = new.ended_ms, last_offset = new.last_offset, booking_date = new.booking_date
         FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::bool[], $11::bigint[], $12::bigint[], $13::date[])
              AS new (payment_id, refunded, state, code, returned_to, fraud_decision, fraud_reasons, fraud_rules,
                      review_decision, case_opened, ended_ms, last_offset, booking_date)
         WHERE payments.payment_id = new.payment_id",
    )
    .bind(rows.iter().map(|(id, _)| *id).collect::<Vec<_>>())
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
