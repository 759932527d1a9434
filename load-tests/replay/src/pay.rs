//! A history's transfers as payments: each is asked for through the HTTP API and followed until it has ended.
//!
//! A request that fails on its way is made again under the same key, and so is one that is turned away because the bank is
//! behind. What a person would have to decide was decided when it happened: a payment that waits for review is approved.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use smol_str::SmolStr;
use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};
use tributary_money::Currency;
use ureq::{Agent, Body, http::Response};

use crate::{clock::Moment, topic::Refused};

/// Requests that are open at once. Each waits for its payment's end, which takes some tenths of a second.
const OPEN_MAX: usize = 128;

/// How long one request may wait for its payment's end, in seconds.
const WAIT_SECONDS: u32 = 10;

/// Between two looks at a payment that hasn't ended, and before a request is made again.
const PAUSE: Duration = Duration::from_millis(100);

/// How long nothing may come of a payment.
const PATIENCE: Duration = Duration::from_secs(60);

/// A transfer to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Errand {
    /// Of the row; the payment's idempotency key.
    pub(crate) row: CommandId,
    pub(crate) customer: CustomerId,
    pub(crate) debtor: AccountId,
    pub(crate) creditor: AccountId,
    pub(crate) amount: SmolStr,
    pub(crate) currency: Currency,
    pub(crate) booking_date: chrono::NaiveDate,
}

/// What a person says of a payment that waits for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Review {
    Approve,
    Reject,
}

/// How a transfer ended.
#[derive(Debug)]
pub(crate) struct Paid {
    pub(crate) row: CommandId,
    pub(crate) payment: PaymentId,
    /// It was asked for in an earlier replay.
    pub(crate) known_before: bool,
    /// Why no money was moved.
    pub(crate) refused: Option<Refused>,
}

/// Why nothing can be said of a payment.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the API can't be reached: {0}")]
    Unreachable(Box<ureq::Error>),
    #[error("the API answered {status} to {what}: {detail}")]
    Unexpected {
        what: &'static str,
        status: u16,
        detail: String,
    },
    #[error("payment {payment} has not ended for {} s: it is {state}", PATIENCE.as_secs())]
    Unended { payment: PaymentId, state: String },
}

/// Makes payments on threads of its own, which end with it.
pub(crate) struct Payer {
    errands: Sender<Errand>,
    ended: Receiver<Result<Paid, ApiError>>,
    under_way: usize,
}

impl Payer {
    /// `api`: `http://host:port`.
    pub(crate) fn start(api: &str) -> Self {
        let (errands, taken) = channel::<Errand>();
        let taken = Arc::new(Mutex::new(taken));
        let (tell, ended) = channel();
        let api = Api::at(api, OPEN_MAX);
        for _ in 0..OPEN_MAX {
            let (taken, tell, api) = (Arc::clone(&taken), tell.clone(), api.clone());
            thread::spawn(move || {
                loop {
                    let errand = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    // Nobody sends or listens any more once the replay has ended.
                    let Ok(errand) = errand else { return };
                    // A person has decided that when it happened.
                    if tell.send(api.pay(&errand, Review::Approve)).is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            errands,
            ended,
            under_way: 0,
        }
    }

    pub(crate) fn send(&mut self, errand: Errand) {
        // The threads take errands for as long as this is there.
        if self.errands.send(errand).is_ok() {
            self.under_way += 1;
        }
    }

    /// Payments that haven't ended.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    /// What has ended since it was last asked.
    pub(crate) fn ended(&mut self) -> Result<Vec<Paid>, ApiError> {
        let ended: Vec<Paid> = self.ended.try_iter().collect::<Result<_, _>>()?;
        self.under_way -= ended.len();
        Ok(ended)
    }
}

#[derive(Clone)]
pub(crate) struct Api {
    agent: Agent,
    address: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: Value,
}

impl Answer {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    pub(crate) fn unexpected(&self, what: &'static str) -> ApiError {
        ApiError::Unexpected {
            what,
            status: self.status,
            detail: format!("{} {}", self.text("code"), self.text("detail")),
        }
    }

    pub(crate) fn refused(&self) -> Refused {
        Refused {
            code: self.text("code").to_owned(),
            detail: self.text("detail").to_owned(),
        }
    }
}

impl Api {
    /// `address`: `http://host:port`. `open_max`: requests that are open at once.
    pub(crate) fn at(address: &str, open_max: usize) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections_per_host(open_max)
            .build();
        Self {
            agent: config.into(),
            address: address.trim_end_matches('/').to_owned(),
        }
    }

    /// Asks under this key until it was decided, and not only taken down.
    pub(crate) fn decided(&self, address: &str, key: &str, body: &Value) -> Result<Answer, ApiError> {
        let since = Moment::now();
        loop {
            let answer = self.answered(|| self.post(address, key, body))?;
            if answer.status != 202 || since.elapsed() > PATIENCE {
                return Ok(answer);
            }
        }
    }

    /// Asks for a payment and follows it until it has ended.
    pub(crate) fn pay(&self, errand: &Errand, review: Review) -> Result<Paid, ApiError> {
        let body = json!({
            "customer": errand.customer.0,
            "debtor": errand.debtor.0,
            "creditor": errand.creditor.0,
            "amount": errand.amount,
            "currency": errand.currency.code(),
            "booking_date": errand.booking_date,
        });
        let key = errand.row.to_string();
        let answer = self.answered(|| self.post("/v1/payments", &key, &body))?;
        let known_before = answer.status == 200;
        let (payment, refused) = match answer.status {
            200 | 201 => self.follow(payment_of(answer.text("payment_id")), Some(answer), review)?,
            202 => {
                let resource = answer.text("resource");
                let id = resource.rsplit('/').next().unwrap_or_default();
                self.follow(payment_of(id), None, review)?
            }
            400..=499 => (PaymentId(errand.row.0), Some(answer.refused())),
            _ => return Err(answer.unexpected("a payment")),
        };
        Ok(Paid {
            row: errand.row,
            payment,
            known_before,
            refused,
        })
    }

    /// Looks at a payment until it has ended. `seen` is what was last seen of it.
    fn follow(
        &self,
        payment: PaymentId,
        mut seen: Option<Answer>,
        review: Review,
    ) -> Result<(PaymentId, Option<Refused>), ApiError> {
        let address = format!("/v1/payments/{payment}");
        let since = Moment::now();
        loop {
            let answer = match seen.take() {
                Some(answer) => answer,
                None => self.answered(|| self.get(&address))?,
            };
            let state = match answer.status {
                200 | 201 => answer.text("state"),
                // The read model hasn't come to it.
                404 => "unknown",
                _ => return Err(answer.unexpected("a look at a payment")),
            };
            match state {
                "completed" => return Ok((payment, None)),
                "rejected" | "returned" => return Ok((payment, Some(answer.refused()))),
                "in-review" => self.review(&address, payment, review)?,
                state if since.elapsed() > PATIENCE => {
                    let state = state.to_owned();
                    return Err(ApiError::Unended { payment, state });
                }
                _ => {}
            }
            thread::sleep(PAUSE);
        }
    }

    fn review(&self, address: &str, payment: PaymentId, review: Review) -> Result<(), ApiError> {
        let (decision, reason) = match review {
            Review::Approve => ("approve", "recorded-history"),
            Review::Reject => ("reject", "known-fraud"),
        };
        let body = json!({ "decision": decision, "reason": reason });
        let key = format!("{decision}-{payment}");
        let answer = self.answered(|| self.post(&format!("{address}/review"), &key, &body))?;
        match answer.status {
            // 422: somebody else was faster.
            200..=299 | 422 => Ok(()),
            _ => Err(answer.unexpected("a review")),
        }
    }

    /// Asks until there is an answer that says something.
    fn answered(&self, ask: impl Fn() -> Result<Response<Body>, ureq::Error>) -> Result<Answer, ApiError> {
        let since = Moment::now();
        loop {
            let again = since.elapsed() < PATIENCE;
            match ask() {
                Ok(response) if again && [429, 503].contains(&response.status().as_u16()) => {}
                Ok(mut response) => {
                    return Ok(Answer {
                        status: response.status().as_u16(),
                        body: response.body_mut().read_json().unwrap_or(Value::Null),
                    });
                }
                Err(_) if again => {}
                Err(error) => return Err(ApiError::Unreachable(Box::new(error))),
            }
            thread::sleep(PAUSE);
        }
    }

    fn post(&self, address: &str, key: &str, body: &Value) -> Result<Response<Body>, ureq::Error> {
        let request = self.agent.post(format!("{}{address}", self.address));
        request
            .header("Idempotency-Key", key)
            .header("Prefer", format!("wait={WAIT_SECONDS}"))
            .send_json(body)
    }

    fn get(&self, address: &str) -> Result<Response<Body>, ureq::Error> {
        self.agent.get(format!("{}{address}", self.address)).call()
    }
}

/// No payment's id where it is none: then the look at it says so.
fn payment_of(text: &str) -> PaymentId {
    text.parse().unwrap_or(PaymentId(uuid::Uuid::nil()))
}
