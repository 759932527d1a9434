//! Until when something must have happened, of all that waits: one item each.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use tributary_contracts::payments::Subject;
use tributary_ids::PaymentId;

#[derive(Debug, Default)]
pub(super) struct Due {
    by_time: BTreeSet<(i64, Subject)>,
    times: HashMap<Subject, i64>,
    quarantined: BTreeSet<PaymentId>,
}

impl Due {
    /// It waits until then (milliseconds since the epoch), or for nothing.
    pub(super) fn set(&mut self, subject: Subject, due: Option<i64>) {
        let before = match due {
            Some(due) => self.times.insert(subject, due),
            None => self.times.remove(&subject),
        };
        if before == due {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, subject));
        }
        if let Some(due) = due {
            self.by_time.insert((due, subject));
        }
    }

    pub(super) fn set_quarantined(&mut self, payment: PaymentId, is: bool) {
        if is {
            self.quarantined.insert(payment);
        } else {
            self.quarantined.remove(&payment);
        }
    }

    /// What was due before then and still waits.
    pub(super) fn before(&self, time: i64) -> impl Iterator<Item = (i64, Subject)> {
        self.by_time
            .iter()
            .copied()
            .take_while(move |(due, _)| *due < time)
    }

    pub(super) fn quarantined(&self) -> impl Iterator<Item = PaymentId> {
        self.quarantined.iter().copied()
    }
}
