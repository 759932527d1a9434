//! The gateway about itself.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;

use super::document::OnlyProblem;
use crate::app::Shared;
use crate::problem::{Code, ERRORS_PAGE, Problem};

/// The page that problems link to.
const ERRORS: &str = include_str!("../../../../docs/errors.md");

/// All is well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::health))]
pub(crate) struct Health {
    #[schema(examples("up"))]
    status: &'static str,
}

/// What is no part of the API that it describes.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/openapi.json", get(document))
        .route(ERRORS_PAGE, get(errors))
}

async fn document(State(app): State<Shared>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], app.document.clone())
}

async fn errors() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], ERRORS)
}

/// Whether the process lives.
#[utoipa::path(
    get, path = "/health", tag = "operation", operation_id = "getHealth",
    responses((status = 200, description = "It lives.", body = Health), OnlyProblem)
)]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "up" })
}

/// Whether it can serve: events are read, and PostgreSQL answers.
#[utoipa::path(
    get, path = "/ready", tag = "operation", operation_id = "getReady",
    responses((status = 200, description = "It can serve.", body = Health), OnlyProblem)
)]
pub(crate) async fn ready(State(app): State<Shared>) -> Result<Json<Health>, Problem> {
    let mut missing = Vec::new();
    if !app.accounts.reads() || !app.payments.reads() {
        missing.push("events can't be read from Kafka");
    }
    if !app.models.stand().await {
        missing.push("PostgreSQL doesn't answer, or a read model isn't made yet");
    }
    match missing.is_empty() {
        true => Ok(Json(Health { status: "ready" })),
        false => Err(Problem::new(Code::NotReady, missing.join("; ")).retry_after(1)),
    }
}
