//! Problem details (RFC 9457): what every answer that isn't a success looks like.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::position::Position;

/// Where the page of error codes is served.
pub(crate) const ERRORS_PAGE: &str = "/docs/errors.md";

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        /// What the gateway itself has against a request. Services' codes pass through it as they are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Stable code, listed in `docs/errors.md`.
            pub(crate) fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }

        /// Every code of the gateway's own.
        pub const CODES: &[&str] = &[$($code,)* crate::LISTEN_NOT_LOOPBACK];
    };
}

codes! {
    RouteUnknown = "ROUTE_UNKNOWN", NOT_FOUND, "There is nothing at this address";
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "The address doesn't take this method";
    HostUnknown = "HOST_UNKNOWN", MISDIRECTED_REQUEST, "The request is meant for another host";
    ParameterInvalid = "PARAMETER_INVALID", BAD_REQUEST, "A parameter can't be read";
    CursorInvalid = "CURSOR_INVALID", BAD_REQUEST, "The cursor is none of this list";
    KeyMissing = "IDEMPOTENCY_KEY_MISSING", BAD_REQUEST, "A command needs an Idempotency-Key";
    KeyInvalid = "IDEMPOTENCY_KEY_INVALID", BAD_REQUEST, "The Idempotency-Key can't be used";
    Malformed = "MALFORMED", BAD_REQUEST, "The body can't be read";
    BodyTooLarge = "BODY_TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large";
    BodyTooSlow = "BODY_TOO_SLOW", REQUEST_TIMEOUT, "The body did not come in time";
    ContentTypeUnsupported = "CONTENT_TYPE_UNSUPPORTED", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    RemittanceUnsupported = "REMITTANCE_UNSUPPORTED", UNPROCESSABLE_ENTITY, "This gateway takes no free text";
    PersonalDataErased = "PERSONAL_DATA_ERASED", UNPROCESSABLE_ENTITY, "The customer's personal data is erased";
    AccountUnknown = "ACCOUNT_UNKNOWN", NOT_FOUND, "There is no such account";
    PaymentUnknown = "PAYMENT_UNKNOWN", NOT_FOUND, "There is no such payment";
    OrderUnknown = "ORDER_UNKNOWN", NOT_FOUND, "There is no such standing order";
    Overloaded = "OVERLOADED", TOO_MANY_REQUESTS, "The bank has more to do than it can do in time";
    ConnectionsExhausted = "CONNECTIONS_EXHAUSTED", SERVICE_UNAVAILABLE, "Too many connections are open";
    DeliveryUnconfirmed = "DELIVERY_UNCONFIRMED", SERVICE_UNAVAILABLE, "The log did not confirm the command";
    ReadModelBehind = "READ_MODEL_BEHIND", PRECONDITION_FAILED, "The read model has not come that far";
    ReadModelUnavailable = "READ_MODEL_UNAVAILABLE", SERVICE_UNAVAILABLE, "The read model can't be read";
    KeyStoreUnavailable = "KEY_STORE_UNAVAILABLE", SERVICE_UNAVAILABLE, "The key store can't be used";
    NotReady = "NOT_READY", SERVICE_UNAVAILABLE, "The gateway can't serve";
    TimedOut = "TIMED_OUT", SERVICE_UNAVAILABLE, "The answer took too long";
    Internal = "INTERNAL", INTERNAL_SERVER_ERROR, "The gateway has a defect";
}

/// What is wrong, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(crate::api::examples::problem))]
pub(crate) struct Problem {
    /// The code's entry on the page of error codes, which the gateway serves.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", examples("/docs/errors.md#insufficient_funds"))]
    kind: String,
    /// For people. It may change.
    title: &'static str,
    /// The answer's status once more.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// For programs: stable.
    #[schema(examples("INSUFFICIENT_FUNDS"))]
    code: Cow<'static, str>,
    /// For people: names fields and rules, never values.
    detail: String,
    /// The event that says so, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Box<Position>>,
    /// Seconds after which it is worth another try.
    #[serde(skip)]
    retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: entry(code.code()),
            title: code.title(),
            status: code.status().as_u16(),
            code: Cow::Borrowed(code.code()),
            detail: detail.into(),
            position: None,
            retry_after: None,
        }
    }

    /// A command that was refused, by its service or before.
    pub(crate) fn refused(code: &str, detail: &str) -> Self {
        Self {
            kind: entry(code),
            title: "The command was refused",
            status: StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
            code: Cow::Owned(code.to_owned()),
            detail: detail.to_owned(),
            position: None,
            retry_after: None,
        }
    }

    /// A command that its service could not handle: a defect, not the client's fault.
    pub(crate) fn dead_lettered(code: &str, detail: &str) -> Self {
        Self {
            title: "The command could not be handled",
            status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
            ..Self::refused(code, detail)
        }
    }

    pub(crate) fn at(self, position: Position) -> Self {
        Self {
            position: Some(Box::new(position)),
            ..self
        }
    }

    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn to_json(&self) -> String {
        // A struct of texts and numbers always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The address of the code's entry.
fn entry(code: &str) -> String {
    format!("{ERRORS_PAGE}#{}", code.to_ascii_lowercase())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_links_its_entry_and_says_its_status_twice() {
        let problem = Problem::new(Code::Overloaded, "later").retry_after(2);
        let response = problem.clone().into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(
            problem.to_json(),
            r##"{"type":"/docs/errors.md#overloaded","title":"The bank has more to do than it can do in time","status":429,"code":"OVERLOADED","detail":"later"}"##
        );
    }

    #[test]
    fn a_refusal_keeps_the_code_of_its_service_and_its_position() {
        let problem =
            Problem::refused("INSUFFICIENT_FUNDS", "too little").at(Position::new("payments.events", 1, 5));
        assert_eq!(problem.code(), "INSUFFICIENT_FUNDS");
        assert_eq!(
            problem.to_json(),
            r##"{"type":"/docs/errors.md#insufficient_funds","title":"The command was refused","status":422,"code":"INSUFFICIENT_FUNDS","detail":"too little","position":{"topic":"payments.events","partition":1,"offset":5}}"##
        );
    }
}
