//! The checker on a real Kafka: control markers, aborted records, committed offsets, a bank that goes on meanwhile.

use std::time::Duration;

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::Producer,
};
use tributary_checker::{Compared, End, Invariant, LedgerCheck, ReadModelCheck, check_all, watch};
use tributary_contracts::{
    record::Record,
    topics::{ACCOUNTS_DLQ, ACCOUNTS_EVENTS, ACCOUNTS_INBOX, ALL},
};
use tributary_stream::kafka::topics;

use crate::{
    bank::{Bank, PARTITIONS},
    broker::{Broker, Sender, WAIT, send, until},
};

const AT_REST: End = End {
    at_rest_within: Some(WAIT),
    expired_before: None,
};

/// The bank's topics on a broker, and how much of the bank stands there already.
struct Log {
    brokers: String,
    producer: Sender,
    written: [usize; 6],
}

impl Log {
    fn on(brokers: String) -> Self {
        topics::apply(&brokers, ALL, PARTITIONS, 1).unwrap();
        let producer: Sender = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .set("transactional.id", "the-tiny-bank")
            .create()
            .unwrap();
        producer.init_transactions(WAIT).unwrap();
        Self {
            brokers,
            producer,
            written: [0; 6],
        }
    }

    /// Writes what the bank has more by now: the inbox without transactions, so that offsets are as the bank thinks, the
    /// rest and the consumed offsets in one transaction, as a ledger does.
    fn write(&mut self, bank: &Bank) {
        let plain: Sender = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .create()
            .unwrap();
        for (partition, log) in bank.inbox.iter().enumerate() {
            for record in &log[std::mem::replace(&mut self.written[partition], log.len())..] {
                send(&plain, ACCOUNTS_INBOX.name, record);
            }
        }
        plain.flush(WAIT).unwrap();
        self.producer.begin_transaction().unwrap();
        for (first, topic, logs) in [
            (2, ACCOUNTS_EVENTS, &bank.events),
            (4, ACCOUNTS_DLQ, &bank.dead_letters),
        ] {
            for (partition, log) in logs.iter().enumerate() {
                for record in &log[std::mem::replace(&mut self.written[first + partition], log.len())..] {
                    send(&self.producer, topic.name, record);
                }
            }
        }
        self.producer.flush(WAIT).unwrap();
        self.producer.commit_transaction(WAIT).unwrap();
        self.commit(bank);
    }

    fn commit(&self, bank: &Bank) {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", "accounts")
            .create()
            .unwrap();
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in bank.committed() {
            let offset = Offset::Offset(offset);
            offsets
                .add_partition_offset(ACCOUNTS_INBOX.name, partition, offset)
                .unwrap();
        }
        consumer.commit(&offsets, CommitMode::Sync).unwrap();
    }

    /// Leaves aborted records at the end of every topic.
    fn abort_something(&self, record: &Record) {
        self.producer.begin_transaction().unwrap();
        for topic in ALL {
            for partition in 0..PARTITIONS {
                send(
                    &self.producer,
                    topic.name,
                    &Record {
                        partition,
                        ..record.clone()
                    },
                );
            }
        }
        self.producer.flush(WAIT).unwrap();
        self.producer.abort_transaction(WAIT).unwrap();
    }
}

fn life(bank: &mut Bank) {
    let accounts = bank.accounts();
    let (near, far) = match accounts.as_slice() {
        [near, far] => (*near, *far),
        _ => (bank.open(0, 10_000), bank.open(1, 10_000)),
    };
    for _ in 0..50 {
        bank.credit(near, 100);
        bank.transfer(near, far, 60).unwrap();
        bank.transfer_refused(far, near, 30).unwrap();
        bank.dead_letter(far);
    }
}

/// A read model that holds what the fold holds.
struct Mirror;

impl ReadModelCheck for Mirror {
    fn invariant(&self) -> Invariant {
        Invariant::ReadModel
    }

    fn compare(&mut self, fold: &LedgerCheck) -> Result<Compared, Box<dyn std::error::Error + Send + Sync>> {
        let compared = fold.accounts().count() as u64;
        Ok(Compared {
            compared,
            violations: Vec::new(),
        })
    }
}

/// One test, since the topics have fixed names and a broker takes seconds to start.
#[test]
fn a_log_on_kafka_is_checked_whole_and_as_it_goes_on() {
    let broker = Broker::start();
    let mut log = Log::on(broker.address());
    let mut bank = Bank::without_markers();

    // An honest log is clean, to its end and at rest.
    life(&mut bank);
    log.write(&bank);
    let report = check_all(&log.brokers, AT_REST, &mut [Box::new(Mirror)]).unwrap();
    assert!(report.is_clean(), "{report}");
    assert!(report.quiescent);
    let events: usize = bank.events.iter().map(Vec::len).sum();
    assert_eq!(report.totals.events, events as u64);
    assert!(
        report
            .invariants
            .iter()
            .any(|line| line.invariant == Invariant::ReadModel && line.checked == 2)
    );

    // It stays clean while the bank goes on, and a cut is judged again and again.
    let watching = watch(&log.brokers).unwrap();
    life(&mut bank);
    log.write(&bank);
    let events: usize = bank.events.iter().map(Vec::len).sum();
    until(&watching, |status| {
        status.totals.events >= events as u64 && status.cuts >= 2
    });
    assert_eq!(watching.status().violations, []);

    // Money that stays in transit is no violation of a living bank; at rest it is.
    let accounts = bank.accounts();
    let (payment, asked, _) = bank.send(accounts[0], accounts[1], 10).unwrap();
    let back = bank.refuse_transfer(&asked, payment, accounts[0], accounts[1], 10);
    let lost = bank.inbox[back.partition as usize].pop().unwrap();
    log.write(&bank);
    let alive = check_all(&log.brokers, End::default(), &mut []).unwrap();
    assert!(alive.is_clean(), "{alive}");
    assert_eq!(alive.totals.payments_in_transit, 1);

    // Aborted records at the end hide nothing and hold nothing up.
    log.abort_something(&lost);
    let impatient = End {
        at_rest_within: Some(Duration::ZERO),
        ..End::default()
    };
    let report = watching.finish(impatient, &mut []).unwrap();
    let codes: Vec<&str> = report.violations.iter().map(|violation| violation.code).collect();
    assert_eq!(codes, ["RETURN_LOST"], "{report}");
    assert_eq!(report.violations[0].at[0].topic, "accounts.events");

    // A fault is told while the bank runs.
    let watching = watch(&log.brokers).unwrap();
    let place = bank.credit(accounts[0], 5);
    bank.repeat(place);
    log.write(&bank);
    until(&watching, |status| status.violations_total > 0);
    drop(watching);
}
