//! What must hold once everything has drained.

use std::{collections::BTreeMap, time::Duration};

use tributary_contracts::{
    codec::RawEvent,
    topics::{ACCOUNTS_EVENTS, LOCAL_PARTITIONS},
};
use tributary_stream::kafka::EventReader;

use crate::{load::Sent, observer::Observer, rig::Rig};

/// Most time to drain what the load left.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);

impl Rig {
    /// Every acknowledged command is answered, and exactly once.
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
    }

    /// How often each input was answered whole.
    fn answers(&self) -> BTreeMap<(i32, i64), u32> {
        let from = (0..LOCAL_PARTITIONS).map(|partition| (partition, 0)).collect();
        let mut reader = EventReader::open(&self.stack.brokers(), ACCOUNTS_EVENTS.name, &from).unwrap();
        let mut answers = BTreeMap::new();
        while !reader.at_end() {
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
