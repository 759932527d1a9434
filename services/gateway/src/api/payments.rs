//! `/v1/payments`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;
use smol_str::SmolStr;
use tributary_contracts::accounts::Details;
use tributary_contracts::payments::{
    InitiateTransfer, PaymentsCommand, RefundPayment, ResumePayment, ReviewDecision, ReviewPayment,
};
use tributary_contracts::topics::PAYMENTS_INBOX;
use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};
use tributary_money::Currency;
use tributary_pii::PersonalText;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::document::{CommandAnswers, ReadProblems};
use super::scheduled_payments;
use super::standing_orders::Convention;
use super::{CommandHeaders, InLog, Page, ReadHeaders, shown, within};
use crate::amount;
use crate::app::{App, Shared};
use crate::extract::{Id, Keyed, Parameters, Submitted, WaitFor};
use crate::outcome::{Begun, about, of_payment};
use crate::personal;
use crate::problem::Problem;
use crate::read::{PAYMENTS, Payment, PaymentList, PaymentPage, Queue, TIMELINES, Timeline};
use crate::wish::{self, Wish};

/// Longest reason: ISO 20022's `Max35Text`.
const REASON_BYTES_MAX: usize = 35;

/// A transfer between two accounts of the bank.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(crate::api::examples::new_payment))]
pub(crate) struct NewPayment {
    /// Whose payment it is: the owner of the debtor's account.
    pub(super) customer: Uuid,
    /// The account that pays.
    pub(super) debtor: Uuid,
    /// The account that is paid.
    pub(super) creditor: Uuid,
    /// A decimal above zero.
    #[schema(value_type = String, pattern = "^[0-9]+(\\.[0-9]+)?$", examples("14.60"))]
    amount: SmolStr,
    /// ISO 4217.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", examples("CZK"))]
    pub(super) currency: Currency,
    /// The business day; today in UTC where it is left out. Not with an `execution_date`.
    pub(super) booking_date: Option<NaiveDate>,
    /// A later day, at most 366 days ahead: the payment is `scheduled`, and begins at the cut-off of that day or of the
    /// business day that it is moved to. The currency must have a business-day calendar.
    #[schema(examples("2027-01-29"))]
    execution_date: Option<NaiveDate>,
    /// Where an `execution_date` goes that is no business day.
    #[serde(default)]
    pub(super) business_day_convention: Convention,
    /// What the debtor writes to the creditor: no control characters, line breaks or marks of writing direction. It is
    /// encrypted with the customer's key before it goes anywhere.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 140, examples("rent for May"))]
    pub(super) remittance: Option<PersonalText>,
}

/// Sends money from one account of the bank to another.
///
/// The answer says what became of the request, the payment's `state` what became of the payment: one that was rejected, say for
/// want of money, was created all the same. One with an `execution_date` is answered as `scheduled`.
#[utoipa::path(
    post, path = "/v1/payments", tag = "payments", operation_id = "createPayment",
    params(CommandHeaders), request_body = NewPayment,
    responses(
        (status = 201, description = "The payment has ended, in the state that it says, or is scheduled.", body = Payment,
            headers(("Location" = String, description = "The payment"))),
        (status = 200, description = "It was asked for before, by this key.", body = Payment),
        CommandAnswers
    )
)]
pub(crate) async fn pay(
    State(app): State<Shared>,
    submitted: Submitted<NewPayment>,
) -> Result<Response, Problem> {
    let Submitted { keyed, body } = submitted;
    let amount = amount::positive("amount", &body.amount, body.currency)?;
    if body.debtor == body.creditor {
        return Err(Problem::refused(
            "TRANSFER_TO_SELF",
            "debtor and creditor are the same account",
        ));
    }
    let id = wish::command_id("/v1/payments", &keyed.key);
    let payment = wish::payment_of(id);
    if let Some(execution_date) = body.execution_date {
        return scheduled_payments::schedule(&app, &keyed, id, &body, amount, execution_date).await;
    }
    let customer = CustomerId(body.customer);
    let place = personal::of_payment(payment);
    let remittance = app
        .seal_remittance(place, customer, body.remittance.as_ref())
        .await?;
    let command = PaymentsCommand::from(InitiateTransfer {
        payment_id: payment,
        customer,
        debtor: AccountId(body.debtor),
        creditor: AccountId(body.creditor),
        amount: amount::written(amount),
        currency: body.currency,
        booking_date: body.booking_date.unwrap_or_else(|| wish::today(wish::now())),
        remittance: remittance.clone(),
        details: Details::default(),
        occurrence: None,
    });
    let written = amount::written(amount);
    let is_same = |there: &Payment| {
        body.booking_date.is_none()
            && (there.customer, there.debtor, there.creditor) == (body.customer, body.debtor, body.creditor)
            && (there.amount.as_str(), there.currency.as_str()) == (written.as_str(), body.currency.code())
            && there.remittance.as_ref().map(|there| &there.sealed) == remittance.as_ref()
    };
    let begin = Begin {
        id,
        correlation_id: id.0,
        payment,
        about: None,
        command,
    };
    begin.answer(&app, &keyed, &is_same).await
}

/// A command that begins a payment.
pub(super) struct Begin {
    pub(super) id: CommandId,
    pub(super) correlation_id: Uuid,
    /// The payment that begins.
    pub(super) payment: PaymentId,
    /// The payment that it goes back to.
    pub(super) about: Option<PaymentId>,
    pub(super) command: PaymentsCommand,
}

impl Begin {
    pub(super) async fn answer(
        self,
        app: &App,
        keyed: &Keyed,
        is_same: &(dyn Fn(&Payment) -> bool + Sync),
    ) -> Result<Response, Problem> {
        // Before it is sent, or the events could come by unseen.
        let waiting = keyed
            .wait
            .map(|_| app.payments.waiters.register([self.id.0, self.payment.0]));
        let position = submit(app, self.id, self.correlation_id, keyed, &self.command).await?;
        let begun = Begun {
            command: self.id,
            payment: self.payment,
            is_same,
        };
        let mut outcome = within(keyed.wait, async {
            match waiting {
                Some(waiting) => of_payment(app, waiting, &position, begun).await,
                None => Ok(None),
            }
        })
        .await?;
        if let Some(outcome) = &mut outcome {
            outcome.reveal(app).await;
        }
        let in_log = InLog {
            command: self.id,
            position,
            resource: wish::payment_address(self.payment),
            status: wish::status_address(self.id, self.about.map(Into::into)),
        };
        Ok(in_log.answer(keyed.wait, outcome))
    }
}

pub(super) async fn submit(
    app: &App,
    id: CommandId,
    correlation_id: Uuid,
    keyed: &Keyed,
    command: &PaymentsCommand,
) -> Result<crate::position::Position, Problem> {
    let wish = Wish {
        id,
        correlation_id,
        traceparent: keyed.traceparent.as_deref(),
        topic: PAYMENTS_INBOX,
        key: command.key(),
        command,
    };
    app.submit(&app.payments, &wish).await
}

/// Shows a payment.
#[utoipa::path(
    get, path = "/v1/payments/{id}", tag = "payments", operation_id = "getPayment",
    params(("id" = Uuid, Path, description = "The payment"), ReadHeaders),
    responses(
        (status = 200, description = "The payment.", body = Payment,
            headers(("X-Position" = String, description = "The payment's last event"))),
        ReadProblems
    )
)]
pub(crate) async fn show(
    State(app): State<Shared>,
    Id(id): Id,
    wait_for: WaitFor,
) -> Result<Response, Problem> {
    app.reach(&wait_for.0, &[PAYMENTS]).await?;
    let mut payment = known(&app, PaymentId(id)).await?;
    app.reveal(std::slice::from_mut(&mut payment)).await;
    Ok(shown(vec![payment.position.clone()], payment))
}

async fn known(app: &App, payment: PaymentId) -> Result<Payment, Problem> {
    let payment = app.models.payment(payment).await?;
    payment.ok_or_else(|| app.no_payment())
}

/// Shows everything that happened for a payment, in every service, with its place in the log.
#[utoipa::path(
    get, path = "/v1/payments/{id}/timeline", tag = "payments", operation_id = "getTimeline",
    params(("id" = Uuid, Path, description = "The payment"), ReadHeaders),
    responses((status = 200, description = "The events.", body = Timeline), ReadProblems)
)]
pub(crate) async fn timeline(
    State(app): State<Shared>,
    Id(id): Id,
    wait_for: WaitFor,
) -> Result<Json<Timeline>, Problem> {
    let [accounts, payments, fraud, payees] = TIMELINES;
    app.reach(&wait_for.0, &[PAYMENTS, accounts, payments, fraud, payees])
        .await?;
    let payment = known(&app, PaymentId(id)).await?;
    Ok(Json(
        app.models
            .timeline(payment.payment_id, payment.correlation_id)
            .await?,
    ))
}

/// What is to be paid back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(crate::api::examples::new_refund))]
pub(crate) struct NewRefund {
    /// A decimal above zero, at most what was not refunded yet.
    #[schema(value_type = String, pattern = "^[0-9]+(\\.[0-9]+)?$", examples("14.60"))]
    amount: SmolStr,
    /// The payment's. ISO 4217.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", examples("CZK"))]
    currency: Currency,
    /// A code, such as `DUPL`.
    #[schema(value_type = String, min_length = 1, max_length = 35, pattern = "^[A-Za-z0-9._-]+$", examples("DUPL"))]
    reason: SmolStr,
    /// The business day; today in UTC where it is left out.
    booking_date: Option<NaiveDate>,
}

/// Pays a completed payment back, whole or in part, by a payment of its own.
#[utoipa::path(
    post, path = "/v1/payments/{id}/refunds", tag = "payments", operation_id = "refundPayment",
    params(("id" = Uuid, Path, description = "The payment to be paid back"), CommandHeaders), request_body = NewRefund,
    responses(
        (status = 201, description = "The refund has ended, in the state that it says.", body = Payment,
            headers(("Location" = String, description = "The refund"))),
        (status = 200, description = "It was asked for before, by this key.", body = Payment),
        CommandAnswers
    )
)]
pub(crate) async fn refund(
    State(app): State<Shared>,
    Id(original): Id,
    submitted: Submitted<NewRefund>,
) -> Result<Response, Problem> {
    let Submitted { keyed, body } = submitted;
    let amount = amount::positive("amount", &body.amount, body.currency)?;
    amount::name("reason", &body.reason, REASON_BYTES_MAX)?;
    let original = PaymentId(original);
    let id = wish::command_id(
        &format!("{}/refunds", wish::payment_address(original)),
        &keyed.key,
    );
    let refund = wish::refund_of(id);
    let command = PaymentsCommand::from(RefundPayment {
        payment_id: original,
        refund_id: refund,
        amount: amount::written(amount),
        currency: body.currency,
        booking_date: body.booking_date.unwrap_or_else(|| wish::today(wish::now())),
        reason: body.reason,
    });
    let written = amount::written(amount);
    let is_same = |there: &Payment| {
        body.booking_date.is_none()
            && there.refunds == Some(original.0)
            && (there.amount.as_str(), there.currency.as_str()) == (written.as_str(), body.currency.code())
    };
    let begin = Begin {
        id,
        correlation_id: id.0,
        payment: refund,
        about: Some(original),
        command,
    };
    begin.answer(&app, &keyed, &is_same).await
}

/// What an analyst finds.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(crate::api::examples::new_review))]
pub(crate) struct NewReview {
    /// `approve` or `reject`.
    decision: Verdict,
    /// A code; no free text.
    #[schema(value_type = String, min_length = 1, max_length = 35, pattern = "^[A-Za-z0-9._-]+$", examples("customer-confirmed"))]
    reason: SmolStr,
    /// With `reject`: the payment is fraud for certain, and counts as such for its payee from now on.
    #[serde(default)]
    confirms_fraud: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Approve,
    Reject,
}

/// Decides on a payment that waits for an analyst.
#[utoipa::path(
    post, path = "/v1/payments/{id}/review", tag = "payments", operation_id = "reviewPayment",
    params(("id" = Uuid, Path, description = "The payment"), CommandHeaders), request_body = NewReview,
    responses(
        (status = 200, description = "It was decided; the payment as it stands now.", body = Payment),
        CommandAnswers
    )
)]
pub(crate) async fn review(
    State(app): State<Shared>,
    Id(payment): Id,
    submitted: Submitted<NewReview>,
) -> Result<Response, Problem> {
    let Submitted { keyed, body } = submitted;
    amount::name("reason", &body.reason, REASON_BYTES_MAX)?;
    let payment_id = PaymentId(payment);
    let decision = match body.decision {
        Verdict::Approve => ReviewDecision::Approve,
        Verdict::Reject => ReviewDecision::Reject,
    };
    let command = ReviewPayment {
        payment_id,
        decision,
        reason: body.reason,
        confirms_fraud: body.confirms_fraud,
    };
    go_on(&app, &keyed, payment_id, "review", command.into()).await
}

/// Lets a quarantined payment try its step again.
#[utoipa::path(
    post, path = "/v1/payments/{id}/resume", tag = "payments", operation_id = "resumePayment",
    params(("id" = Uuid, Path, description = "The payment"), CommandHeaders),
    responses(
        (status = 200, description = "It goes on; the payment as it stands now.", body = Payment),
        CommandAnswers
    )
)]
pub(crate) async fn resume(
    State(app): State<Shared>,
    Id(payment): Id,
    keyed: Keyed,
) -> Result<Response, Problem> {
    let payment_id = PaymentId(payment);
    go_on(
        &app,
        &keyed,
        payment_id,
        "resume",
        ResumePayment { payment_id }.into(),
    )
    .await
}

/// A command that lets a payment go on. What follows from it belongs to the wish that the payment began with.
pub(super) async fn go_on(
    app: &App,
    keyed: &Keyed,
    payment: PaymentId,
    what: &str,
    command: PaymentsCommand,
) -> Result<Response, Problem> {
    let correlation_id = known(app, payment).await?.correlation_id;
    let id = wish::command_id(&format!("{}/{what}", wish::payment_address(payment)), &keyed.key);
    let waiting = keyed.wait.map(|_| app.payments.waiters.register([id.0, id.0]));
    let position = submit(app, id, correlation_id, keyed, &command).await?;
    let mut outcome = within(keyed.wait, async {
        match waiting {
            Some(waiting) => about(app, waiting, &position, id, app.models.payment(payment)).await,
            None => Ok(None),
        }
    })
    .await?;
    if let Some(outcome) = &mut outcome {
        outcome.reveal(app).await;
    }
    let in_log = InLog {
        command: id,
        position,
        resource: wish::payment_address(payment),
        status: wish::status_address(id, Some(payment.into())),
    };
    Ok(in_log.answer(keyed.wait, outcome))
}

/// Which payments wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Waiting {
    /// `in-review`: for an analyst. `quarantined`: for a person who looks into it. `scheduled`: for its day.
    #[param(inline)]
    state: Queue,
}

/// Lists the payments that wait for a person or for their day, those that wait longest first.
#[utoipa::path(
    get, path = "/v1/payments", tag = "payments", operation_id = "listWaitingPayments",
    params(Waiting, Page, ReadHeaders),
    responses((status = 200, description = "A page of payments.", body = PaymentPage), ReadProblems)
)]
pub(crate) async fn queue(
    State(app): State<Shared>,
    Parameters(waiting): Parameters<Waiting>,
    Parameters(page): Parameters<Page>,
    wait_for: WaitFor,
) -> Result<Response, Problem> {
    let list = PaymentList::Waiting(waiting.state);
    let limit = page.limit()?;
    let after = page.after(|cursor| list.cursor(cursor))?;
    app.reach(&wait_for.0, &[PAYMENTS]).await?;
    let mut page = app.models.payments(list, after, limit).await?;
    app.reveal(&mut page.payments).await;
    Ok(shown(page.as_of.clone(), page))
}
