//! A Kafka, the ledger's service on it, and hands and eyes on its topics. All tests of this binary share one.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tributary_accounts::Accounts;
use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent, GlAccount, OpenAccount},
    codec::{self, Message, read_event},
    envelope::{Channel, CommandEnvelope, EventEnvelope, Initiator},
    partition::partition_of,
    record::{Outgoing, Record},
    runtime::RuntimeEvent,
    topics::{ACCOUNTS_DLQ, ACCOUNTS_EVENTS, ACCOUNTS_INBOX, ALL, LOCAL_PARTITIONS},
};
use tributary_ids::{AccountId, CommandId, CustomerId};
use tributary_local_stack::{Options, Stack};
use tributary_stream::{
    StreamEvent,
    instance::{Instance, InstanceOptions},
    kafka::{CommandProducer, Delivered, EventReader, topics},
    worker::WorkerConfig,
};

pub(crate) type Event = EventEnvelope<StreamEvent<AccountsEvent>>;

/// Most time between a command and its events: the broker is cold, and two tests may run beside this one.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Bank {
    brokers: String,
    producer: CommandProducer,
    deliveries: mpsc::Receiver<Delivered>,
    // In this order: the service ends before its broker.
    _instance: Instance,
    _stack: Stack,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The one bank, for one test at a time.
pub(crate) fn bank() -> MutexGuard<'static, Bank> {
    static BANK: OnceLock<Mutex<Bank>> = OnceLock::new();
    BANK.get_or_init(|| Mutex::new(Bank::start()))
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client says until when its command is worth something"
)]
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

impl Bank {
    fn start() -> Self {
        let mut options = Options::temporary().own_servers();
        options.external_database_url = Some("postgres://none".to_owned());
        let stack = Stack::start(&options).unwrap();
        let brokers = stack.brokers();
        topics::apply(&brokers, ALL, LOCAL_PARTITIONS, 1).unwrap();
        let instance = Instance::start::<Accounts>(&InstanceOptions {
            brokers: brokers.clone(),
            instance: "test".to_owned(),
            workers: 1,
            snapshots: None,
            worker: WorkerConfig::local(LOCAL_PARTITIONS),
        })
        .unwrap();
        let (delivered, deliveries) = mpsc::channel();
        let producer = CommandProducer::connect(&brokers, Duration::ZERO, 1000, move |delivery| {
            delivered.send(delivery).unwrap();
        })
        .unwrap();
        Self {
            brokers,
            producer,
            deliveries,
            _instance: instance,
            _stack: stack,
        }
    }

    /// A name that no other test uses.
    pub(crate) fn unique(&self, what: &str) -> String {
        format!("{what}/{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Writes a record to the inbox; its partition and offset.
    pub(crate) fn append(&self, record: &Outgoing) -> (i32, i64) {
        self.producer.send(record, 0).unwrap();
        let delivered = self.deliveries.recv_timeout(ANSWER_WITHIN).unwrap();
        delivered.result.unwrap()
    }

    /// Sends a command and waits for the events that answer it.
    pub(crate) fn ask(&self, command: impl Into<AccountsCommand>) -> Vec<Event> {
        let id = CommandId::named(&self.unique("command"));
        self.answer(&record(id, &command.into(), Some(now_ms() + 60_000)))
    }

    /// Writes a record and waits for the events that answer it.
    pub(crate) fn answer(&self, record: &Outgoing) -> Vec<Event> {
        let (partition, offset) = self.append(record);
        let answers = |event: &Event| event.origin.partition == partition && event.origin.offset == offset;
        self.await_events(|events| {
            let found: Vec<_> = events.iter().filter(|event| answers(event)).cloned().collect();
            found
                .last()
                .is_some_and(|last| last.index + 1 == last.of)
                .then_some(found)
        })
    }

    /// Everything in the events topic, once `found` finds what it looks for.
    pub(crate) fn await_events<T>(&self, mut found: impl FnMut(&[Event]) -> Option<T>) -> T {
        let mut reader = self.read(ACCOUNTS_EVENTS.name);
        let mut events = Vec::new();
        let deadline = now_ms() + ANSWER_WITHIN.as_millis() as i64;
        loop {
            let batch = reader.poll(Duration::from_millis(200), 10_000).unwrap();
            events.extend(batch.records.iter().map(event));
            if let Some(found) = found(&events) {
                return found;
            }
            assert!(
                now_ms() < deadline,
                "no answer within {ANSWER_WITHIN:?}; {} events",
                events.len()
            );
        }
    }

    pub(crate) fn dead_letters(&self) -> Vec<Record> {
        let mut reader = self.read(ACCOUNTS_DLQ.name);
        let mut records = Vec::new();
        while !reader.at_end() {
            records.extend(reader.poll(Duration::from_millis(200), 10_000).unwrap().records);
        }
        records
    }

    fn read(&self, topic: &str) -> EventReader {
        let from: BTreeMap<i32, i64> = (0..LOCAL_PARTITIONS).map(|partition| (partition, 0)).collect();
        EventReader::open(&self.brokers, topic, &from).unwrap()
    }

    /// Opens an account in CZK with money on it.
    pub(crate) fn account(&self, balance: &str) -> AccountId {
        let account_id = AccountId::named(&self.unique("account"));
        let events = self.ask(OpenAccount {
            account_id,
            owner: CustomerId::named("owner"),
            product: "history".into(),
            currency: "CZK".parse().unwrap(),
            overdraft_limit: "0".into(),
            booking_date: date("2026-01-05"),
            opening_balance: balance.into(),
        });
        assert_eq!(refusal(&events), None);
        account_id
    }
}

pub(crate) fn date(text: &str) -> tributary_contracts::envelope::BusinessDate {
    text.parse().unwrap()
}

pub(crate) fn cash() -> GlAccount {
    GlAccount::CASH
}

/// A command as a record of the inbox.
pub(crate) fn record(id: CommandId, command: &AccountsCommand, not_after: Option<i64>) -> Outgoing {
    let envelope = CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: None,
        reply_to: None,
        not_after,
        initiator: Initiator {
            actor: "teller/1".into(),
            on_behalf_of: None,
            channel: Channel::Branch,
            branch: None,
        },
        data: command,
    };
    let key = command.key().into_bytes();
    Outgoing {
        topic: ACCOUNTS_INBOX.name,
        partition: partition_of(&key, LOCAL_PARTITIONS).unwrap(),
        key,
        headers: codec::headers(&id, "test", command.ce_type(), None),
        value: codec::encode(&envelope),
    }
}

fn event(record: &Record) -> Event {
    read_event(record).unwrap()
}

/// The code with which a command was refused or dead-lettered.
pub(crate) fn refusal(events: &[Event]) -> Option<&str> {
    match events {
        [event] => match &event.data {
            StreamEvent::Runtime(RuntimeEvent::CommandRefused(refused)) => Some(&refused.code),
            StreamEvent::Runtime(RuntimeEvent::DeadLettered(dead)) => Some(&dead.code),
            _ => None,
        },
        _ => None,
    }
}
