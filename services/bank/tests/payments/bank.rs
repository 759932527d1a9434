//! A bank of the test's own, and hands on its inboxes.

use std::{
    sync::mpsc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bank::LocalBank;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::runtime::Runtime;
use tributary_contracts::{
    accounts::OpenAccount,
    codec::{self, Message},
    envelope::{BusinessDate, Channel, CommandEnvelope, Initiator},
    partition::partition_of,
    payments::{InitiateTransfer, PaymentsCommand},
    record::Outgoing,
    topics::{ACCOUNTS_INBOX, LOCAL_PARTITIONS, PAYMENTS_INBOX, Topic},
};
use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};
use tributary_local_stack::Options;
use tributary_stream::kafka::{CommandProducer, Delivered};

/// How long the bank may take until a row is as expected; the broker is cold, and other tests may run beside.
const WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Bank {
    producer: CommandProducer,
    deliveries: mpsc::Receiver<Delivered>,
    runtime: Runtime,
    database: PgConnection,
    pub(crate) local: LocalBank,
}

pub(crate) fn account(name: &str) -> AccountId {
    AccountId::named(name)
}

pub(crate) fn today() -> BusinessDate {
    "2026-11-25".parse().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client says until when its command is worth something"
)]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

impl Bank {
    pub(crate) fn start() -> Self {
        let local = LocalBank::start(&Options::temporary().own_servers()).unwrap();
        let (delivered, deliveries) = mpsc::channel();
        let producer = CommandProducer::connect(&local.brokers(), Duration::ZERO, 1000, move |delivery| {
            delivered.send(delivery).unwrap();
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let database = runtime
            .block_on(PgConnection::connect(&local.database_url()))
            .unwrap();
        Self {
            producer,
            deliveries,
            runtime,
            database,
            local,
        }
    }

    pub(crate) fn open(&mut self, name: &str, balance: &str) {
        let command = OpenAccount {
            account_id: account(name),
            owner: CustomerId::named(name),
            product: "current".into(),
            currency: "CZK".parse().unwrap(),
            overdraft_limit: "0".into(),
            booking_date: today(),
            opening_balance: balance.into(),
        };
        let key = account(name).to_string();
        let command = tributary_contracts::accounts::AccountsCommand::from(command);
        self.send(&format!("open/{name}"), ACCOUNTS_INBOX, key, &command);
    }

    /// Pays; the payment's id is its name's.
    pub(crate) fn transfer(&mut self, name: &str, debtor: &str, creditor: &str, amount: &str) {
        self.pay(
            name,
            InitiateTransfer {
                payment_id: PaymentId::named(name),
                customer: CustomerId::named(debtor),
                debtor: account(debtor),
                creditor: account(creditor),
                amount: amount.into(),
                currency: "CZK".parse().unwrap(),
                booking_date: today(),
                remittance: None,
                details: Default::default(),
                occurrence: None,
            },
        );
    }

    /// Sends a command to the payments service. Its id is its name's.
    pub(crate) fn pay(&mut self, name: &str, command: impl Into<PaymentsCommand>) {
        let command = command.into();
        self.send(name, PAYMENTS_INBOX, command.key(), &command);
    }

    fn send(&mut self, name: &str, topic: Topic, key: String, command: &impl Message) {
        let id = CommandId::named(name);
        let envelope = CommandEnvelope {
            id,
            correlation_id: id.0,
            causation_id: None,
            reply_to: None,
            not_after: Some(now_ms() + 300_000),
            initiator: Initiator {
                actor: "customer".into(),
                on_behalf_of: None,
                channel: Channel::Online,
                branch: None,
            },
            data: command,
        };
        let record = Outgoing {
            topic: topic.name,
            partition: partition_of(key.as_bytes(), LOCAL_PARTITIONS).unwrap(),
            key: key.into_bytes(),
            headers: codec::headers(&id, "test", command.ce_type(), None),
            value: codec::encode(&envelope),
        };
        self.producer.send(&record, 0).unwrap();
        self.deliveries.recv_timeout(WITHIN).unwrap().result.unwrap();
    }

    /// The first column of every row, as text.
    pub(crate) fn rows(&mut self, sql: &str) -> Vec<String> {
        let rows = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.database);
        self.runtime.block_on(rows).unwrap()
    }

    /// Waits until the query gives these rows.
    pub(crate) fn await_rows(&mut self, sql: &str, expected: &[&str]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test that waits says when it gives up"
        )]
        let since = Instant::now();
        loop {
            let rows = self.rows(sql);
            if rows == expected {
                return;
            }
            assert!(since.elapsed() < WITHIN, "{rows:?} instead of {expected:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
