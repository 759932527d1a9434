//! Around every request: a bound on its time, an answer when a handler panics, and measures.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::time::{Instant, timeout};

use crate::app::{App, Shared};
use crate::problem::{Code, Problem};

/// How long an answer may take to begin: longer than all that a handler waits for, each of which has a bound of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A request that is counted as long as it lives: also when its client goes away and it is dropped halfway.
struct Counted<'a> {
    app: &'a App,
    method: &'static str,
    route: String,
    /// 499: the client went away.
    status: u16,
    began: Instant,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let seconds = self.began.elapsed().as_secs_f64();
        self.app
            .metrics
            .ended(self.method, &self.route, self.status, seconds);
    }
}

pub(crate) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let mut counted = Counted {
        app: &app,
        method: method(request.method()),
        // Not the address: that is the client's to choose.
        route: route.map_or("", MatchedPath::as_str).to_owned(),
        status: 499,
        began: Instant::now(),
    };
    app.metrics.began();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match timeout(ANSWER_WITHIN, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(route = counted.route, "a handler panicked");
            Problem::new(Code::Internal, "what the request did is not known; see the gateway's log").into_response()
        }
        Err(_) => Problem::new(Code::TimedOut, "what the request did is not known; ask again under the same key")
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
