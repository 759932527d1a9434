use std::collections::{HashMap, VecDeque};

use crate::{Account, AccountState, Alert, Message, Payment, Rules};

/// All accounts in one process: each message is handled by the state of its account, in the order in which they were sent.
#[derive(Debug, Default)]
pub struct InProcess {
    rules: Rules,
    accounts: HashMap<Account, AccountState>,
    messages: u64,
}

impl InProcess {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Lets a payment and all that follows from it go through the accounts.
    pub fn pay(&mut self, payment: Payment) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let mut waiting = VecDeque::from([Message::Sent(payment), Message::Received(payment)]);
        while let Some(message) = waiting.pop_front() {
            self.messages += 1;
            let state = self.accounts.entry(message.account()).or_default();
            let outcome = state.handle(&self.rules, &message);
            alerts.extend(outcome.alerts);
            waiting.extend(outcome.messages);
        }
        alerts
    }

    /// Messages that were handled: two for each payment, the probes, and what they find.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Payments that all accounts together remember.
    pub fn remembered(&self) -> usize {
        self.accounts.values().map(AccountState::remembered).sum()
    }
}
