//! What is judged besides what the checker does by itself: read models, acknowledgements, dead letters.

use std::collections::BTreeMap;

use tributary_checker::Standing;
use tributary_contracts::{
    codec,
    record::Record,
    topics::{ACCOUNTS_EVENTS, ALL, Kind, LAUNDERING_EVENTS, PAYMENTS_EVENTS},
};

use super::{Broken, PARTITIONS, World, broken};
use crate::{
    judge::Found,
    plan::Model,
    read_model::{ledger, payments},
};

/// Dead letters that a client can cause. Any other is the bank's own mistake.
const NONSENSE: [&str; 3] = ["TYPE_UNKNOWN", "TYPE_MISSING", "MALFORMED"];

/// What the laundering service says of a side that it knows.
const TOLD_AGAIN: &str = "laundering.transfer-repeated.v1";

impl World {
    /// Judges a bank at rest.
    pub(super) fn judge_at_rest(&mut self) -> Result<(), Broken> {
        self.project(Model::Ledger, false)?;
        self.project(Model::Payments, false)?;
        differs(payments::of_the_whole_log(&self.payments, &self.broker))?;
        // An operator has let them go on, and nothing stands in their way any more.
        if let Some(payment) = self.payments.rows.quarantined().first() {
            return Err(broken(
                "RESUMED_IN_VAIN",
                format!("payment {payment} is quarantined again, though nothing strikes any more"),
            ));
        }
        self.judge.finish(&self.broker)?;
        self.found()?;
        self.check_acknowledged()?;
        self.check_told_once()?;
        self.check_dead_letters()
    }

    /// Counts what had its day within the plan, while everything strikes.
    pub(super) fn count_due(&mut self) {
        let check = &self.judge.check;
        let executed = check
            .standing_orders()
            .map(|(_, order)| u64::from(order.executed));
        let executed = executed.sum();
        let began = |standing| !matches!(standing, Standing::Scheduled | Standing::Cancelled);
        let scheduled = self.clients.scheduled();
        let begun = check
            .payments()
            .filter(|(id, payment)| began(payment.standing) && scheduled.contains(id))
            .count() as u64;
        for (what, times) in [
            ("occurrences executed within the plan", executed),
            ("scheduled payments begun within the plan", begun),
        ] {
            *self.struck.entry(what).or_default() += times;
        }
    }

    pub(super) fn project(&mut self, model: Model, dies: bool) -> Result<(), Broken> {
        let (events, killed) = match model {
            Model::Ledger => (
                self.ledger.project(&self.broker, dies),
                "projection of the ledger killed",
            ),
            Model::Payments => (
                self.payments.project(&self.broker, dies),
                "projection of payments killed",
            ),
        };
        self.count_if(dies, killed);
        self.tell(|| match dies {
            true => "dies before its transaction ends".to_owned(),
            false => format!("takes {events} events"),
        });
        // What the projection sees may have been committed since the checker looked.
        self.judge.judge(&self.broker)?;
        differs(match model {
            Model::Ledger => {
                let positions = self.judge.positions(ACCOUNTS_EVENTS);
                ledger::difference(&self.ledger, self.judge.check.ledger(), &positions)
            }
            Model::Payments => {
                let positions = self.judge.positions(PAYMENTS_EVENTS);
                payments::difference(&self.payments, &self.judge.check, &positions)
            }
        })
    }

    pub(super) fn judge(&mut self) -> Result<(), Broken> {
        self.judge.judge(&self.broker)?;
        self.found()
    }

    fn found(&self) -> Result<(), Broken> {
        match self.judge.found() {
            None => Ok(()),
            Some(found) => Err(Box::new(found)),
        }
    }

    /// What was acknowledged stands where its client was told. That it was answered is the checker's.
    fn check_acknowledged(&self) -> Result<(), Broken> {
        let mut logs = BTreeMap::new();
        for acknowledged in &self.clients.acknowledged {
            let (topic, partition, offset) =
                (acknowledged.topic, acknowledged.partition, acknowledged.offset);
            let log = match logs.entry((topic, partition)) {
                std::collections::btree_map::Entry::Occupied(log) => log.into_mut(),
                std::collections::btree_map::Entry::Vacant(log) => {
                    let read = self.broker.read_committed_from(topic, partition, 0)?;
                    let ids: BTreeMap<i64, Option<String>> = read
                        .records
                        .iter()
                        .map(|record| {
                            (
                                record.offset,
                                record.headers.text(codec::CE_ID).map(str::to_owned),
                            )
                        })
                        .collect();
                    log.insert(ids)
                }
            };
            if log.get(&offset) != Some(&Some(acknowledged.id.to_string())) {
                return Err(Box::new(Found {
                    invariant: Some(9),
                    code: "ACKNOWLEDGED_LOST",
                    what: format!("command {} @ {topic}/{partition}:{offset}", acknowledged.id),
                }));
            }
        }
        Ok(())
    }

    /// The laundering service takes each side of a transfer once, however often it is told. Its relay tells it once.
    fn check_told_once(&self) -> Result<(), Broken> {
        for partition in 0..PARTITIONS {
            let topic = LAUNDERING_EVENTS.name;
            let read = self.broker.read_committed_from(topic, partition, 0)?;
            let repeated = |record: &&Record| record.headers.text(codec::CE_TYPE) == Some(TOLD_AGAIN);
            if let Some(record) = read.records.iter().find(repeated) {
                return Err(Box::new(Found {
                    invariant: Some(15),
                    code: "TRANSFER_TOLD_TWICE",
                    what: format!("@ {topic}/{partition}:{}", record.offset),
                }));
            }
        }
        Ok(())
    }

    fn check_dead_letters(&self) -> Result<(), Broken> {
        for topic in ALL.iter().filter(|topic| topic.kind == Kind::DeadLetters) {
            for partition in 0..PARTITIONS {
                let read = self.broker.read_committed_from(topic.name, partition, 0)?;
                for record in &read.records {
                    let code = record.headers.text("dlq_code").unwrap_or("none");
                    if !NONSENSE.contains(&code) {
                        let detail = record.headers.text("dlq_detail").unwrap_or_default();
                        return Err(broken(
                            "DEAD_LETTER_UNEXPECTED",
                            format!("{code}: {detail} @ {}/{partition}:{}", topic.name, record.offset),
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

fn differs(what: Option<String>) -> Result<(), Broken> {
    match what {
        None => Ok(()),
        Some(what) => Err(Box::new(Found {
            invariant: Some(6),
            code: "READ_MODEL_DIFFERS",
            what,
        })),
    }
}
