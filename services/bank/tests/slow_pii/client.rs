//! A client of the bank's API.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Response;
use ureq::{Agent, Body};

/// Longest that anything here may take: the broker is cold, and other tests may run beside this one.
const WITHIN: Duration = Duration::from_secs(60);

/// The customer of every account here.
pub(crate) const OWNER: &str = "0f1a3c52-0f3e-4a11-8f7f-1f0b0d2c9a77";

pub(crate) struct Client {
    agent: Agent,
    at: SocketAddr,
    wishes: AtomicU32,
}

/// Status and body.
pub(crate) type Answer = (u16, Value);

impl Client {
    /// Waits until the read models stand.
    pub(crate) fn at(at: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(WITHIN));
        let client = Self {
            agent: config.build().into(),
            at,
            wishes: AtomicU32::new(0),
        };
        client.until("the bank is ready", || client.get("/ready").0 == 200);
        client
    }

    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        for _ in 0..WITHIN.as_millis() / 50 {
            if is_so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("not within {WITHIN:?}: {what}");
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        answer(self.agent.get(self.url(path)).call().unwrap())
    }

    /// A wish of its own, with its outcome.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &[], &body.to_string())
    }

    pub(crate) fn post_text(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let number = self.wishes.fetch_add(1, Ordering::Relaxed);
        let mut request = self
            .agent
            .post(self.url(path))
            .header("Idempotency-Key", format!("wish-{number}"))
            .header("Prefer", "wait=30")
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body).unwrap())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    /// Opens an account in CZK; its id.
    pub(crate) fn account(&self, balance: &str) -> String {
        let body = json!({
            "owner": OWNER, "product": "current", "currency": "CZK", "opening_balance": balance
        });
        let (status, opened) = self.post("/v1/accounts", &body);
        assert_eq!(status, 201, "{opened}");
        opened["account_id"].as_str().unwrap().to_owned()
    }
}

fn answer(mut response: Response<Body>) -> Answer {
    let text = response.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (response.status().as_u16(), body)
}
