//! Payments of a later day: `/v1/payments` with an `execution_date`.

use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use tributary_contracts::accounts::Details;
use tributary_contracts::payments::{CancelPayment, SchedulePayment};
use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};
use tributary_money::Money;

use super::CommandHeaders;
use super::document::CommandAnswers;
use super::payments::{Begin, NewPayment, go_on};
use crate::amount;
use crate::app::{App, Shared};
use crate::extract::{Id, Keyed};
use crate::personal;
use crate::problem::Problem;
use crate::read::Payment;
use crate::wish;

/// Schedules a payment for that day.
pub(super) async fn schedule(
    app: &App,
    keyed: &Keyed,
    id: CommandId,
    body: &NewPayment,
    amount: Money,
    execution_date: NaiveDate,
) -> Result<Response, Problem> {
    if body.booking_date.is_some() {
        let detail = "booking_date follows from execution_date";
        return Err(Problem::refused("FIELD_MALFORMED", detail));
    }
    let payment = wish::payment_of(id);
    let customer = CustomerId(body.customer);
    let place = personal::of_payment(payment);
    let command = SchedulePayment {
        payment_id: payment,
        customer,
        debtor: AccountId(body.debtor),
        creditor: AccountId(body.creditor),
        amount: amount::written(amount),
        currency: body.currency,
        execution_date,
        convention: body.business_day_convention.into(),
        remittance: app
            .seal_remittance(place, customer, body.remittance.as_ref())
            .await?,
        details: Details::default(),
    };
    let begin = Begin {
        id,
        correlation_id: id.0,
        payment,
        about: None,
        command: command.into(),
    };
    // It names all its dates: under the same key, another body is another wish.
    begin.answer(app, keyed, &|_| false).await
}

/// Cancels a scheduled payment, before the cut-off of its day.
#[utoipa::path(
    delete, path = "/v1/payments/{id}", tag = "payments", operation_id = "cancelPayment",
    params(("id" = Uuid, Path, description = "The payment"), CommandHeaders),
    responses(
        (status = 200, description = "It is cancelled.", body = Payment),
        CommandAnswers
    )
)]
pub(crate) async fn cancel(
    State(app): State<Shared>,
    Id(payment): Id,
    keyed: Keyed,
) -> Result<Response, Problem> {
    let payment_id = PaymentId(payment);
    go_on(
        &app,
        &keyed,
        payment_id,
        "cancel",
        CancelPayment { payment_id }.into(),
    )
    .await
}
