use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Account, Payment, Rule};

/// What a rule has found, with all that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub rule: Rule,
    pub version: u16,
    /// The account it is about: who structures, who collects, who woke. Of a cycle the one with the lowest id.
    pub subject: Account,
    /// All accounts: the subject first, those of a cycle in the direction of the money, others by id.
    pub accounts: Vec<Account>,
    /// The payments: those of a cycle beginning with the subject's, others in order of time.
    pub payments: Vec<Payment>,
    /// Event times of the first payment and of the last, in seconds since the epoch.
    pub from_s: i64,
    pub to_s: i64,
}

impl Alert {
    /// An alert about one account, from payments in order of time.
    pub(crate) fn about(rule: Rule, subject: Account, payments: Vec<Payment>) -> Self {
        let others: BTreeSet<Account> = payments
            .iter()
            .flat_map(|payment| [payment.debtor(), payment.creditor()])
            .filter(|account| *account != subject)
            .collect();
        let accounts = std::iter::once(subject).chain(others).collect();
        Self::new(rule, subject, accounts, payments)
    }

    /// An alert about a cycle, from its payments in the direction of the money. Whichever of them closed it, the alert is
    /// the same. None where they are no cycle.
    pub fn about_cycle(mut payments: Vec<Payment>) -> Option<Self> {
        let next = payments.iter().cycle().skip(1);
        let closed = payments
            .iter()
            .zip(next)
            .all(|(payment, next)| payment.creditor() == next.debtor());
        let debtors: BTreeSet<Account> = payments.iter().map(Payment::debtor).collect();
        if !closed || debtors.len() != payments.len() {
            return None;
        }
        let first = (0..payments.len()).min_by_key(|index| payments[*index].debtor())?;
        payments.rotate_left(first);
        let accounts: Vec<Account> = payments.iter().map(Payment::debtor).collect();
        Some(Self::new(Rule::Cycle, *accounts.first()?, accounts, payments))
    }

    fn new(rule: Rule, subject: Account, accounts: Vec<Account>, payments: Vec<Payment>) -> Self {
        let times = || payments.iter().map(Payment::at_s);
        Self {
            rule,
            version: rule.version(),
            subject,
            accounts,
            from_s: times().min().unwrap_or_default(),
            to_s: times().max().unwrap_or_default(),
            payments,
        }
    }

    /// Whether the payments of a cycle, begun at the right one, follow one another in time: the same money may have gone
    /// round.
    pub fn runs_in_order(&self) -> bool {
        let count = self.payments.len();
        let descents = (0..count).filter(|index| {
            let next = &self.payments[(index + 1) % count];
            next.at_s() < self.payments[*index].at_s()
        });
        descents.count() <= 1
    }
}
