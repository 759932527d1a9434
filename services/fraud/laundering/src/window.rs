use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::Payment;

/// Most payments that an account remembers for each direction. The oldest make room.
pub const ENTRIES_MAX: usize = 256;

/// The payments of one direction of an account, in order of their times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    payments: VecDeque<Payment>,
}

impl Window {
    /// Remembers a payment, and forgets what is `window_s` or more before the newest. False when the payment is known
    /// already, or too old to be kept.
    pub(crate) fn insert(&mut self, payment: Payment, window_s: i64) -> bool {
        let index = self
            .payments
            .partition_point(|known| known.order() < payment.order());
        let known = self
            .payments
            .get(index)
            .is_some_and(|known| known.id() == payment.id());
        if known || (index == 0 && self.payments.len() == ENTRIES_MAX) {
            return false;
        }
        let newest_s = self
            .payments
            .back()
            .map_or(payment.at_s(), |newest| newest.at_s().max(payment.at_s()));
        if payment.at_s() <= newest_s - window_s {
            return false;
        }
        self.payments.insert(index, payment);
        self.forget(newest_s - window_s);
        if self.payments.len() > ENTRIES_MAX {
            self.payments.pop_front();
        }
        true
    }

    /// Forgets a payment. False when it isn't known.
    pub(crate) fn remove(&mut self, payment: &Payment) -> bool {
        let index = self.payments.iter().position(|known| known.id() == payment.id());
        index.and_then(|index| self.payments.remove(index)).is_some()
    }

    pub(crate) fn has(&self, payment: &Payment) -> bool {
        self.payments.iter().any(|known| known.id() == payment.id())
    }

    /// Drops what is at or before `until_s`.
    pub(crate) fn forget(&mut self, until_s: i64) {
        while self
            .payments
            .front()
            .is_some_and(|oldest| oldest.at_s() <= until_s)
        {
            self.payments.pop_front();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.payments.len()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Payment> {
        self.payments.iter()
    }

    /// The payments in (`to_s` - `length_s`, `to_s`].
    pub(crate) fn within(&self, to_s: i64, length_s: i64) -> impl Iterator<Item = &Payment> {
        self.payments
            .iter()
            .filter(move |payment| payment.at_s() > to_s - length_s && payment.at_s() <= to_s)
    }
}
