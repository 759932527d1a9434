//! One bank for all tests of this binary, and a client of its API.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bank::LocalBank;
use serde_json::{Value, json};
use tributary_gateway::{Gateway, Limits, Options};
use ureq::http::Response;
use ureq::{Agent, Body};

/// Longest that anything here may take: the broker is cold, and other tests may run beside this one.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) fn bank() -> &'static LocalBank {
    static BANK: OnceLock<LocalBank> = OnceLock::new();
    BANK.get_or_init(|| {
        let options = tributary_local_stack::Options::temporary().own_servers();
        let bank = LocalBank::start(&options).unwrap();
        await_ready(&Client::at(bank.api()));
        bank
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test that waits says when it gives up"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Until the read models stand: a gateway that has just started says what it can't answer yet.
fn await_ready(client: &Client) {
    let since = now();
    while client.get("/ready").status != 200 {
        assert!(since.elapsed() < WITHIN, "{:?}", client.get("/ready"));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A further gateway of the bank, with limits of its own and without a key store.
pub(crate) fn gateway(limits: Limits) -> Gateway {
    let bank = bank();
    let gateway = Gateway::start(Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        brokers: bank.brokers(),
        database_url: bank.database_url(),
        personal_data: None,
        limits,
        hosts: vec!["bank".to_owned()],
    })
    .unwrap();
    await_ready(&Client::at(gateway.address()));
    gateway
}

/// A key that no other wish has.
pub(crate) fn key() -> String {
    format!("key-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: ureq::http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    fn of(mut response: Response<Body>) -> Self {
        let text = response.body_mut().read_to_string().unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
            .to_str()
            .unwrap()
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field]
            .as_str()
            .unwrap_or_else(|| panic!("no {field} in {self:?}"))
    }

    /// The problem's code; that it is a problem, and links its entry, is checked.
    pub(crate) fn code(&self) -> &str {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(self.body["status"], self.status, "{self:?}");
        let code = self.text("code");
        let entry = format!("/docs/errors.md#{}", code.to_lowercase());
        assert_eq!(self.text("type"), entry);
        code
    }

    /// The position of what was answered, as it is waited for.
    pub(crate) fn position(&self) -> String {
        let position = &self.body["position"];
        format!(
            "{}/{}@{}",
            position["topic"].as_str().unwrap(),
            position["partition"],
            position["offset"]
        )
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// A client of one gateway.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    pub(crate) at: SocketAddr,
}

impl Client {
    pub(crate) fn of_bank() -> Self {
        Self::at(bank().api())
    }

    pub(crate) fn at(at: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(WITHIN));
        Self {
            agent: config.build().into(),
            at,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("http://{}{path}", self.at));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.call().unwrap())
    }

    /// Posts a wish, and waits for its outcome.
    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.post_with(path, &[("Idempotency-Key", key), ("Prefer", "wait=30")], body)
    }

    /// Posts a wish, and waits for nothing.
    pub(crate) fn send(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.post_with(path, &[("Idempotency-Key", key)], body)
    }

    pub(crate) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.post_text(
            path,
            &[headers, &[("Content-Type", "application/json")]].concat(),
            &body.to_string(),
        )
    }

    pub(crate) fn post_text(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = self.agent.post(format!("http://{}{path}", self.at));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send(body).unwrap())
    }

    /// Amends something, and waits for the outcome.
    pub(crate) fn patch(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.agent.patch(format!("http://{}{path}", self.at));
        let request = request.header("Idempotency-Key", key).header("Prefer", "wait=30");
        let request = request.header("Content-Type", "application/json");
        Answer::of(request.send(body.to_string()).unwrap())
    }

    /// Cancels something, and waits for the outcome.
    pub(crate) fn delete(&self, path: &str, key: &str) -> Answer {
        let request = self.agent.delete(format!("http://{}{path}", self.at));
        let request = request.header("Idempotency-Key", key).header("Prefer", "wait=30");
        Answer::of(request.call().unwrap())
    }

    /// Cancels something, and waits for nothing.
    pub(crate) fn delete_without_waiting(&self, path: &str, key: &str) -> Answer {
        let request = self.agent.delete(format!("http://{}{path}", self.at));
        Answer::of(request.header("Idempotency-Key", key).call().unwrap())
    }

    /// Opens an account in CZK with money on it, and waits until it can be read; its id.
    pub(crate) fn account(&self, balance: &str) -> String {
        let body = json!({
            "owner": OWNER, "product": "current", "currency": "CZK", "opening_balance": balance
        });
        let opened = self.post("/v1/accounts", &key(), &body).expect(201);
        assert_eq!(opened.header("preference-applied"), "wait=30");
        let account = opened.text("account_id").to_owned();
        self.get_after(&opened, &format!("/v1/accounts/{account}"))
            .expect(200);
        account
    }

    /// What is read there once the read model has taken in what was answered: it follows the log, and may be behind.
    pub(crate) fn get_after(&self, answered: &Answer, path: &str) -> Answer {
        let position = answered.position();
        until(&position, || {
            let read = self.get_with(path, &[("X-Wait-For", &position)]);
            (read.status != 412).then_some(read)
        })
    }

    /// The account's posted balance as far as the read model has come.
    pub(crate) fn posted(&self, account: &str) -> String {
        let shown = self.get(&format!("/v1/accounts/{account}")).expect(200);
        shown.body["balances"]["posted"].as_str().unwrap().to_owned()
    }
}

/// The customer of every account here.
pub(crate) const OWNER: &str = "0f1a3c52-0f3e-4a11-8f7f-1f0b0d2c9a01";

/// A payment's body.
pub(crate) fn payment(debtor: &str, creditor: &str, amount: &str) -> Value {
    json!({
        "customer": OWNER, "debtor": debtor, "creditor": creditor, "amount": amount, "currency": "CZK"
    })
}

/// Tries until it succeeds.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let since = now();
    while since.elapsed() < WITHIN {
        if let Some(found) = attempt() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not come within {WITHIN:?}");
}
