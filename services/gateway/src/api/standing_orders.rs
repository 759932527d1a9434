//! `/v1/standing-orders`, and those of an account.

use axum::extract::State;
use axum::response::Response;
use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer};
use smol_str::SmolStr;
use tributary_contracts::accounts::Details;
use tributary_contracts::payments::{
    AmendStandingOrder, BusinessDayConvention, CancelStandingOrder, CreateStandingOrder, Frequency,
    PaymentsCommand, Until,
};
use tributary_ids::{AccountId, CommandId, CustomerId, StandingOrderId};
use tributary_money::Currency;
use tributary_pii::PersonalText;
use utoipa::ToSchema;
use uuid::Uuid;

use super::document::{CommandAnswers, ReadProblems};
use super::payments::submit;
use super::{CommandHeaders, InLog, Page, ReadHeaders, shown, within};
use crate::amount;
use crate::app::{App, Shared};
use crate::cursor;
use crate::extract::{Id, Keyed, Parameters, Submitted, WaitFor};
use crate::outcome::about;
use crate::personal;
use crate::problem::Problem;
use crate::read::{PAYMENTS, STANDING_ORDERS, StandingOrder, StandingOrderPage};
use crate::wish;

/// Where a date goes that is no business day of the currency.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Convention {
    /// To the next business day.
    #[default]
    Following,
    /// To the business day before.
    Preceding,
    /// To the next one, unless that is in another month: then to the one before.
    ModifiedFollowing,
}

impl From<Convention> for BusinessDayConvention {
    fn from(convention: Convention) -> Self {
        match convention {
            Convention::Following => Self::Following,
            Convention::Preceding => Self::Preceding,
            Convention::ModifiedFollowing => Self::ModifiedFollowing,
        }
    }
}

/// How often.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Often {
    Monthly,
    Weekly,
}

/// A transfer that is made again and again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(crate::api::examples::new_standing_order))]
pub(crate) struct NewStandingOrder {
    /// Whose order it is: the owner of the debtor's account.
    customer: Uuid,
    /// The account that pays.
    debtor: Uuid,
    /// The account that is paid.
    creditor: Uuid,
    /// Of each payment: a decimal above zero.
    #[schema(value_type = String, pattern = "^[0-9]+(\\.[0-9]+)?$", examples("250.00"))]
    amount: SmolStr,
    /// ISO 4217, one that has a business-day calendar.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", examples("CZK"))]
    currency: Currency,
    /// `monthly` or `weekly`.
    frequency: Often,
    /// Of a monthly order; the last day of a month that lacks it. That of `start_date` where it is left out.
    #[schema(minimum = 1, maximum = 31, examples(31))]
    day_of_month: Option<u8>,
    /// The first day on which it may pay, at most 366 days ahead. A weekly order pays on its weekday.
    #[schema(examples("2027-01-31"))]
    start_date: NaiveDate,
    /// The last day for which it pays.
    #[schema(examples("2027-12-31"))]
    end_date: Option<NaiveDate>,
    /// How often it pays in all, instead of an `end_date`. Without either it pays until it is cancelled.
    #[schema(minimum = 1)]
    times: Option<u32>,
    /// Where a day goes that is no business day.
    #[serde(default)]
    business_day_convention: Convention,
    /// What the debtor writes to the creditor with each payment: no control characters, line breaks or marks of writing
    /// direction. It is encrypted with the customer's key before it goes anywhere.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 140, examples("rent"))]
    remittance: Option<PersonalText>,
}

impl NewStandingOrder {
    fn frequency(&self) -> Result<Frequency, Problem> {
        match (self.frequency, self.day_of_month) {
            (Often::Monthly, day) => {
                // A day of a month fits.
                let of_start = u8::try_from(self.start_date.day()).unwrap_or(u8::MAX);
                let day = day.unwrap_or(of_start);
                Ok(Frequency::Monthly { day })
            }
            (Often::Weekly, None) => Ok(Frequency::Weekly),
            (Often::Weekly, Some(_)) => Err(Problem::refused(
                "FIELD_MALFORMED",
                "day_of_month is of monthly orders: a weekly one pays on the weekday of its start_date",
            )),
        }
    }
}

fn only_one() -> Problem {
    Problem::refused(
        "FIELD_MALFORMED",
        "end_date and times can't both say when it ends",
    )
}

/// Sets up a standing order. It pays at the cut-off of each business day that it names.
#[utoipa::path(
    post, path = "/v1/standing-orders", tag = "standing orders", operation_id = "createStandingOrder",
    params(CommandHeaders), request_body = NewStandingOrder,
    responses(
        (status = 201, description = "It was created.", body = StandingOrder,
            headers(("Location" = String, description = "The standing order"))),
        (status = 200, description = "It was asked for before, by this key.", body = StandingOrder),
        CommandAnswers
    )
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    submitted: Submitted<NewStandingOrder>,
) -> Result<Response, Problem> {
    let Submitted { keyed, body } = submitted;
    let amount = amount::positive("amount", &body.amount, body.currency)?;
    let until = match (body.end_date, body.times) {
        (None, None) => Until::Cancelled,
        (Some(date), None) => Until::Date(date),
        (None, Some(times)) => Until::Times(times),
        (Some(_), Some(_)) => return Err(only_one()),
    };
    let id = wish::command_id("/v1/standing-orders", &keyed.key);
    let order = wish::standing_order_of(id);
    let frequency = body.frequency()?;
    let customer = CustomerId(body.customer);
    let place = personal::of_order(order);
    let command = CreateStandingOrder {
        order_id: order,
        customer,
        debtor: AccountId(body.debtor),
        creditor: AccountId(body.creditor),
        amount: amount::written(amount),
        currency: body.currency,
        frequency,
        start_date: body.start_date,
        until,
        convention: body.business_day_convention.into(),
        remittance: app
            .seal_remittance(place, customer, body.remittance.as_ref())
            .await?,
        details: Details::default(),
    };
    let ids = Ids {
        command: id,
        correlation_id: id.0,
        order,
        status: wish::status_address(id, None),
    };
    ids.answer(&app, &keyed, command.into()).await
}

/// What a command about a standing order is known by.
struct Ids {
    command: CommandId,
    correlation_id: Uuid,
    order: StandingOrderId,
    /// Where the command's status stands.
    status: String,
}

impl Ids {
    /// Of a command about an order that was there before.
    async fn about(app: &App, keyed: &Keyed, order: StandingOrderId, what: &str) -> Result<Self, Problem> {
        let correlation_id = known(app, order).await?.correlation_id;
        let address = wish::standing_order_address(order);
        let command = wish::command_id(&format!("{address}/{what}"), &keyed.key);
        Ok(Self {
            command,
            correlation_id,
            order,
            status: wish::status_address(command, Some(order.into())),
        })
    }

    async fn answer(self, app: &App, keyed: &Keyed, command: PaymentsCommand) -> Result<Response, Problem> {
        // Before it is sent, or the events could come by unseen.
        let waiting = keyed
            .wait
            .map(|_| app.payments.waiters.register([self.command.0, self.command.0]));
        let position = submit(app, self.command, self.correlation_id, keyed, &command).await?;
        let mut outcome = within(keyed.wait, async {
            match waiting {
                Some(waiting) => {
                    let there = app.models.standing_order(self.order);
                    about(app, waiting, &position, self.command, there).await
                }
                None => Ok(None),
            }
        })
        .await?;
        if let Some(outcome) = &mut outcome {
            outcome.reveal(app).await;
        }
        let in_log = InLog {
            command: self.command,
            position,
            resource: wish::standing_order_address(self.order),
            status: self.status,
        };
        Ok(in_log.answer(keyed.wait, outcome))
    }
}

async fn known(app: &App, order: StandingOrderId) -> Result<StandingOrder, Problem> {
    let order = app.models.standing_order(order).await?;
    order.ok_or_else(|| app.no_standing_order())
}

/// Shows a standing order: its terms, when it pays next, and what became of its last payments.
#[utoipa::path(
    get, path = "/v1/standing-orders/{id}", tag = "standing orders", operation_id = "getStandingOrder",
    params(("id" = Uuid, Path, description = "The standing order"), ReadHeaders),
    responses(
        (status = 200, description = "The standing order.", body = StandingOrder,
            headers(("X-Position" = String, description = "The standing order's last event"))),
        ReadProblems
    )
)]
pub(crate) async fn show(
    State(app): State<Shared>,
    Id(id): Id,
    wait_for: WaitFor,
) -> Result<Response, Problem> {
    app.reach(&wait_for.0, &[PAYMENTS]).await?;
    let mut order = known(&app, StandingOrderId(id)).await?;
    app.reveal(std::slice::from_mut(&mut order)).await;
    Ok(shown(vec![order.position.clone()], order))
}

/// What is to be changed of a standing order. A field that is left out stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(crate::api::examples::amendment))]
pub(crate) struct Amendment {
    /// Of each payment from now on: a decimal above zero.
    #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]+)?$", examples("275.00"))]
    amount: Option<SmolStr>,
    /// The last day for which it pays; `null`: there is none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<NaiveDate>)]
    end_date: Option<Option<NaiveDate>>,
    /// How often it pays in all, those included that it has paid; `null`: as often as it comes to.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    times: Option<Option<u32>>,
}

/// Tells `null` from a field that isn't there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Amendment {
    fn until(&self) -> Result<Option<Until>, Problem> {
        match (self.end_date, self.times) {
            (None, None) => Ok(None),
            (Some(Some(_)), Some(Some(_))) => Err(only_one()),
            (Some(Some(date)), _) => Ok(Some(Until::Date(date))),
            (_, Some(Some(times))) => Ok(Some(Until::Times(times))),
            _ => Ok(Some(Until::Cancelled)),
        }
    }
}

/// Changes the amount of a standing order, or its end, before the cut-off of its next payment.
#[utoipa::path(
    patch, path = "/v1/standing-orders/{id}", tag = "standing orders", operation_id = "amendStandingOrder",
    params(("id" = Uuid, Path, description = "The standing order"), CommandHeaders), request_body = Amendment,
    responses(
        (status = 200, description = "The standing order as it stands now.", body = StandingOrder),
        CommandAnswers
    )
)]
pub(crate) async fn amend(
    State(app): State<Shared>,
    Id(id): Id,
    submitted: Submitted<Amendment>,
) -> Result<Response, Problem> {
    let Submitted { keyed, body } = submitted;
    let order_id = StandingOrderId(id);
    let until = body.until()?;
    let currency = known(&app, order_id).await?.currency()?;
    let amount = match &body.amount {
        Some(text) => Some(amount::written(amount::positive("amount", text, currency)?)),
        None => None,
    };
    let command = AmendStandingOrder {
        order_id,
        amount,
        until,
    };
    let ids = Ids::about(&app, &keyed, order_id, "amend").await?;
    ids.answer(&app, &keyed, command.into()).await
}

/// Cancels a standing order, before the cut-off of its next payment. It pays no more.
#[utoipa::path(
    delete, path = "/v1/standing-orders/{id}", tag = "standing orders", operation_id = "cancelStandingOrder",
    params(("id" = Uuid, Path, description = "The standing order"), CommandHeaders),
    responses(
        (status = 200, description = "The standing order as it stands now.", body = StandingOrder),
        CommandAnswers
    )
)]
pub(crate) async fn cancel(State(app): State<Shared>, Id(id): Id, keyed: Keyed) -> Result<Response, Problem> {
    let order_id = StandingOrderId(id);
    let ids = Ids::about(&app, &keyed, order_id, "cancel").await?;
    ids.answer(&app, &keyed, CancelStandingOrder { order_id }.into())
        .await
}

/// Lists the standing orders by which an account pays, newest first.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/standing-orders", tag = "standing orders",
    operation_id = "listStandingOrdersOfAccount",
    params(("id" = Uuid, Path, description = "The account"), Page, ReadHeaders),
    responses((status = 200, description = "A page of standing orders.", body = StandingOrderPage), ReadProblems)
)]
pub(crate) async fn of_account(
    State(app): State<Shared>,
    Id(id): Id,
    Parameters(page): Parameters<Page>,
    wait_for: WaitFor,
) -> Result<Response, Problem> {
    let limit = page.limit()?;
    let after = page.after(|text| cursor::payments(STANDING_ORDERS, text))?;
    app.reach(&wait_for.0, &[PAYMENTS]).await?;
    let mut page = app.models.standing_orders(AccountId(id), after, limit).await?;
    app.reveal(&mut page.standing_orders).await;
    Ok(shown(page.as_of.clone(), page))
}
