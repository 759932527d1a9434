//! Clients of the HTTP API that do what clients do: they time out and ask again, ask twice at once, ask once more long
//! after, and each goes on under its key until it is answered.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tributary_ids::{AccountId, PaymentId};
use tributary_load::Population;
use ureq::{Agent, Body, http::Response};

use crate::observer::now;

/// Some forty payments a second from those that wait for no end, and some from the others; a client rests 200 ms on average.
const CLIENTS: u64 = 16;
const REST_MS: u64 = 400;

/// How long a client goes on asking: longer than anything may be away.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a patient client waits for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// How long a client waits before it asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A place in the log that an answer named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// A payment that a client wants, once.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    key: String,
    pub(crate) debtor: AccountId,
    pub(crate) creditor: AccountId,
    /// Units of the currency, of which every account has enough.
    pub(crate) amount: u32,
    /// Whether both accounts exist.
    pub(crate) can_complete: bool,
    customer: String,
    /// The payment that it became, by the first answer that acknowledged it.
    pub(crate) payment: Option<PaymentId>,
    /// Where the answers said that it stands: the command's record, or the payment's last event.
    pub(crate) places: Vec<Place>,
}

/// How a post is made.
#[derive(Clone, Copy)]
struct Post {
    /// Seconds that the gateway is asked to wait for the payment's end.
    wait: Option<u32>,
    /// How long the first answer is waited for; later ones patiently.
    at_first: Duration,
}

/// At once, or after the end: as patient clients ask.
const NO_WAIT: Post = Post {
    wait: None,
    at_first: ANSWER_WITHIN,
};
const TO_THE_END: Post = Post {
    wait: Some(5),
    at_first: ANSWER_WITHIN,
};

struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    fn text(&self, field: &str) -> Result<&str, String> {
        let text = self.body[field].as_str();
        text.ok_or_else(|| format!("no {field} in {} {}", self.status, self.body))
    }

    /// The payment that the answer is about.
    fn payment(&self) -> Result<PaymentId, String> {
        let id = match self.status {
            202 => self.text("resource")?.trim_start_matches("/v1/payments/"),
            _ => self.text("payment_id")?,
        };
        id.parse().map_err(|_| format!("{id} is no id of a payment"))
    }

    fn place(&self) -> Result<Place, String> {
        let position = &self.body["position"];
        let number = |field: &str| position[field].as_i64();
        let place = || {
            Some(Place {
                topic: position["topic"].as_str()?.to_owned(),
                partition: i32::try_from(number("partition")?).ok()?,
                offset: number("offset")?,
            })
        };
        place().ok_or_else(|| format!("no position in {} {}", self.status, self.body))
    }
}

struct Shared {
    api: SocketAddr,
    population: Population,
    agent: Agent,
    stop: AtomicBool,
    wishes: Mutex<Vec<Wish>>,
    /// What no client may see.
    wrong: Mutex<Vec<String>>,
    refused: Mutex<u64>,
    /// Longest time that a client which waits for no end asked until its payment was acknowledged.
    slowest: Mutex<Duration>,
}

pub(crate) struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the clients wished for and were told.
pub(crate) struct Told {
    pub(crate) wishes: Vec<Wish>,
    /// Posts that were refused, and may have had no effect.
    pub(crate) refused: u64,
}

impl Clients {
    pub(crate) fn start(api: SocketAddr, population: &Population, seed: u64) -> Self {
        let config = Agent::config_builder().http_status_as_error(false);
        let shared = Arc::new(Shared {
            api,
            population: population.clone(),
            agent: config.build().into(),
            stop: AtomicBool::new(false),
            wishes: Mutex::default(),
            wrong: Mutex::default(),
            refused: Mutex::default(),
            slowest: Mutex::default(),
        });
        let client = |number: u64| {
            let shared = Arc::clone(&shared);
            let random = ChaCha8Rng::seed_from_u64(seed * CLIENTS + number);
            thread::spawn(move || {
                // Half of them wait for no payment's end, so that payments begin whatever stands still.
                let turn = match number % 2 {
                    0 => Shared::pay_and_go,
                    _ => Shared::do_what_clients_do,
                };
                if let Err(wrong) = shared.run(random, turn) {
                    shared.wrong.lock().unwrap().push(wrong);
                }
            })
        };
        let threads = (0..CLIENTS).map(client).collect();
        Self { shared, threads }
    }

    /// What a client was told that none may be told, if any was.
    pub(crate) fn wrong(&self) -> Option<String> {
        self.shared.wrong.lock().unwrap().first().cloned()
    }

    /// The longest time until a client that asked for no more was told that its payment is in the log, retries included, since
    /// this was asked last.
    pub(crate) fn slowest(&self) -> Duration {
        std::mem::take(&mut self.shared.slowest.lock().unwrap())
    }

    /// Lets each client end what it asks for, and says what they were told.
    ///
    /// # Errors
    /// What no client may be told.
    pub(crate) fn stop(mut self) -> Result<Told, String> {
        self.end();
        match self.wrong() {
            Some(wrong) => Err(wrong),
            None => Ok(Told {
                wishes: std::mem::take(&mut self.shared.wishes.lock().unwrap()),
                refused: *self.shared.refused.lock().unwrap(),
            }),
        }
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                let mut wrong = self.shared.wrong.lock().unwrap();
                wrong.push("a client panicked".to_owned());
            }
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn run(
        &self,
        mut random: ChaCha8Rng,
        turn: fn(&Self, &mut ChaCha8Rng) -> Result<(), String>,
    ) -> Result<(), String> {
        while !self.stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(random.random_range(0..REST_MS)));
            turn(self, &mut random)?;
        }
        Ok(())
    }

    fn pay_and_go(&self, random: &mut ChaCha8Rng) -> Result<(), String> {
        self.pay(random, NO_WAIT)
    }

    fn do_what_clients_do(&self, random: &mut ChaCha8Rng) -> Result<(), String> {
        match random.random_range(0..12) {
            0..3 => self.pay(random, TO_THE_END),
            3..6 => {
                let at_first = Duration::from_millis(random.random_range(1..150));
                let post = Post {
                    at_first,
                    ..TO_THE_END
                };
                self.pay(random, post)
            }
            6..8 => self.pay_twice_at_once(random),
            8..10 => self.ask_again_long_after(random),
            10 => self.use_a_key_for_something_else(random),
            _ => self.pay_oneself(random),
        }
    }

    /// A new wish, and its number.
    fn wish(&self, random: &mut ChaCha8Rng) -> (usize, Wish) {
        let nobody = AccountId::named("nobody");
        let debtor = random.random_range(0..self.population.accounts());
        let other = random.random_range(1..self.population.accounts());
        let creditor = (debtor + other) % self.population.accounts();
        let account = |number| self.population.account(number);
        // Some are rejected, since nobody can't pay, and some returned, since nobody can't be paid.
        let (debtor_id, creditor_id) = match random.random_range(0..20) {
            0 => (nobody, account(creditor)),
            1 => (account(debtor), nobody),
            _ => (account(debtor), account(creditor)),
        };
        let wish = Wish {
            key: format!("{:016x}", random.next_u64()),
            debtor: debtor_id,
            creditor: creditor_id,
            amount: random.random_range(1..400),
            can_complete: debtor_id != nobody && creditor_id != nobody,
            customer: self.population.owner(debtor).to_string(),
            payment: None,
            places: Vec::new(),
        };
        let mut wishes = self.wishes.lock().unwrap();
        wishes.push(wish.clone());
        (wishes.len() - 1, wish)
    }

    fn pay(&self, random: &mut ChaCha8Rng, post: Post) -> Result<(), String> {
        let (number, wish) = self.wish(random);
        let answer = self.until_answered(&wish, post)?;
        self.acknowledged(number, &answer)
    }

    fn pay_twice_at_once(&self, random: &mut ChaCha8Rng) -> Result<(), String> {
        let (number, wish) = self.wish(random);
        let answers = thread::scope(|scope| {
            let twin = scope.spawn(|| self.until_answered(&wish, NO_WAIT));
            let own = self.until_answered(&wish, TO_THE_END);
            [
                own,
                twin.join().unwrap_or_else(|_| Err("a twin panicked".to_owned())),
            ]
        });
        for answer in answers {
            self.acknowledged(number, &answer?)?;
        }
        Ok(())
    }

    /// A payment that was acknowledged before others is asked for after them, and shown where the read model has come that far.
    fn ask_again_long_after(&self, random: &mut ChaCha8Rng) -> Result<(), String> {
        let Some((number, wish)) = self.acknowledged_before(random) else {
            return Ok(());
        };
        let answer = self.until_answered(&wish, TO_THE_END)?;
        if answer.status == 201 {
            return Err(format!("{wish:?} was created a second time: {}", answer.body));
        }
        self.acknowledged(number, &answer)?;
        self.look(&answer)
    }

    /// What an answer has told must be there for whoever waits for its place.
    fn look(&self, answer: &Answer) -> Result<(), String> {
        let (payment, place) = (answer.payment()?, answer.place()?);
        let position = format!("{}/{}@{}", place.topic, place.partition, place.offset);
        let request = self
            .agent
            .get(format!("http://{}/v1/payments/{payment}", self.api))
            .header("X-Wait-For", &position)
            .config()
            .timeout_global(Some(ANSWER_WITHIN))
            .build();
        match request.call().and_then(read) {
            Ok(shown) if shown.status == 200 && shown.payment()? != payment => {
                Err(format!("{payment} is shown as {}", shown.body))
            }
            // The read model or the gateway is away.
            Ok(Answer {
                status: 200 | 412 | 429 | 503,
                ..
            })
            | Err(_) => Ok(()),
            Ok(shown) => Err(format!(
                "{payment} of {position} is answered by {} {}",
                shown.status, shown.body
            )),
        }
    }

    fn use_a_key_for_something_else(&self, random: &mut ChaCha8Rng) -> Result<(), String> {
        let Some((_, wish)) = self.acknowledged_before(random) else {
            return Ok(());
        };
        let other = Wish {
            amount: wish.amount + 1,
            ..wish
        };
        let answer = self.until_answered(&other, TO_THE_END)?;
        match (answer.status, answer.body["code"].as_str()) {
            (422, Some("COMMAND_ID_REUSED" | "PAYMENT_CONFLICT")) => *self.refused.lock().unwrap() += 1,
            // It stands in the log, and its end was not waited for long enough.
            (202, _) => {}
            _ => {
                return Err(format!(
                    "{other:?} was answered by {} {}",
                    answer.status, answer.body
                ));
            }
        }
        Ok(())
    }

    fn pay_oneself(&self, random: &mut ChaCha8Rng) -> Result<(), String> {
        let account = self
            .population
            .account(random.random_range(0..self.population.accounts()));
        let wish = Wish {
            key: format!("{:016x}", random.next_u64()),
            debtor: account,
            creditor: account,
            amount: 1,
            can_complete: false,
            customer: self.population.owner(0).to_string(),
            payment: None,
            places: Vec::new(),
        };
        let answer = self.until_answered(&wish, NO_WAIT)?;
        match (answer.status, answer.body["code"].as_str()) {
            (422, Some("TRANSFER_TO_SELF")) => *self.refused.lock().unwrap() += 1,
            _ => {
                return Err(format!(
                    "{wish:?} was answered by {} {}",
                    answer.status, answer.body
                ));
            }
        }
        Ok(())
    }

    /// One of the last wishes that were acknowledged.
    fn acknowledged_before(&self, random: &mut ChaCha8Rng) -> Option<(usize, Wish)> {
        let wishes = self.wishes.lock().unwrap();
        let recent = wishes.len().saturating_sub(400)..wishes.len();
        let number = (!recent.is_empty()).then(|| random.random_range(recent))?;
        let wish = wishes.get(number)?;
        wish.payment.is_some().then(|| (number, wish.clone()))
    }

    fn acknowledged(&self, number: usize, answer: &Answer) -> Result<(), String> {
        let mut wishes = self.wishes.lock().unwrap();
        let wish = &mut wishes[number];
        if !matches!(answer.status, 200..=202) {
            return Err(format!(
                "{wish:?} was answered by {} {}",
                answer.status, answer.body
            ));
        }
        let payment = answer.payment()?;
        if *wish.payment.get_or_insert(payment) != payment {
            return Err(format!("{wish:?} is another payment now: {}", answer.body));
        }
        wish.places.push(answer.place()?);
        Ok(())
    }

    /// Posts it until the answer is one that says what became of the post.
    fn until_answered(&self, wish: &Wish, post: Post) -> Result<Answer, String> {
        let since = now();
        let mut within = post.at_first;
        loop {
            let said = match self.post(wish, post.wait, within) {
                Ok(answer) if !matches!(answer.status, 429 | 503) => {
                    if post.wait.is_none() {
                        let mut slowest = self.slowest.lock().unwrap();
                        *slowest = since.elapsed().max(*slowest);
                    }
                    return Ok(answer);
                }
                Ok(answer) => format!("{} {}", answer.status, answer.body),
                Err(error) => error.to_string(),
            };
            if since.elapsed() > PATIENCE {
                return Err(format!(
                    "{wish:?} was not acknowledged within {PATIENCE:?}; the last answer: {said}"
                ));
            }
            thread::sleep(AGAIN_AFTER);
            within = ANSWER_WITHIN;
        }
    }

    fn post(&self, wish: &Wish, wait: Option<u32>, within: Duration) -> Result<Answer, ureq::Error> {
        let body = json!({
            "customer": wish.customer, "debtor": wish.debtor, "creditor": wish.creditor,
            "amount": wish.amount.to_string(), "currency": "CZK"
        });
        let mut request = self
            .agent
            .post(format!("http://{}/v1/payments", self.api))
            .header("Idempotency-Key", &wish.key)
            .header("Content-Type", "application/json");
        if let Some(seconds) = wait {
            request = request.header("Prefer", format!("wait={seconds}"));
        }
        let request = request.config().timeout_global(Some(within)).build();
        request.send(body.to_string()).and_then(read)
    }
}

/// Whether the gateway says that it can serve.
pub(crate) fn is_ready(api: SocketAddr) -> bool {
    let config = Agent::config_builder().timeout_global(Some(ANSWER_WITHIN));
    let agent: Agent = config.build().into();
    agent.get(format!("http://{api}/ready")).call().is_ok()
}

fn read(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let text = response.body_mut().read_to_string()?;
    Ok(Answer {
        status: response.status().as_u16(),
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}
