//! A ledger, what it feeds, and the laundering service on one broker, with the clients in the test's hands.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use tributary_accounts::Accounts;
use tributary_contracts::{
    accounts::{AccountsCommand, OpenAccount, TransferOut},
    codec::read_event,
    laundering::{
        AlertRaised, LaunderingCommand, LaunderingEvent, MovedPayment, ObserveTransfer, TransferSide,
    },
    record::Record,
    runtime::RuntimeEvent,
    topics::{self, ACCOUNTS_INBOX, LAUNDERING_EVENTS, LAUNDERING_INBOX, Topic},
};
use tributary_fraud::{Laundering, LaunderingFeed};
use tributary_fraud_laundering::{Account, DAY_S, Payment, PaymentId};
use tributary_ids::AccountId;
use tributary_stream::{
    StreamEvent, TestDriver, TestRelay, memory::MemoryBroker, snapshot::NoSnapshots, test_driver::command,
};
use uuid::Uuid;

pub(crate) const PARTITIONS: i32 = 2;
/// Friday 2027-01-15, 8:00 UTC.
const NOW: i64 = 1_800_000_000_000;

pub(crate) struct Bank {
    pub(crate) broker: MemoryBroker,
    pub(crate) ledger: TestDriver<Accounts>,
    pub(crate) feed: TestRelay<LaunderingFeed>,
    pub(crate) laundering: TestDriver<Laundering>,
    commands: u32,
}

pub(crate) fn account(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(number))
}

pub(crate) fn day(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(day)
}

/// One side of a payment of 100.00 between accounts 1 and 2, told to account 1.
pub(crate) fn observed(side: TransferSide, seq: u64, id: u128, at: u64) -> ObserveTransfer {
    ObserveTransfer {
        account: account(1),
        seq,
        side,
        payment_id: tributary_ids::PaymentId(Uuid::from_u128(id)),
        counterparty: account(2),
        amount: 10_000,
        currency: "CZK".parse().unwrap(),
        date: day(at),
    }
}

/// The same as the rules know it.
pub(crate) fn payment(id: u128, at: u64, debtor: u128, creditor: u128, minor: i64) -> Payment {
    let at_s = (day(at) - NaiveDate::default()).num_days() * DAY_S;
    Payment::try_new(PaymentId(id), at_s, Account(debtor), Account(creditor), minor).unwrap()
}

pub(crate) fn moved(payment: &Payment) -> MovedPayment {
    let days = Days::new(u64::try_from(payment.at_s() / DAY_S).unwrap());
    MovedPayment {
        payment_id: tributary_ids::PaymentId(Uuid::from_u128(payment.id().0)),
        debtor: account(payment.debtor().0),
        creditor: account(payment.creditor().0),
        amount: payment.amount_minor(),
        date: NaiveDate::default() + days,
    }
}

pub(crate) fn records(broker: &MemoryBroker, topic: Topic) -> Vec<Record> {
    (0..PARTITIONS)
        .flat_map(|partition| broker.read_committed(topic.name, partition).unwrap())
        .collect()
}

impl Bank {
    pub(crate) fn open() -> Self {
        let broker = MemoryBroker::new(topics::ALL, PARTITIONS);
        broker.set_time(NOW);
        Self {
            ledger: TestDriver::on(&broker, PARTITIONS, Arc::new(NoSnapshots)).unwrap(),
            feed: TestRelay::on(&broker, PARTITIONS),
            laundering: TestDriver::on(&broker, PARTITIONS, Arc::new(NoSnapshots)).unwrap(),
            broker,
            commands: 0,
        }
    }

    /// With so many accounts, from number 1 on, that have more than they spend.
    pub(crate) fn with_accounts(count: u128) -> Self {
        let mut bank = Self::open();
        for number in 1..=count {
            bank.ask_ledger(OpenAccount {
                account_id: account(number),
                owner: tributary_ids::CustomerId::named("owner"),
                product: "current".into(),
                currency: "CZK".parse().unwrap(),
                overdraft_limit: "0".into(),
                booking_date: day(0),
                opening_balance: "100000000".into(),
            });
        }
        bank.ledger.run().unwrap();
        bank
    }

    fn put(&mut self, topic: Topic, key: String, message: &impl tributary_contracts::codec::Message) {
        self.commands += 1;
        let name = format!("command/{}", self.commands);
        let not_after = Some(self.broker.time() + 60_000);
        let record = command(topic, PARTITIONS, &name, key, not_after, message);
        self.broker.append(record).unwrap();
    }

    pub(crate) fn ask_ledger(&mut self, of: impl Into<AccountsCommand>) {
        let of = of.into();
        self.put(ACCOUNTS_INBOX, of.key(), &of);
    }

    /// Writes to the service's inbox as only its feed does otherwise.
    pub(crate) fn tell(&mut self, of: impl Into<LaunderingCommand>) {
        let of = of.into();
        self.put(LAUNDERING_INBOX, of.key(), &of);
    }

    /// Lets a payment be made by the ledger, and nobody else hear of it yet.
    pub(crate) fn pay(&mut self, payment: &Payment) {
        let moved = moved(payment);
        self.ask_ledger(TransferOut {
            account_id: moved.debtor,
            payment_id: moved.payment_id,
            creditor: moved.creditor,
            amount: format!("{}.{:02}", moved.amount / 100, moved.amount % 100).into(),
            currency: "CZK".parse().unwrap(),
            hold_id: None,
            booking_date: moved.date,
            value_date: None,
            import: None,
            details: Default::default(),
        });
        self.ledger.run().unwrap();
    }

    pub(crate) fn settle(&mut self) {
        self.feed.run().unwrap();
        self.laundering.run().unwrap();
    }

    pub(crate) fn events(&self) -> Vec<StreamEvent<LaunderingEvent>> {
        records(&self.broker, LAUNDERING_EVENTS)
            .iter()
            .map(|record| read_event(record).unwrap().data)
            .collect()
    }

    pub(crate) fn alerts(&self) -> Vec<AlertRaised> {
        let alert = |event| match event {
            StreamEvent::Service(LaunderingEvent::AlertRaised(raised)) => Some(raised),
            _ => None,
        };
        self.events().into_iter().filter_map(alert).collect()
    }

    /// Codes of refusals.
    pub(crate) fn refused(&self) -> Vec<String> {
        let code = |event| match event {
            StreamEvent::Runtime(RuntimeEvent::CommandRefused(refused)) => Some(refused.code),
            _ => None,
        };
        self.events().into_iter().filter_map(code).collect()
    }

    /// What the service knows, as a snapshot would hold it.
    pub(crate) fn known(&self) -> Vec<Vec<u8>> {
        let states = self.laundering.states();
        states.map(|state| postcard::to_stdvec(state).unwrap()).collect()
    }
}
