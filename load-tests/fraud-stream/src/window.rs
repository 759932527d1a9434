use std::{collections::BTreeSet, ops::Range};

use tributary_fraud_domain::{LABEL_DELAY_S, PAYEE_LATE_S};
use tributary_fraud_training::handbook::Transaction;

/// How far the event times of payments under way may lie apart, in seconds: as late as a payment may come to its payee and still
/// count at its own time.
pub const BOUND_S: i64 = PAYEE_LATE_S;

/// Which transactions are under way, and which may be sent.
///
/// Two conditions, each in event time. A payment is sent once everything that is older by more than the bound has ended: so
/// no payee has counted a payment that is newer by more than that than one which still comes to it. And it is sent once the
/// labels of all frauds that it may know of, those of 7 days before and earlier, stand in the log ahead of it.
#[derive(Debug)]
pub struct Window<'t> {
    /// In order of time.
    rows: &'t [Transaction],
    bound_s: i64,
    sent: usize,
    /// Rows before this one have ended.
    ended_to: usize,
    ended: Vec<bool>,
    count: usize,
    /// Rows whose labels are asked for and don't stand in the log yet.
    labels: BTreeSet<usize>,
}

impl<'t> Window<'t> {
    /// Of transactions in order of time. A bound of more than [`BOUND_S`] lets features go wrong.
    pub fn new(rows: &'t [Transaction], bound_s: i64) -> Self {
        Self {
            rows,
            bound_s,
            sent: 0,
            ended_to: 0,
            ended: vec![false; rows.len()],
            count: 0,
            labels: BTreeSet::new(),
        }
    }

    /// Takes rows that may be sent now, in order, so many at most.
    pub fn take(&mut self, at_most: usize) -> Range<usize> {
        let first = self.sent;
        while self.sent < self.rows.len() && self.sent - first < at_most && self.may_send() {
            self.sent += 1;
        }
        first..self.sent
    }

    fn may_send(&self) -> bool {
        let next_s = self.rows[self.sent].at_s;
        let within = self.ended_to == self.sent || next_s - self.rows[self.ended_to].at_s <= self.bound_s;
        let label = self.labels.first().map(|row| self.rows[*row].at_s);
        within && label.is_none_or(|at_s| next_s - at_s < LABEL_DELAY_S)
    }

    /// A row was decided, or refused. Returns false when it had ended before.
    pub fn end(&mut self, row: usize) -> bool {
        if std::mem::replace(&mut self.ended[row], true) {
            return false;
        }
        self.count += 1;
        while self.ended_to < self.sent && self.ended[self.ended_to] {
            self.ended_to += 1;
        }
        true
    }

    /// The row's label is on its way.
    pub fn label_sent(&mut self, row: usize) {
        self.labels.insert(row);
    }

    /// The row's label stands in the log.
    pub fn label_written(&mut self, row: usize) {
        self.labels.remove(&row);
    }

    /// Rows that have ended.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Rows that were sent.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Event time up to which everything has ended, in seconds since the epoch.
    pub fn watermark_s(&self) -> Option<i64> {
        self.ended_to.checked_sub(1).map(|row| self.rows[row].at_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(times: &[i64]) -> Vec<Transaction> {
        let row = |(id, at_s): (usize, &i64)| Transaction {
            id: id as u64,
            at_s: *at_s,
            customer: 1,
            terminal: 1,
            amount_minor: 100,
            fraud: false,
        };
        times.iter().enumerate().map(row).collect()
    }

    #[test]
    fn nothing_is_sent_that_is_newer_than_the_oldest_undecided_by_more_than_the_bound() {
        let rows = rows(&[0, 5, 100, 101, 106, 300, 900]);
        let mut window = Window::new(&rows, 100);
        assert_eq!(window.take(2), 0..2);
        assert_eq!(window.take(10), 2..3, "exactly the bound apart");
        assert!(window.end(1) && window.end(2));
        assert_eq!(window.take(10), 3..3, "the oldest is still under way");
        assert_eq!(window.watermark_s(), None);
        assert!(window.end(0));
        assert_eq!(window.watermark_s(), Some(100));
        assert!(!window.end(0), "ended before");
        assert_eq!(window.take(10), 3..5, "nothing older is under way");
        assert!(window.end(3) && window.end(4));
        assert_eq!(window.take(10), 5..6, "a gap is none of those under way");
        assert!(window.end(5));
        assert_eq!((window.take(10), window.count(), window.sent()), (6..7, 6, 7));
    }

    #[test]
    fn a_label_stands_in_the_log_ahead_of_the_payments_that_know_of_it() {
        let rows = rows(&[0, LABEL_DELAY_S - 1, LABEL_DELAY_S]);
        let mut window = Window::new(&rows, BOUND_S);
        assert_eq!(window.take(10), 0..1);
        window.label_sent(0);
        window.end(0);
        assert_eq!(window.take(10), 1..2, "it knows nothing of the label yet");
        window.end(1);
        assert_eq!(window.take(10), 2..2);
        window.label_written(0);
        assert_eq!(window.take(10), 2..3);
    }

    #[test]
    fn labels_have_days_to_come_while_the_feeder_keeps_to_the_bound() {
        const { assert!(BOUND_S < LABEL_DELAY_S) }
    }
}
