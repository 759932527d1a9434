use serde::{Deserialize, Serialize};

use crate::{Account, Alert, Payment};

/// What an account is told. Messages to one account come in one order, those to different ones in any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// To the debtor.
    Sent(Payment),
    /// To the creditor, from the debtor.
    Received {
        payment: Payment,
        /// Nothing like it went this way lately, so it may close a cycle.
        opens: bool,
    },
    /// To the account that the last payment of its path went to.
    Probe(Probe),
}

/// A search for the way back to where a payment came from, as it goes from account to account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Payments in the direction of the money, each from the account that the one before went to. Never empty, and
    /// shorter than the longest cycle.
    pub(crate) path: Vec<Payment>,
    pub(crate) to: Account,
}

impl Message {
    /// The account that is told, by which messages are partitioned.
    pub fn account(&self) -> Account {
        match self {
            Self::Sent(payment) => payment.debtor(),
            Self::Received { payment, .. } => payment.creditor(),
            Self::Probe(probe) => probe.to,
        }
    }
}

/// What came of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub alerts: Vec<Alert>,
    /// For other accounts, in order.
    pub messages: Vec<Message>,
}
