//! What must hold once everything has drained.

use std::{collections::BTreeMap, time::Duration};

use tributary_checker::{End, check_all};
use tributary_contracts::{
    codec::RawEvent,
    topics::{ACCOUNTS_EVENTS, LOCAL_PARTITIONS},
};
use tributary_stream::kafka::{EventReader, Watermarks};

use crate::{load::Sent, observer::Observer, read_model::ReadModel, rig::Rig};

/// Most time to drain what the load left.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);

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
        let end = End {
            at_rest_within: Some(DRAIN_WITHIN),
            expired_before: None,
        };
        let report = check_all(&self.stack.brokers(), end, &mut []).unwrap();
        assert!(report.is_clean(), "seed {}\n{report}", self.seed);
    }

    /// The read model says what the log says, row by row.
    pub(crate) fn judge_read_model(&self, read_model: &ReadModel) {
        let ends = Watermarks::connect(&self.stack.brokers())
            .unwrap()
            .ends(ACCOUNTS_EVENTS.name)
            .unwrap();
        read_model.judge(&ends, DRAIN_WITHIN);
        println!("  every row of the read model equals the log up to {ends:?}");
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
