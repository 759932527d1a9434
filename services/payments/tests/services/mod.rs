//! Ledger, payments and fraud service, each as in production, on one broker in memory whose clock is in the test's hands.

use std::sync::Arc;

use tributary_accounts::Accounts;
use tributary_contracts::{
    accounts::{AccountsCommand, OpenAccount},
    payments::PaymentsCommand,
    topics::{self, ACCOUNTS_INBOX, PAYMENTS_INBOX},
};
use tributary_fraud::Fraud;
use tributary_ids::{AccountId, CustomerId};
use tributary_money::Currency;
use tributary_payments::Payments;
use tributary_stream::{TestDriver, memory::MemoryBroker, snapshot::NoSnapshots, test_driver::command};

pub(crate) const PARTITIONS: i32 = 2;

/// Friday 2027-01-15, 9:00 in Prague.
pub(crate) const NOW: i64 = 1_800_000_000_000;

/// Restarts that a test may need until the payments service gets on.
const RESTARTS_MAX: usize = 100;

pub(crate) fn czk() -> Currency {
    "CZK".parse().unwrap()
}

pub(crate) struct Services {
    pub(crate) broker: MemoryBroker,
    pub(crate) accounts: TestDriver<Accounts>,
    pub(crate) payments: TestDriver<Payments>,
    fraud: TestDriver<Fraud>,
    /// Who is away does nothing.
    pub(crate) accounts_away: bool,
    pub(crate) payments_away: bool,
    pub(crate) fraud_away: bool,
    /// What the ids of commands are made of, with their number.
    name: &'static str,
    commands: u32,
}

impl Services {
    /// Two customers with an account each, and what is on them.
    pub(crate) fn with(name: &'static str, balances: [(&str, &str); 2]) -> Self {
        let broker = MemoryBroker::new(topics::ALL, PARTITIONS);
        broker.set_time(NOW);
        let none = || Arc::new(NoSnapshots);
        let mut services = Self {
            accounts: TestDriver::on(&broker, PARTITIONS, none()).unwrap(),
            payments: TestDriver::on(&broker, PARTITIONS, none()).unwrap(),
            fraud: TestDriver::on(&broker, PARTITIONS, none()).unwrap(),
            broker,
            accounts_away: false,
            payments_away: false,
            fraud_away: false,
            name,
            commands: 0,
        };
        for (name, opening_balance) in balances {
            services.ledger(OpenAccount {
                account_id: AccountId::named(name),
                owner: CustomerId::named(name),
                product: "current".into(),
                currency: czk(),
                overdraft_limit: "0".into(),
                booking_date: "2027-01-15".parse().unwrap(),
                opening_balance: opening_balance.into(),
            });
        }
        services
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
        let name = format!("{}/{}", self.name, self.commands);
        (name, Some(self.broker.time() + 60_000))
    }

    fn written(&self) -> i64 {
        let ends = topics::ALL.iter().flat_map(|topic| {
            (0..PARTITIONS).map(|partition| self.broker.end_offset(topic.name, partition).unwrap())
        });
        ends.sum()
    }

    /// Lets every service that is there get on until none writes any more. A payments service that dies starts again.
    pub(crate) fn settle(&mut self) {
        let mut restarts = 0;
        loop {
            let before = self.written();
            if !self.payments_away
                && let Err(died) = self.payments.run()
            {
                restarts += 1;
                assert!(restarts < RESTARTS_MAX, "{died:?}");
                self.payments.restart();
                continue;
            }
            if !self.fraud_away {
                self.fraud.run().unwrap();
            }
            if !self.accounts_away {
                self.accounts.run().unwrap();
            }
            if self.written() == before {
                return;
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, ms: i64) {
        self.broker.advance(ms);
        self.settle();
    }
}
