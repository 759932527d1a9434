//! What the OpenAPI document says once for all routes.

use utoipa::openapi::OpenApi;
use utoipa::{IntoResponses, OpenApi as _};

use super::Acknowledged;
use crate::problem::Problem;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tributary",
        description = "The bank's API. Amounts are decimal strings. Whatever is read carries its positions in the log: topic, partition, offset.\n\nThere is no sign-in yet: the gateway listens on loopback only, and everybody is the same principal.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    // Those of answers that are said once for many routes are not found by way of the routes.
    components(schemas(Acknowledged, Problem)),
    tags(
        (name = "accounts", description = "Accounts, balances, statements"),
        (name = "payments", description = "Payments, at once or on a later day; refunds, reviews"),
        (name = "standing orders", description = "Payments that are made again and again"),
        (name = "commands", description = "What became of a command"),
        (name = "events", description = "What happens, as it happens"),
        (name = "operation", description = "For those who run the gateway"),
    )
)]
struct Base;

/// The document without routes.
pub(crate) fn base() -> OpenApi {
    Base::openapi()
}

/// What every command may be answered with while its outcome isn't known, and what can be wrong with it.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "documents what handlers answer")]
pub(crate) enum CommandAnswers {
    /// The command is in the log.
    #[response(status = 202, headers(("Location" = String, description = "The command's status")))]
    InLog(Acknowledged),
    /// The key is missing or none, or the body can't be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// What the command is about is not known.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The body did not come in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// The body has more than 64 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body isn't JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
    /// The command was refused. It had no effect; the code says why.
    #[response(status = 422, content_type = "application/problem+json")]
    Refused(Problem),
    /// Too much is under way.
    #[response(status = 429, content_type = "application/problem+json")]
    Overloaded(Problem),
    /// The request is meant for another host.
    #[response(status = 421, content_type = "application/problem+json")]
    Misdirected(Problem),
    /// A defect.
    #[response(status = 500, content_type = "application/problem+json")]
    Defect(Problem),
    /// Kafka or PostgreSQL is away.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What can be wrong with a read.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "documents what handlers answer")]
pub(crate) enum ReadProblems {
    /// A parameter can't be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// There is none of that id.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The read model has not come to the positions of `X-Wait-For`.
    #[response(status = 412, content_type = "application/problem+json")]
    Behind(Problem),
    /// Too much is under way.
    #[response(status = 429, content_type = "application/problem+json")]
    Overloaded(Problem),
    /// The request is meant for another host.
    #[response(status = 421, content_type = "application/problem+json")]
    Misdirected(Problem),
    /// A defect.
    #[response(status = 500, content_type = "application/problem+json")]
    Defect(Problem),
    /// PostgreSQL is away.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What can be wrong with the gateway.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "documents what handlers answer")]
pub(crate) enum OnlyProblem {
    /// The request is meant for another host.
    #[response(status = 421, content_type = "application/problem+json")]
    Misdirected(Problem),
    /// A defect.
    #[response(status = 500, content_type = "application/problem+json")]
    Defect(Problem),
    /// It can't serve.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
