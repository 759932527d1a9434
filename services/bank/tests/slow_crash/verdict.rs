//! What must hold once everything has drained.

use std::{collections::BTreeMap, time::Duration};

use tributary_checker::{End, check_all};
use tributary_contracts::{
    codec::RawEvent,
    topics::{ACCOUNTS_EVENTS, LOCAL_PARTITIONS},
};
use tributary_stream::kafka::EventReader;

use crate::{
    load::Sent,
    observer::{Observer, now},
    rig::Rig,
};

/// Most time to drain what the load left.
pub(crate) const DRAIN_WITHIN: Duration = Duration::from_secs(60);

impl Rig {
    /// Every acknowledged command is answered, and exactly once; every invariant of the ledger holds.
    pub(crate) fn judge(&self, sent: &Sent, observer: &Observer) {
        let mut last = BTreeMap::new();
        for &(partition, offset) in &sent.acknowledged {
            let entry = last.entry(partition).or_insert(offset);
            *entry = offset.max(*entry);
        }
        assert!(
            observer.answered(&last, DRAIN_WITHIN),
            "seed {}: not drained: {last:?}",
            self.seed
        );
        let answers = self.answers();
        for position in &sent.acknowledged {
            let answered = answers.get(position).copied().unwrap_or(0);
            assert_eq!(
                answered, 1,
                "seed {}: input {position:?} was answered {answered} times",
                self.seed
            );
        }
        println!(
            "  {} commands acknowledged and answered once each, {} uncertain; {} inputs in all",
            sent.acknowledged.len(),
            sent.uncertain,
            answers.len()
        );
        self.check();
    }

    /// The bank comes to rest, and every invariant holds over all its logs.
    pub(crate) fn check(&self) {
        let end = End {
            at_rest_within: Some(DRAIN_WITHIN),
            expired_before: None,
        };
        let report = check_all(&self.stack.brokers(), end, &mut []).unwrap();
        assert!(report.is_clean(), "seed {}\n{report}", self.seed);
    }

    /// How often each input was answered whole.
    fn answers(&self) -> BTreeMap<(i32, i64), u32> {
        let from = (0..LOCAL_PARTITIONS).map(|partition| (partition, 0)).collect();
        let mut reader = EventReader::open(&self.stack.brokers(), ACCOUNTS_EVENTS.name, &from).unwrap();
        let mut answers = BTreeMap::new();
        let deadline = now() + DRAIN_WITHIN;
        while !reader.at_end() {
            assert!(
                now() < deadline,
                "the end of {} is not reached within {DRAIN_WITHIN:?}",
                ACCOUNTS_EVENTS.name
            );
            for record in reader.poll(Duration::from_millis(500), 10_000).unwrap().records {
                let envelope = RawEvent::read(&record).unwrap().envelope;
                if envelope.index + 1 == envelope.of {
                    *answers
                        .entry((record.partition, envelope.origin.offset))
                        .or_insert(0) += 1;
                }
            }
        }
        answers
    }
}
