//! What the logs say of the payments that clients asked for.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tributary_contracts::{
    codec,
    payments::{PaymentInitiated, PaymentsEvent},
    record::Record,
    topics::{LOCAL_PARTITIONS, PAYMENTS_EVENTS, PAYMENTS_INBOX, Topic},
};
use tributary_ids::PaymentId;
use tributary_stream::{StreamEvent, kafka::EventReader};

use crate::{
    clients::{Told, Wish},
    observer::now,
    rig::Rig,
    verdict::DRAIN_WITHIN,
};

/// What became of one payment.
#[derive(Debug, Default)]
struct Logged {
    begun: Vec<PaymentInitiated>,
    ended: Vec<&'static str>,
}

impl Rig {
    /// Every payment that was acknowledged stands in the log, as it was asked for, once, and ended once. Nothing else began.
    pub(crate) fn judge_payments(&self, told: &Told) {
        let seed = self.seed;
        let inbox = self.read_all(PAYMENTS_INBOX);
        let events = self.read_all(PAYMENTS_EVENTS);
        let mut logged: HashMap<PaymentId, Logged> = HashMap::new();
        for record in events.values() {
            let event = codec::read_event::<StreamEvent<PaymentsEvent>>(record).unwrap();
            let StreamEvent::Service(event) = event.data else {
                continue;
            };
            // Events of standing orders are of no payment; nobody gives any here.
            let Some(payment) = event.payment() else {
                continue;
            };
            let end = match event {
                PaymentsEvent::PaymentInitiated(begun) => {
                    logged.entry(payment).or_default().begun.push(begun);
                    continue;
                }
                PaymentsEvent::PaymentCompleted(_) => "completed",
                PaymentsEvent::PaymentRejected(_) => "rejected",
                PaymentsEvent::PaymentReturned(_) => "returned",
                _ => continue,
            };
            logged.entry(payment).or_default().ended.push(end);
        }
        let (mut ends, mut answers) = (BTreeMap::new(), 0);
        for wish in &told.wishes {
            let payment = wish.payment.unwrap();
            let logged = logged
                .remove(&payment)
                .unwrap_or_else(|| panic!("seed {seed}: {wish:?} was acknowledged and is not in the log"));
            let end = judge(seed, wish, &logged);
            *ends.entry(end).or_insert(0) += 1;
            for place in &wish.places {
                let records = if place.topic == PAYMENTS_INBOX.name {
                    &inbox
                } else {
                    &events
                };
                let there = records.get(&(place.partition, place.offset));
                let key = there.map(|record| String::from_utf8_lossy(&record.key));
                assert_eq!(
                    key.as_deref(),
                    Some(payment.to_string().as_str()),
                    "seed {seed}: {wish:?} does not stand at {place:?}"
                );
                answers += 1;
            }
        }
        assert!(
            logged.is_empty(),
            "seed {seed}: payments that nobody was told of: {logged:?}"
        );
        println!(
            "  {} payments acknowledged by {answers} answers, each in the log once and ended once: {ends:?}; {} posts refused, none with an effect; {} records in the inbox",
            told.wishes.len(),
            told.refused,
            inbox.len()
        );
    }

    /// Every committed record of a topic, by partition and offset.
    pub(crate) fn read_all(&self, topic: Topic) -> BTreeMap<(i32, i64), Record> {
        let from = (0..LOCAL_PARTITIONS).map(|partition| (partition, 0)).collect();
        let mut reader = EventReader::open(&self.stack.brokers(), topic.name, &from).unwrap();
        let mut records = BTreeMap::new();
        let deadline = now() + DRAIN_WITHIN;
        while !reader.at_end() {
            assert!(
                now() < deadline,
                "the end of {} is not reached within {DRAIN_WITHIN:?}",
                topic.name
            );
            let batch = reader.poll(Duration::from_millis(500), 10_000).unwrap();
            records.extend(
                batch
                    .records
                    .into_iter()
                    .map(|record| ((record.partition, record.offset), record)),
            );
        }
        records
    }
}

/// How the payment ended.
fn judge(seed: u64, wish: &Wish, logged: &Logged) -> &'static str {
    let ([begun], [end]) = (logged.begun.as_slice(), logged.ended.as_slice()) else {
        panic!("seed {seed}: {wish:?} did not begin and end once: {logged:?}");
    };
    let asked = (wish.debtor, wish.creditor, i64::from(wish.amount) * 100);
    assert_eq!(
        (begun.debtor, begun.creditor, begun.amount),
        asked,
        "seed {seed}: {wish:?} became another payment"
    );
    assert!(
        wish.can_complete || *end != "completed",
        "seed {seed}: {wish:?} completed"
    );
    end
}
