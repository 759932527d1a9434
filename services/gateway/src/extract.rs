//! What handlers take from a request, each refused as a problem where it can't be read.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tributary_contracts::codec::DecodeError;
use uuid::Uuid;

use crate::position::Positions;
use crate::prefer;
use crate::problem::{Code, Problem};
use crate::wish;

/// Largest body in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// How long what is left of a refused body is taken in and thrown away, so that its sender comes to reading the answer.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// Longest idempotency key.
pub(crate) const KEY_BYTES_MAX: usize = 128;

/// The key of a command and what else its headers say.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub(crate) key: String,
    pub(crate) wait: Option<Duration>,
    pub(crate) traceparent: Option<String>,
}

impl Keyed {
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let prefer = headers.get_all("prefer").iter();
        Ok(Self {
            key: key(headers)?,
            wait: prefer::wait(prefer.filter_map(|value| value.to_str().ok())),
            traceparent: text("traceparent")
                .filter(|text| wish::is_traceparent(text))
                .map(str::to_owned),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Keyed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let invalid = |what: &str| Problem::new(Code::KeyInvalid, what);
    let value = values.next().ok_or_else(|| {
        Problem::new(
            Code::KeyMissing,
            "name the wish by a key of your own, the same at every retry",
        )
    })?;
    if values.next().is_some() {
        return Err(invalid("there is more than one"));
    }
    let text = value.to_str().map_err(|_| invalid("it isn't ASCII"))?.trim();
    // Written as a string of structured headers, as the draft wants it, or bare.
    let key = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    if key.is_empty() {
        return Err(invalid("it is empty"));
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(invalid("it has more than 128 characters"));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("it holds a blank or a control character"));
    }
    Ok(key.to_owned())
}

/// A command with a JSON body.
#[derive(Debug)]
pub(crate) struct Submitted<T> {
    pub(crate) keyed: Keyed,
    pub(crate) body: T,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Submitted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let keyed =
            match Keyed::read(&parts.headers).and_then(|keyed| is_json(&parts.headers).map(|()| keyed)) {
                Ok(keyed) => keyed,
                Err(problem) => {
                    drain(body);
                    return Err(problem);
                }
            };
        let bytes = read_body(body, content_length(&parts.headers)).await?;
        // A sequence of values would be taken for an object's fields in their order.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(Problem::new(Code::Malformed, "the body is no JSON object"));
        }
        let body = serde_json::from_slice(&bytes).map_err(|error| {
            let error = DecodeError::malformed(&error);
            Problem::new(Code::Malformed, error.to_string())
        })?;
        Ok(Self { keyed, body })
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |what: &str| Err(Problem::new(Code::ContentTypeUnsupported, what));
    let Some(value) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return unsupported("say Content-Type: application/json");
    };
    let mut parts = value.split(';').map(str::trim);
    if !parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
    {
        return unsupported("only application/json is taken");
    }
    let utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    if !parts.all(utf8) {
        return unsupported("JSON is UTF-8");
    }
    Ok(())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read_body(body: Body, announced: Option<u64>) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("a body has at most {BODY_BYTES_MAX} bytes");
        Problem::new(Code::BodyTooLarge, detail)
    };
    if announced.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        drain(body);
        return Err(too_large());
    }
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let read = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Code::Malformed, "the body broke off"))?;
            if bytes.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    let late = |_| Problem::new(Code::BodyTooSlow, "a body has ten seconds to come");
    let outcome = tokio::time::timeout(BODY_WITHIN, read).await.map_err(late);
    match outcome {
        Ok(Ok(())) => Ok(bytes),
        Ok(Err(problem)) => {
            drain(Body::from_stream(chunks));
            Err(problem)
        }
        Err(problem) => Err(problem),
    }
}

/// Goes on reading for a while, a piece at a time, and forgets it: a connection that is closed while its other end still
/// sends is reset, and the answer lost with it.
fn drain(body: Body) {
    tokio::spawn(tokio::time::timeout(DRAIN_WITHIN, async {
        let mut chunks = body.into_data_stream();
        while let Some(Ok(_)) = chunks.next().await {}
    }));
}

/// The one id of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let invalid = || Problem::new(Code::ParameterInvalid, "the id in the path isn't a UUID");
        let parameters = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| invalid())?;
        let (_, text) = parameters.iter().next().ok_or_else(invalid)?;
        uuid(text).map(Self).ok_or_else(invalid)
    }
}

/// In the form with hyphens alone: one way to write an address.
fn uuid(text: &str) -> Option<Uuid> {
    (text.len() == uuid::fmt::Hyphenated::LENGTH)
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
}

/// Query parameters.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            // Its own words quote the value.
            Err(_) => Err(Problem::new(
                Code::ParameterInvalid,
                "a query parameter is missing, or not of its type",
            )),
        }
    }
}

/// The positions that the answer must take in.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitFor(pub(crate) Positions);

impl<S: Send + Sync> FromRequestParts<S> for WaitFor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut text = String::new();
        for value in parts.headers.get_all("x-wait-for") {
            let value = value
                .to_str()
                .map_err(|_| Problem::new(Code::ParameterInvalid, "X-Wait-For isn't ASCII"))?;
            text.push_str(value);
            text.push(',');
        }
        let positions = Positions::parse(&text);
        positions
            .map(Self)
            .map_err(|what| Problem::new(Code::ParameterInvalid, format!("X-Wait-For: {what}")))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(values: &[(&'static str, &str)]) -> HeaderMap {
        values
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn a_key_is_bare_or_in_quotes() {
        for text in ["k-1", "\"k-1\"", " k-1 "] {
            assert_eq!(
                key(&headers(&[("idempotency-key", text)])).unwrap(),
                "k-1",
                "{text}"
            );
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let long = "x".repeat(KEY_BYTES_MAX + 1);
        for text in ["", "\"\"", "a b", long.as_str()] {
            let problem = key(&headers(&[("idempotency-key", text)])).unwrap_err();
            assert_eq!(problem.code(), "IDEMPOTENCY_KEY_INVALID", "{text}");
        }
        assert_eq!(
            key(&HeaderMap::new()).unwrap_err().code(),
            "IDEMPOTENCY_KEY_MISSING"
        );
        let mut two = headers(&[("idempotency-key", "a")]);
        two.append("idempotency-key", HeaderValue::from_static("b"));
        assert_eq!(key(&two).unwrap_err().code(), "IDEMPOTENCY_KEY_INVALID");
    }

    #[test]
    fn only_json_in_utf_8_is_taken() {
        for (text, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=\"UTF-8\"", true),
            ("application/json; charset=latin1", false),
            ("text/json", false),
            ("application/jsonx", false),
            ("", false),
        ] {
            assert_eq!(
                is_json(&headers(&[("content-type", text)])).is_ok(),
                taken,
                "{text}"
            );
        }
        assert!(is_json(&HeaderMap::new()).is_err());
    }

    #[test]
    fn an_id_is_written_one_way() {
        assert!(uuid("5c0f9a63-7d0b-5a43-9f0e-6b1d2f64a7c1").is_some());
        for text in [
            "5c0f9a637d0b5a439f0e6b1d2f64a7c1",
            "{5c0f9a63-7d0b-5a43-9f0e-6b1d2f64a7c1}",
            "x",
            "",
        ] {
            assert!(uuid(text).is_none(), "{text}");
        }
    }
}
