//! Publishes JSON Schemas in a schema registry, by the REST API of Confluent's, which others speak as well.
//!
//! Topics of the bank carry several types each, so a subject is named after the type of its messages. Each is set to
//! `BACKWARD` before its first version: what is registered later must read what was written before.

mod closed;
mod error;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::Agent;
use url::Url;

pub use closed::closed;
pub use error::RegistryError;

/// Media type of the API, version 1.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// How long one request may take, from connecting to the last byte of the answer.
const REQUEST_WITHIN: Duration = Duration::from_secs(30);

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 1_000_000;

/// A registry.
pub struct Registry {
    agent: Agent,
    /// Without user, password and a slash at the end: may be shown.
    base: String,
    authorization: Option<String>,
}

/// Written by hand, so that no password is shown.
impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// What came of a document.
#[derive(Debug)]
pub struct Outcome {
    pub subject: String,
    /// The id that the registry gave its schema, or why it took none.
    pub result: Result<u64, RegistryError>,
}

#[derive(Deserialize)]
struct Registered {
    id: u64,
}

#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    error_code: i64,
    #[serde(default)]
    message: String,
}

impl Registry {
    /// The registry at that URL, whose user and password, if it has any, are sent as basic authentication. It is not
    /// asked yet.
    ///
    /// # Errors
    /// When the URL is none, or of a kind that this build can't reach.
    pub fn at(url: &str) -> Result<Self, RegistryError> {
        let malformed = |why: String| RegistryError::UrlMalformed { why };
        let mut url = Url::parse(url).map_err(|error| malformed(error.to_string()))?;
        match url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "tls") => {}
            "https" => return Err(RegistryError::TlsNotBuilt),
            _ => return Err(malformed("it must begin with http or https".to_owned())),
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = (
            decoded(url.username()),
            decoded(url.password().unwrap_or_default()),
        );
        let authorization = match user {
            (user, _) if user.is_empty() => None,
            (user, password) => Some(format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("{user}:{password}"))
            )),
        };
        // Can't fail: the URL has a host.
        let _user = url.set_username("");
        let _password = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        let agent = Agent::config_builder()
            .timeout_global(Some(REQUEST_WITHIN))
            .http_status_as_error(false)
            // A password must not follow a redirect to elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .into();
        Ok(Self {
            agent,
            base: url.as_str().trim_end_matches('/').to_owned(),
            authorization,
        })
    }

    /// Its address, as it may be shown.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// Registers a schema as the newest version of its subject. One that is the newest already is left as it is. Returns
    /// the schema's id in the registry.
    ///
    /// # Errors
    /// When the registry can't be reached, doesn't take it, or answers what can't be read.
    pub fn register(&self, subject: &str, schema: &Value) -> Result<u64, RegistryError> {
        let compatibility = json!({"compatibility": "BACKWARD"});
        self.ask(subject, "PUT", &format!("config/{subject}"), &compatibility)?;
        let version = json!({"schemaType": "JSON", "schema": closed(schema).to_string()});
        let answer = self.ask(subject, "POST", &format!("subjects/{subject}/versions"), &version)?;
        let registered: Registered =
            serde_json::from_str(&answer).map_err(|_| RegistryError::AnswerMalformed {
                address: self.base.clone(),
                subject: subject.to_owned(),
            })?;
        Ok(registered.id)
    }

    /// Registers all documents. One that is refused doesn't keep the others from being registered.
    ///
    /// # Errors
    /// When the registry can't be reached, lets nobody in, or fails: then the next document would fare no better.
    pub fn register_all<'d>(
        &self,
        documents: impl IntoIterator<Item = (&'d str, &'d Value)>,
    ) -> Result<Vec<Outcome>, RegistryError> {
        let mut outcomes = Vec::new();
        for (subject, schema) in documents {
            let result = self.register(subject, schema);
            match result {
                Err(error) if !error.is_about_one_schema() => return Err(error),
                result => outcomes.push(Outcome {
                    subject: subject.to_owned(),
                    result,
                }),
            }
        }
        Ok(outcomes)
    }

    fn ask(&self, subject: &str, method: &str, path: &str, body: &Value) -> Result<String, RegistryError> {
        let url = format!("{}/{path}", self.base);
        let mut request = match method {
            "PUT" => self.agent.put(url),
            _ => self.agent.post(url),
        }
        .header("Content-Type", MEDIA_TYPE)
        .header("Accept", MEDIA_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let unreachable = |error: ureq::Error| RegistryError::Unreachable {
            address: self.base.clone(),
            why: error.to_string(),
        };
        let mut response = request.send(body.to_string()).map_err(unreachable)?;
        let status = response.status().as_u16();
        let answer = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string()
            .map_err(unreachable)?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let refused: Refused = serde_json::from_str(&answer).unwrap_or_default();
        Err(RegistryError::of_status(
            &self.base,
            subject,
            status,
            refused.error_code,
            &refused.message,
        ))
    }
}
