//! The routes.

mod accounts;
mod commands;
mod document;
mod events;
pub(crate) mod examples;
mod meta;
mod payments;
mod scheduled_payments;
mod standing_orders;

use axum::Json;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tributary_ids::CommandId;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::{App, Shared};
use crate::cursor;
use crate::outcome::Outcome;
use crate::position::{Position, Positions};
use crate::problem::{Code, Problem};

/// The routes, and the OpenAPI document that was generated from them.
pub(crate) fn routes() -> (Router<Shared>, utoipa::openapi::OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(document::base())
        .routes(routes!(accounts::open))
        .routes(routes!(accounts::show))
        .routes(routes!(accounts::statement))
        .routes(routes!(accounts::payments))
        .routes(routes!(payments::pay, payments::queue))
        .routes(routes!(payments::show, scheduled_payments::cancel))
        .routes(routes!(payments::timeline))
        .routes(routes!(payments::refund))
        .routes(routes!(payments::review))
        .routes(routes!(payments::resume))
        .routes(routes!(standing_orders::create))
        .routes(routes!(
            standing_orders::show,
            standing_orders::amend,
            standing_orders::cancel
        ))
        .routes(routes!(standing_orders::of_account))
        .routes(routes!(commands::show))
        .routes(routes!(events::listen))
        .routes(routes!(meta::health))
        .routes(routes!(meta::ready))
        .split_for_parts();
    let router = router
        .merge(meta::routes())
        .fallback(|| async {
            Problem::new(
                Code::RouteUnknown,
                "the OpenAPI document lists all addresses: /openapi.json",
            )
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                Code::MethodNotAllowed,
                "the OpenAPI document lists what it takes: /openapi.json",
            )
        });
    (router, document)
}

/// Headers of every command.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents what the extractor reads")]
pub(crate) struct CommandHeaders {
    /// Names the wish, so that a retry is recognised: up to 128 visible ASCII characters, bare or in double quotes. Belongs to
    /// the address it is used at.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 128,
        pattern = "^[!#-~]+$"
    )]
    idempotency_key: String,
    /// RFC 7240: `wait=N` waits up to N seconds (30 at most) for the outcome.
    #[param(rename = "Prefer", example = "wait=5")]
    prefer: Option<String>,
    /// W3C trace context, passed on into the log.
    traceparent: Option<String>,
}

/// Read your writes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents what the extractor reads")]
pub(crate) struct ReadHeaders {
    /// Positions that the answer must take in, such as `payments.inbox/0@7` out of the answer to a command, or
    /// `payments.events/0@12,payments.events/1@5`. It is waited for five seconds.
    #[param(
        rename = "X-Wait-For",
        pattern = "^((accounts|payments|fraud)\\.(events|inbox)/[0-9]{1,4}@[0-9]{1,18})?(,((accounts|payments|fraud)\\.(events|inbox)/[0-9]{1,4}@[0-9]{1,18})?)*$",
        example = "payments.events/0@12"
    )]
    wait_for: Option<String>,
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// From `next_cursor` of the page before.
    #[param(
        pattern = "^(statement\\.(oldest|newest)\\.[0-9]{1,18}|(account|in-review|quarantined|scheduled|standing-orders)\\.[0-9]{1,18}\\.[0-9a-f-]{36})$"
    )]
    cursor: Option<String>,
    /// Most rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
}

impl Page {
    fn limit(&self) -> Result<u16, Problem> {
        match self.limit.unwrap_or(cursor::LIMIT_DEFAULT) {
            limit @ 1..=cursor::LIMIT_MAX => Ok(limit),
            _ => {
                let detail = format!("limit is 1 to {}", cursor::LIMIT_MAX);
                Err(Problem::new(Code::ParameterInvalid, detail))
            }
        }
    }

    /// The cursor, as its list reads it.
    fn after<C>(&self, read: impl FnOnce(&str) -> Option<C>) -> Result<Option<C>, Problem> {
        let invalid = || Problem::new(Code::CursorInvalid, "take it from next_cursor of the page before");
        self.cursor
            .as_deref()
            .map(|text| read(text).ok_or_else(invalid))
            .transpose()
    }
}

/// A command is in the log, and its outcome not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::acknowledged))]
pub(crate) struct Acknowledged {
    command_id: Uuid,
    /// Where the outcome will stand; also in the Location header.
    #[schema(format = "uri-reference")]
    status: String,
    /// What the command is about.
    #[schema(format = "uri-reference")]
    resource: String,
    /// The command's record. A read that is to take it in waits for it by `X-Wait-For`.
    position: Position,
}

/// A command that stands in the log, and where what it leads to can be found.
struct InLog {
    command: CommandId,
    position: Position,
    resource: String,
    status: String,
}

impl InLog {
    /// The answer: the outcome where it is known, else where it will be.
    fn answer<T: Serialize>(self, wait: Option<Duration>, outcome: Option<Outcome<T>>) -> Response {
        let (location, mut response) = match outcome {
            Some(Outcome::Done(created)) => (
                Some(self.resource),
                (StatusCode::CREATED, Json(created)).into_response(),
            ),
            Some(Outcome::Before(there)) => (Some(self.resource), Json(there).into_response()),
            Some(Outcome::Refused(problem)) => (None, problem.into_response()),
            None => {
                let location = self.status.clone();
                let body = Acknowledged {
                    command_id: self.command.0,
                    status: self.status,
                    resource: self.resource,
                    position: self.position,
                };
                (Some(location), (StatusCode::ACCEPTED, Json(body)).into_response())
            }
        };
        let headers = response.headers_mut();
        // Both are made of ids and numbers.
        if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
            headers.insert(header::LOCATION, location);
        }
        let applied = wait.map(|wait| HeaderValue::try_from(format!("wait={}", wait.as_secs())));
        if let Some(Ok(applied)) = applied {
            headers.insert("preference-applied", applied);
        }
        response
    }
}

/// Waits for an outcome as long as the client would; not at all when it would not.
async fn within<T>(
    wait: Option<Duration>,
    outcome: impl Future<Output = Result<Option<T>, Problem>>,
) -> Result<Option<T>, Problem> {
    match wait {
        None => Ok(None),
        Some(wait) => tokio::time::timeout(wait, outcome).await.unwrap_or(Ok(None)),
    }
}

/// An answer out of a read model, with its positions in a header as well, ready to be waited for.
fn shown(positions: Vec<Position>, body: impl Serialize) -> Response {
    let positions = Positions(
        positions
            .into_iter()
            .map(|position| ((position.topic, position.partition), position.offset))
            .collect(),
    );
    let mut response = Json(body).into_response();
    if let Ok(value) = HeaderValue::try_from(positions.to_string()) {
        response.headers_mut().insert("x-position", value);
    }
    response
}

impl App {
    fn no_account(&self) -> Problem {
        Problem::new(Code::AccountUnknown, "the read model knows no account of that id")
    }

    fn no_payment(&self) -> Problem {
        Problem::new(Code::PaymentUnknown, "the read model knows no payment of that id")
    }

    fn no_standing_order(&self) -> Problem {
        Problem::new(
            Code::OrderUnknown,
            "the read model knows no standing order of that id",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    /// Names of everything that is referred to.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference.clone());
                }
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_whole() {
        let document: Value = serde_json::from_str(&crate::document().unwrap()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.contains("#/components/schemas/Problem"), "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 17, "{:?}", paths.keys());
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}");
                for status in ["421", "500"] {
                    assert!(operation["responses"][status].is_object(), "{method} {path}");
                }
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let keyed = parameters
                    .iter()
                    .any(|parameter| parameter["name"] == "Idempotency-Key" && parameter["required"] == true);
                assert_eq!(keyed, method != "get", "{method} {path}");
            }
        }
    }
}
