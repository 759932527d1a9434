//! The three services, each as in production, on one broker whose clock is in the test's hands.

use std::sync::Arc;

use tributary_accounts::Accounts;
use tributary_contracts::{
    accounts::{AccountsCommand, OpenAccount},
    codec::read_event,
    payments::{PaymentInitiated, PaymentsCommand, PaymentsEvent},
    runtime::RuntimeEvent,
    topics::{self, ACCOUNTS_INBOX, PAYMENTS_EVENTS, PAYMENTS_INBOX},
};
use tributary_fraud::{Fraud, FraudPayees};
use tributary_ids::{AccountId, CustomerId};
use tributary_payments::Payments;
use tributary_stream::{
    StreamEvent, TestDriver,
    memory::{FaultPoint, InjectedFault, MemoryBroker},
    snapshot::NoSnapshots,
    test_driver::command,
};
use uuid::Uuid;

use crate::bank::{NOW, PARTITIONS, czk};

const HOUR: i64 = 60 * 60 * 1000;

/// An event of the payments service, or a refusal as `Err` of its code.
pub(crate) struct Told {
    pub(crate) time: i64,
    pub(crate) correlation_id: Uuid,
    pub(crate) event: Result<PaymentsEvent, String>,
}

pub(crate) struct Clock {
    broker: MemoryBroker,
    accounts: TestDriver<Accounts>,
    pub(crate) payments: TestDriver<Payments>,
    fraud: TestDriver<Fraud>,
    fraud_payees: TestDriver<FraudPayees>,
    /// The payments service is away.
    pub(crate) away: bool,
    commands: u32,
}

impl Clock {
    /// Friday 2027-01-15, 9:00 in Prague. Ann has 20,000.00, Bob nothing.
    pub(crate) fn open() -> Self {
        let broker = MemoryBroker::new(topics::ALL, PARTITIONS);
        broker.set_time(NOW);
        let none = || Arc::new(NoSnapshots);
        let mut clock = Self {
            accounts: TestDriver::on(&broker, PARTITIONS, none()).unwrap(),
            payments: TestDriver::on(&broker, PARTITIONS, none()).unwrap(),
            fraud: TestDriver::on(&broker, PARTITIONS, none()).unwrap(),
            fraud_payees: TestDriver::on(&broker, PARTITIONS, none()).unwrap(),
            broker,
            away: false,
            commands: 0,
        };
        for (name, balance) in [("ann", "20000.00"), ("bob", "0")] {
            clock.ledger(OpenAccount {
                account_id: AccountId::named(name),
                owner: CustomerId::named(name),
                product: "current".into(),
                currency: czk(),
                overdraft_limit: "0".into(),
                booking_date: "2027-01-15".parse().unwrap(),
                opening_balance: balance.into(),
            });
        }
        clock
    }

    pub(crate) fn ledger(&mut self, of: impl Into<AccountsCommand>) {
        let of = of.into();
        let (name, not_after) = self.next();
        let record = command(ACCOUNTS_INBOX, PARTITIONS, &name, of.key(), not_after, &of);
        self.broker.append(record).unwrap();
        self.settle();
    }

    pub(crate) fn pay(&mut self, of: impl Into<PaymentsCommand>) {
        let of = of.into();
        let (name, not_after) = self.next();
        let record = command(PAYMENTS_INBOX, PARTITIONS, &name, of.key(), not_after, &of);
        self.broker.append(record).unwrap();
        self.settle();
    }

    fn next(&mut self) -> (String, Option<i64>) {
        self.commands += 1;
        (
            format!("clock/{}", self.commands),
            Some(self.broker.time() + 60_000),
        )
    }

    fn written(&self) -> i64 {
        let ends = topics::ALL.iter().flat_map(|topic| {
            (0..PARTITIONS).map(|partition| self.broker.end_offset(topic.name, partition).unwrap())
        });
        ends.sum()
    }

    /// Lets every service that is there get on until none writes any more. A payments service that dies starts again.
    pub(crate) fn settle(&mut self) {
        loop {
            let before = self.written();
            if !self.away && self.payments.run().is_err() {
                self.payments.restart();
                continue;
            }
            self.fraud.run().unwrap();
            self.fraud_payees.run().unwrap();
            self.accounts.run().unwrap();
            if self.written() == before {
                return;
            }
        }
    }

    /// Lets time pass until then, an hour at a time.
    pub(crate) fn until(&mut self, time: &str) {
        let time = chrono::DateTime::parse_from_rfc3339(time)
            .unwrap()
            .timestamp_millis();
        while self.broker.time() < time {
            self.broker.advance(HOUR.min(time - self.broker.time()));
            self.settle();
        }
    }

    /// The payments service dies at the point of its work with this number from now on, and starts again.
    pub(crate) fn dies_at(&mut self, point: usize) {
        let mut left = point;
        let plan = move |_: FaultPoint| {
            left = left.checked_sub(1)?;
            (left == 0).then_some(InjectedFault::Crash)
        };
        self.payments.restart_with(Box::new(plan));
    }

    /// All that the payments service wrote, partition by partition.
    pub(crate) fn told(&self) -> Vec<Told> {
        let records = self.payments.read(PAYMENTS_EVENTS.name).unwrap();
        let told = |record| {
            let envelope = read_event::<StreamEvent<PaymentsEvent>>(record).unwrap();
            let event = match envelope.data {
                StreamEvent::Service(event) => Ok(event),
                StreamEvent::Runtime(RuntimeEvent::CommandRefused(refused)) => Err(refused.code),
                StreamEvent::Runtime(_) => return None,
            };
            Some(Told {
                time: envelope.time,
                correlation_id: envelope.correlation_id,
                event,
            })
        };
        records.iter().filter_map(told).collect()
    }

    /// Code of the last refusal that came.
    pub(crate) fn refused_for(&self) -> String {
        let refusals = self
            .told()
            .into_iter()
            .filter_map(|told| Some((told.time, told.event.err()?)));
        refusals
            .max_by_key(|(time, _)| *time)
            .map(|(_, code)| code)
            .unwrap_or_default()
    }

    /// Payments that began, in the order of time.
    pub(crate) fn begun(&self) -> Vec<PaymentInitiated> {
        let mut begun: Vec<_> = self
            .told()
            .into_iter()
            .filter_map(|told| match told.event {
                Ok(PaymentsEvent::PaymentInitiated(begun)) => Some((told.time, begun)),
                _ => None,
            })
            .collect();
        begun.sort_by_key(|(time, _)| *time);
        begun.into_iter().map(|(_, begun)| begun).collect()
    }

    /// Posted balance and what is reserved of it, in minor units.
    pub(crate) fn balance(&self, name: &str) -> (i64, i64) {
        let found = self
            .accounts
            .states()
            .find_map(|books| books.account(AccountId::named(name)).copied());
        let account = found.unwrap();
        (account.posted, account.pending_out)
    }
}
