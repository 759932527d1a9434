//! The fraud service's language: `fraud.inbox` and `fraud.events`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, CustomerId, PaymentId};
use tributary_money::Currency;

use crate::messages;

/// Name of the service, and prefix of its topics and consumer group.
pub const SERVICE: &str = "fraud";

/// Asks whether a payment may go on. The answer carries a [`FraudDecision`]. The decision is a function of the command
/// and of what the customer's partition has seen; the payment's id dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssessPayment {
    pub payment_id: PaymentId,
    /// Whose payment it is.
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Decimal, above zero.
    pub amount: SmolStr,
    pub currency: Currency,
    /// Event time: when the payment was initiated, milliseconds since the epoch.
    pub initiated_at: i64,
}

messages! {
    /// What the fraud service is asked.
    pub enum FraudCommand {
        AssessPayment = "fraud.assess-payment.v1",
    }
}

impl FraudCommand {
    /// The key of the command's record: the customer.
    pub fn key(&self) -> String {
        match self {
            Self::AssessPayment(command) => command.customer.to_string(),
        }
    }
}

/// What is to become of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    Approve,
    /// A person has to look at it first.
    Review,
    Decline,
}

/// A decision and what led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FraudDecision {
    pub decision: Decision,
    /// Stable codes of the rules that spoke.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<SmolStr>,
    /// Name and version of the rules that decided.
    pub rules: SmolStr,
}

/// The payment was assessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAssessed {
    pub payment_id: PaymentId,
    pub customer: CustomerId,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    pub initiated_at: i64,
    pub decision: FraudDecision,
}

messages! {
    /// What happened in the fraud service.
    pub enum FraudEvent {
        PaymentAssessed = "fraud.payment-assessed.v1",
    }
}
