//! Around every request: a bound on its time, an answer when a handler panics, and measures.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::time::{Instant, timeout};

use crate::metrics::Metrics;
use crate::problem::{Code, Problem};

/// How long an answer may take to begin: longer than all that a handler waits for, each of which has a bound of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A request that is counted as long as it lives: also when its client goes away and it is dropped halfway.
struct Counted<'a> {
    metrics: &'a Metrics,
    method: &'static str,
    route: String,
    /// 499: the client went away.
    status: u16,
    began: Instant,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let seconds = self.began.elapsed().as_secs_f64();
        self.metrics.ended(self.method, &self.route, self.status, seconds);
    }
}

pub(crate) async fn guard(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let mut counted = Counted {
        metrics: &metrics,
        method: method(request.method()),
        // Not the address: that is the client's to choose.
        route: route.map_or("", MatchedPath::as_str).to_owned(),
        status: 499,
        began: Instant::now(),
    };
    metrics.began();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match timeout(ANSWER_WITHIN, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(route = counted.route, "a handler panicked");
            Problem::new(
                Code::Internal,
                "what the request did is not known; see the gateway's log",
            )
            .into_response()
        }
        Err(_) => Problem::new(
            Code::TimedOut,
            "what the request did is not known; ask again under the same key",
        )
        .retry_after(1)
        .into_response(),
    };
    counted.status = response.status().as_u16();
    response
}

/// The method, where it is one of those that are known: a client may invent others without end.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn boom() -> &'static str {
        panic!("4111 1111 1111 1111")
    }

    async fn answer(address: &str) -> (u16, String) {
        let router = Router::new()
            .route("/boom", get(boom))
            .layer(from_fn_with_state(Arc::new(Metrics::new()), guard));
        let request = Request::get(address).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_with_a_problem_that_tells_nothing() {
        let (status, body) = answer("/boom").await;
        assert_eq!(status, 500);
        assert!(
            body.contains("\"code\":\"INTERNAL\"") && !body.contains("4111"),
            "{body}"
        );
    }

    #[test]
    fn a_method_that_nobody_knows_makes_no_series_of_its_own() {
        assert_eq!(method(&Method::from_bytes(b"X-1").unwrap()), "_OTHER");
        assert_eq!(method(&Method::GET), "GET");
    }
}
