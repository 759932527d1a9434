//! Load: a client that sends commands without pause, and knows which ones the log acknowledged.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_contracts::{
    accounts::{
        AccountsCommand, Credit, Debit, Direction, GlAccount, OpenAccount, Release, Reserve, TransferOut,
    },
    codec::{self, Message},
    envelope::{BusinessDate, Channel, CommandEnvelope, Initiator},
    partition::partition_of,
    record::Outgoing,
    topics::{ACCOUNTS_INBOX, LOCAL_PARTITIONS, Topic},
};
use tributary_ids::{AccountId, CommandId, CustomerId, HoldId, PaymentId};
use tributary_stream::{driver::wall_clock_ms, kafka::CommandProducer};

const ACCOUNTS: usize = 40;
const IN_FLIGHT_MAX: usize = 500;
/// Some 700 commands a second: the service is busy, and keeps up.
const PAUSE: Duration = Duration::from_micros(1_200);

/// What became of the commands that were sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Partition and offset of every acknowledged command.
    pub(crate) acknowledged: Vec<(i32, i64)>,
    /// Commands that may or may not be in the log.
    pub(crate) uncertain: usize,
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<Mutex<Sent>>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(brokers: &str, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(Mutex::new(Sent::default()));
        let note = Arc::clone(&sent);
        let producer = CommandProducer::connect(brokers, Duration::ZERO, IN_FLIGHT_MAX, move |delivered| {
            let mut sent = note.lock().unwrap();
            match delivered.result {
                Ok(position) => sent.acknowledged.push(position),
                Err(_) => sent.uncertain += 1,
            }
        })
        .unwrap();
        let asked = Arc::clone(&stop);
        let thread = thread::spawn(move || send(&producer, seed, &asked));
        Self {
            stop,
            sent,
            thread: Some(thread),
        }
    }

    /// Stops sending; what was acknowledged in all.
    pub(crate) fn stop(mut self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // A test that failed while it ran: nothing is asked of it any more, but it must not go on beside the next one.
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn send(producer: &CommandProducer, seed: u64, stop: &AtomicBool) {
    let mut clients = Clients {
        rng: ChaCha8Rng::seed_from_u64(seed),
        seed,
        number: 0,
        holds: Vec::new(),
    };
    for account in 0..ACCOUNTS {
        producer.send(&clients.record(&open(seed, account)), 0).unwrap();
    }
    while !stop.load(Ordering::Relaxed) {
        let command = clients.next();
        // The broker may be away for longer than one send waits; the same record is offered again.
        let record = clients.record(&command);
        while producer.send(&record, 0).is_err() && !stop.load(Ordering::Relaxed) {}
        thread::sleep(PAUSE);
    }
    producer.flush().unwrap();
}

fn account(seed: u64, number: usize) -> AccountId {
    AccountId::named(&format!("crash/{seed}/{number}"))
}

fn today() -> BusinessDate {
    "2026-01-05".parse().unwrap()
}

fn open(seed: u64, number: usize) -> AccountsCommand {
    OpenAccount {
        account_id: account(seed, number),
        owner: CustomerId::named(&format!("crash/{seed}/{number}")),
        product: "history".into(),
        currency: "CZK".parse().unwrap(),
        overdraft_limit: "0".into(),
        booking_date: today(),
        opening_balance: "1000.00".into(),
    }
    .into()
}

struct Clients {
    rng: ChaCha8Rng,
    seed: u64,
    number: u64,
    holds: Vec<(AccountId, HoldId)>,
}

impl Clients {
    fn next(&mut self) -> AccountsCommand {
        self.number += 1;
        let account_id = account(self.seed, self.rng.random_range(0..ACCOUNTS));
        let creditor = account(self.seed, self.rng.random_range(0..ACCOUNTS));
        let (amount, currency) = (
            format!("{}.{:02}", self.rng.random_range(1..40), 5),
            "CZK".parse().unwrap(),
        );
        let name = format!("crash/{}/{}", self.seed, self.number);
        let (contra, booking_date) = (GlAccount::CASH, today());
        match self.rng.random_range(0..10) {
            0..3 => Credit {
                account_id,
                amount: amount.into(),
                currency,
                contra,
                rounding: None,
                booking_date,
                value_date: None,
                import: None,
                details: Default::default(),
            }
            .into(),
            3..5 => Debit {
                account_id,
                amount: amount.into(),
                currency,
                contra,
                rounding: None,
                forced: false,
                booking_date,
                value_date: None,
                import: None,
                details: Default::default(),
            }
            .into(),
            5..8 => TransferOut {
                account_id,
                payment_id: PaymentId::named(&name),
                creditor,
                amount: amount.into(),
                currency,
                hold_id: None,
                booking_date,
                value_date: None,
                import: None,
                details: Default::default(),
            }
            .into(),
            8 => self.reserve(account_id, HoldId::named(&name), amount),
            _ => match self.holds.pop() {
                Some((account_id, hold_id)) => Release { account_id, hold_id }.into(),
                None => self.reserve(account_id, HoldId::named(&name), amount),
            },
        }
    }

    /// Half of the holds lapse soon, by a timer.
    fn reserve(&mut self, account_id: AccountId, hold_id: HoldId, amount: String) -> AccountsCommand {
        self.holds.push((account_id, hold_id));
        let expires_at = self
            .rng
            .random_bool(0.5)
            .then(|| wall_clock_ms() + self.rng.random_range(500..5_000));
        let (direction, currency) = (Direction::Out, "CZK".parse().unwrap());
        Reserve {
            account_id,
            hold_id,
            direction,
            amount: amount.into(),
            currency,
            expires_at,
        }
        .into()
    }

    fn record(&self, command: &AccountsCommand) -> Outgoing {
        let id = CommandId::named(&format!("crash/{}/{}/{}", self.seed, self.number, command.key()));
        record(ACCOUNTS_INBOX, id, command.key(), command)
    }
}

/// A command as nobody in particular sends it, who waits for no answer.
pub(crate) fn record(inbox: Topic, id: CommandId, key: String, command: &impl Message) -> Outgoing {
    let envelope = CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: None,
        reply_to: None,
        not_after: Some(wall_clock_ms() + 500_000),
        initiator: Initiator {
            actor: "load".into(),
            on_behalf_of: None,
            channel: Channel::Online,
            branch: None,
        },
        data: command,
    };
    let key = key.into_bytes();
    Outgoing {
        topic: inbox.name,
        partition: partition_of(&key, LOCAL_PARTITIONS).unwrap(),
        key,
        headers: codec::headers(&id, "load", command.ce_type(), None),
        value: codec::encode(&envelope),
    }
}
