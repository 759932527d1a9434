use serde::{Deserialize, Serialize};

use crate::{Account, Alert, Payment};

/// What an account is told. Messages to one account come in one order, those to different ones in any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// To the debtor.
    Sent(Payment),
    /// To the creditor.
    Received(Payment),
    /// To the debtor: the creditor took no money.
    Returned(Payment),
    /// To the account that the last payment of its path went to.
    Probe(Probe),
    /// To the account that the alert is about, from the one that found the cycle.
    Cycle(Alert),
}

/// A search for the way back to where a payment came from, as it goes from account to account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Payments in the direction of the money, each from the account that the one before went to. Never empty, and
    /// shorter than the longest cycle.
    pub(crate) path: Vec<Payment>,
    pub(crate) to: Account,
    /// Accounts that the search may still go on to from here.
    pub(crate) budget: u32,
}

impl Probe {
    pub(crate) fn begin(payment: Payment, budget: u32) -> Self {
        Self {
            path: vec![payment],
            to: payment.creditor(),
            budget,
        }
    }

    /// From what a search has found so far; none where that is no way from account to account.
    pub fn of(path: Vec<Payment>, budget: u32) -> Option<Self> {
        let to = path.last()?.creditor();
        let joined = path
            .windows(2)
            .all(|pair| matches!(pair, [one, next] if one.creditor() == next.debtor()));
        joined.then_some(Self { path, to, budget })
    }

    /// The payments, beginning with the one that the search is for.
    pub fn path(&self) -> &[Payment] {
        &self.path
    }

    /// Accounts that the search may still go on to from here.
    pub fn budget(&self) -> u32 {
        self.budget
    }
}

impl Message {
    /// The account that is told, by which messages are partitioned.
    pub fn account(&self) -> Account {
        match self {
            Self::Sent(payment) | Self::Returned(payment) => payment.debtor(),
            Self::Received(payment) => payment.creditor(),
            Self::Probe(probe) => probe.to,
            Self::Cycle(alert) => alert.subject,
        }
    }
}

/// What came of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the account takes note of the payment: it is new to it, or not known any more.
    pub noted: bool,
    pub alerts: Vec<Alert>,
    /// For other accounts, in order.
    pub messages: Vec<Message>,
}
