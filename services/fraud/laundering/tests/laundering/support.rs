//! Payments by hand.

use tributary_fraud_laundering::{Account, Alert, DAY_S, InProcess, Payment, PaymentId, Rule, Rules};

/// A bank, and payments with ids in the order in which they are made.
pub(crate) struct Bank {
    accounts: InProcess,
    next_id: u128,
}

impl Bank {
    pub(crate) fn new() -> Self {
        Self {
            accounts: InProcess::new(Rules::default()),
            next_id: 1,
        }
    }

    /// A payment at a second; the alerts of `rule` that came of it.
    pub(crate) fn pay_at(
        &mut self,
        rule: Rule,
        at_s: i64,
        debtor: u128,
        creditor: u128,
        minor: i64,
    ) -> Vec<Alert> {
        let payment = payment(self.next_id, at_s, debtor, creditor, minor);
        self.next_id += 1;
        let mut alerts = self.accounts.pay(payment);
        alerts.retain(|alert| alert.rule == rule);
        alerts
    }

    pub(crate) fn remembered(&self) -> usize {
        self.accounts.remembered()
    }

    pub(crate) fn messages(&self) -> u64 {
        self.accounts.messages()
    }
}

pub(crate) fn payment(id: u128, at_s: i64, debtor: u128, creditor: u128, minor: i64) -> Payment {
    Payment::try_new(PaymentId(id), at_s, Account(debtor), Account(creditor), minor).unwrap()
}

/// The start of a day well after the epoch.
pub(crate) fn day(day: i64) -> i64 {
    (10_000 + day) * DAY_S
}

pub(crate) fn ids(alert: &Alert) -> Vec<u128> {
    alert.payments.iter().map(|payment| payment.id().0).collect()
}

pub(crate) fn accounts(alert: &Alert) -> Vec<u128> {
    alert.accounts.iter().map(|account| account.0).collect()
}
