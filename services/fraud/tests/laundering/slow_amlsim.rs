//! A published sample through the service, alert by alert.

use std::collections::VecDeque;

use tributary_contracts::{
    codec::{CE_TYPE, read_event},
    laundering::{LaunderingCommand, LaunderingEvent, ObserveTransfer, TransferSide},
    record::{Outgoing, Record},
    topics::{LAUNDERING_EVENTS, LAUNDERING_INBOX},
};
use tributary_fraud::Laundering;
use tributary_fraud_laundering::Rules;
use tributary_fraud_training::{amlsim::Sample, laundering::alerts};
use tributary_stream::{Stepper, StreamEvent, test_driver::command};
use tributary_testkit::published;

use crate::watched::{PARTITIONS, account, observed};

/// Rule, accounts and payments of an alert, by the sample's numbers.
type Said = (String, Vec<u128>, Vec<u128>);

/// The service's partitions, and its inbox as a queue.
struct Service {
    stepper: Stepper<Laundering>,
    waiting: VecDeque<Outgoing>,
    said: Vec<Said>,
    handled: u64,
}

impl Service {
    fn settle(&mut self) {
        while let Some(record) = self.waiting.pop_front() {
            self.handled += 1;
            for out in self.stepper.feed(record).unwrap() {
                if out.topic == LAUNDERING_INBOX.name {
                    self.waiting.push_back(out);
                } else if out.topic == LAUNDERING_EVENTS.name {
                    self.hear(out);
                }
            }
        }
    }

    fn hear(&mut self, out: Outgoing) {
        if out.headers.text(CE_TYPE) != Some("laundering.alert-raised.v1") {
            assert_ne!(out.headers.text(CE_TYPE), Some("tributary.command-refused.v1"));
            return;
        }
        let record = Record {
            partition: out.partition,
            offset: 0,
            timestamp_ms: 0,
            key: out.key,
            headers: out.headers,
            value: out.value,
        };
        let event = read_event::<StreamEvent<LaunderingEvent>>(&record).unwrap();
        let StreamEvent::Service(LaunderingEvent::AlertRaised(raised)) = event.data else {
            panic!("another event");
        };
        let accounts = raised.accounts.iter().map(|of| of.0.as_u128()).collect();
        let payments = raised
            .payments
            .iter()
            .map(|of| of.payment_id.0.as_u128())
            .collect();
        self.said.push((raised.rule.to_string(), accounts, payments));
    }
}

#[test]
fn a_published_sample_gives_the_alerts_of_the_offline_rules() {
    let Some(folder) = published("amlsim/20K_fanin200cycle200") else {
        return;
    };
    let sample = Sample::load(&folder).unwrap();
    let (expected, offline, to_oneself) = alerts(&sample, Rules::default()).unwrap();
    let mut service = Service {
        stepper: Stepper::new(PARTITIONS, 1_800_000_000_000),
        waiting: VecDeque::new(),
        said: Vec::new(),
        handled: 0,
    };
    let mut seq = 0;
    for row in &sample.transactions {
        if row.source == row.target {
            continue;
        }
        for (side, own, other) in [
            (TransferSide::Sent, row.source, row.target),
            (TransferSide::Received, row.target, row.source),
        ] {
            seq += 1;
            let of = LaunderingCommand::from(ObserveTransfer {
                account: account(u128::from(own)),
                counterparty: account(u128::from(other)),
                amount: row.amount_minor,
                date: chrono::NaiveDate::default() + chrono::Days::new(u64::from(row.day)),
                ..observed(side, seq, u128::from(row.line), 0)
            });
            let name = format!("{seq}");
            service
                .waiting
                .push_back(command(LAUNDERING_INBOX, PARTITIONS, &name, of.key(), None, &of));
        }
        service.settle();
    }
    let expected: Vec<Said> = expected
        .iter()
        .map(|alert| {
            let accounts = alert.accounts.iter().map(|of| of.0).collect();
            let payments = alert.payments.iter().map(|of| of.id().0).collect();
            (alert.rule.name().to_owned(), accounts, payments)
        })
        .collect();
    println!(
        "{} alerts, {} messages, {to_oneself} payments to oneself",
        expected.len(),
        service.handled
    );
    assert!(expected.len() > 100);
    assert_eq!(service.said, expected);
    assert_eq!(service.handled, offline.messages());
}
