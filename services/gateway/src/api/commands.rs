//! `/v1/commands`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tributary_contracts::payments::Subject;
use tributary_ids::{CommandId, PaymentId, StandingOrderId};
use utoipa::IntoParams;
use uuid::Uuid;

use super::ReadHeaders;
use super::document::ReadProblems;
use crate::app::Shared;
use crate::extract::{Id, Parameters, WaitFor};
use crate::problem::Problem;
use crate::read::{ACCOUNTS, CommandStatus, PAYMENTS, TIMELINES};

/// What the command was about.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct About {
    /// The payment that a review, a resumption, a refund or a cancellation was about; the Location of the answer to the command names it.
    payment: Option<Uuid>,
    /// The same for a standing order that was amended or cancelled.
    standing_order: Option<Uuid>,
}

/// Shows what became of a command: the truth about one that was answered with 202.
///
/// `unknown` says that the read models know nothing of it: it is under way, or never came.
#[utoipa::path(
    get, path = "/v1/commands/{id}", tag = "commands", operation_id = "getCommand",
    params(("id" = Uuid, Path, description = "The command"), About, ReadHeaders),
    responses((status = 200, description = "What is known of it.", body = CommandStatus), ReadProblems)
)]
pub(crate) async fn show(
    State(app): State<Shared>,
    Id(id): Id,
    Parameters(about): Parameters<About>,
    wait_for: WaitFor,
) -> Result<Json<CommandStatus>, Problem> {
    let [_, timeline, ..] = TIMELINES;
    app.reach(&wait_for.0, &[ACCOUNTS, PAYMENTS, timeline]).await?;
    let payment = about.payment.map(|id| Subject::Payment(PaymentId(id)));
    let order = about.standing_order.map(|id| Subject::Order(StandingOrderId(id)));
    let about = payment.or(order);
    Ok(Json(app.models.command(CommandId(id), about).await?))
}
