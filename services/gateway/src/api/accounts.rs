//! `/v1/accounts`.

use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;
use smol_str::SmolStr;
use tributary_contracts::accounts::{AccountsCommand, OpenAccount};
use tributary_contracts::topics::ACCOUNTS_INBOX;
use tributary_ids::{AccountId, CustomerId};
use tributary_money::Currency;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::document::{CommandAnswers, ReadProblems};
use super::{CommandHeaders, InLog, Page, ReadHeaders, shown, within};
use crate::amount;
use crate::app::Shared;
use crate::cursor::Order;
use crate::extract::{Id, Parameters, Submitted, WaitFor};
use crate::outcome::of_account;
use crate::problem::Problem;
use crate::read::{ACCOUNTS, Account, PAYMENTS, PaymentList, PaymentPage, Statement};
use crate::wish::{self, Wish};

/// An account to be opened.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(crate::api::examples::new_account))]
pub(crate) struct NewAccount {
    /// The customer whose account it is.
    owner: Uuid,
    /// Name of the product.
    #[schema(value_type = String, min_length = 1, max_length = 32, pattern = "^[a-z0-9-]+$", examples("current"))]
    product: SmolStr,
    /// ISO 4217.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", examples("CZK"))]
    currency: Currency,
    /// How far below zero the account may go: a decimal, not negative.
    #[serde(default = "zero")]
    #[schema(value_type = String, pattern = "^[0-9]+(\\.[0-9]+)?$", default = "0", examples("0"))]
    overdraft_limit: SmolStr,
    /// What the account holds from the beginning: a decimal. Booked against the opening balances of the general ledger.
    #[serde(default = "zero")]
    #[schema(value_type = String, pattern = "^-?[0-9]+(\\.[0-9]+)?$", default = "0", examples("1000.00"))]
    opening_balance: SmolStr,
    /// The business day; today in UTC where it is left out.
    booking_date: Option<NaiveDate>,
}

fn zero() -> SmolStr {
    SmolStr::new_static("0")
}

/// Opens an account.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", operation_id = "openAccount",
    params(CommandHeaders), request_body = NewAccount,
    responses(
        (status = 201, description = "The account is open.", body = Account,
            headers(("Location" = String, description = "The account"))),
        (status = 200, description = "It was opened before, by this key.", body = Account),
        CommandAnswers
    )
)]
pub(crate) async fn open(
    State(app): State<Shared>,
    submitted: Submitted<NewAccount>,
) -> Result<Response, Problem> {
    let Submitted { keyed, body } = submitted;
    let limit = amount::not_negative("overdraft_limit", &body.overdraft_limit, body.currency)?;
    let opening = amount::any("opening_balance", &body.opening_balance, body.currency)?;
    amount::name("product", &body.product, 32)?;
    let id = wish::command_id("/v1/accounts", &keyed.key);
    let account = wish::account_of(id);
    let command = AccountsCommand::from(OpenAccount {
        account_id: account,
        owner: CustomerId(body.owner),
        product: body.product,
        currency: body.currency,
        overdraft_limit: amount::written(limit),
        booking_date: body.booking_date.unwrap_or_else(|| wish::today(wish::now())),
        opening_balance: amount::written(opening),
    });
    let waiting = keyed
        .wait
        .map(|_| app.accounts.waiters.register([id.0, account.0]));
    let position = app
        .submit(
            &app.accounts,
            &Wish {
                id,
                correlation_id: id.0,
                traceparent: keyed.traceparent.as_deref(),
                topic: ACCOUNTS_INBOX,
                key: command.key(),
                command: &command,
            },
        )
        .await?;
    let outcome = within(keyed.wait, async {
        match waiting {
            Some(waiting) => of_account(&app, waiting, &position, id, account).await,
            None => Ok(None),
        }
    })
    .await?;
    let in_log = InLog {
        command: id,
        position,
        resource: wish::account_address(account),
        status: wish::status_address(id, None),
    };
    Ok(in_log.answer(keyed.wait, outcome))
}

/// Shows an account with its balances.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "getAccount",
    params(("id" = Uuid, Path, description = "The account"), ReadHeaders),
    responses(
        (status = 200, description = "The account.", body = Account,
            headers(("X-Position" = String, description = "The account's last event"))),
        ReadProblems
    )
)]
pub(crate) async fn show(
    State(app): State<Shared>,
    Id(id): Id,
    wait_for: WaitFor,
) -> Result<Response, Problem> {
    app.reach(&wait_for.0, &[ACCOUNTS]).await?;
    let account = app
        .models
        .account(AccountId(id))
        .await?
        .ok_or_else(|| app.no_account())?;
    Ok(shown(vec![account.position.clone()], account))
}

/// Which end of the statement comes first.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatementOrder {
    /// `oldest` or `newest`.
    #[param(inline, default = "oldest")]
    order: Option<Order>,
}

/// Shows a page of an account's statement.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/statement", tag = "accounts", operation_id = "getStatement",
    params(("id" = Uuid, Path, description = "The account"), StatementOrder, Page, ReadHeaders),
    responses((status = 200, description = "A page of the statement.", body = Statement), ReadProblems)
)]
pub(crate) async fn statement(
    State(app): State<Shared>,
    Id(id): Id,
    Parameters(order): Parameters<StatementOrder>,
    Parameters(page): Parameters<Page>,
    wait_for: WaitFor,
) -> Result<Response, Problem> {
    let order = order.order.unwrap_or_default();
    let limit = page.limit()?;
    let after = page.after(|cursor| crate::cursor::statement(order, cursor))?;
    app.reach(&wait_for.0, &[ACCOUNTS]).await?;
    let statement = app
        .models
        .statement(AccountId(id), order, after, limit)
        .await?
        .ok_or_else(|| app.no_account())?;
    Ok(shown(statement.as_of.clone(), statement))
}

/// Lists the payments of which an account is debtor or creditor, newest first.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/payments", tag = "accounts", operation_id = "listPaymentsOfAccount",
    params(("id" = Uuid, Path, description = "The account"), Page, ReadHeaders),
    responses((status = 200, description = "A page of payments; none for an account that never had one.", body = PaymentPage), ReadProblems)
)]
pub(crate) async fn payments(
    State(app): State<Shared>,
    Id(id): Id,
    Parameters(page): Parameters<Page>,
    wait_for: WaitFor,
) -> Result<Response, Problem> {
    let list = PaymentList::Of(AccountId(id));
    let limit = page.limit()?;
    let after = page.after(|cursor| list.cursor(cursor))?;
    app.reach(&wait_for.0, &[PAYMENTS]).await?;
    let mut page = app.models.payments(list, after, limit).await?;
    app.reveal(&mut page.payments).await;
    Ok(shown(page.as_of.clone(), page))
}
