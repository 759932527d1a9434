//! The second hop's language: `fraud-payees.inbox` and `fraud-payees.events`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, CustomerId, PaymentId};
use tributary_money::Currency;

use super::{CustomerSeen, Decision, FraudDecision, Real, Version, Versions, Windows};
use crate::{messages, partition::key_of_partition};

/// Name of the second hop, and prefix of its topics and consumer group.
pub const PAYEES_SERVICE: &str = "fraud-payees";

/// Asks the second hop to decide on a payment. It goes on from the first hop's [`PaymentObserved`](super::PaymentObserved),
/// and answers in its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssessPayee {
    pub payment_id: PaymentId,
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    /// Event time, milliseconds since the epoch.
    pub initiated_at: i64,
    /// By how many seconds local time is ahead of UTC.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub utc_offset_s: i32,
    pub seen: CustomerSeen,
    /// What has to decide, and nothing else.
    pub versions: Versions,
}

pub(super) fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// Asks for the decision on a payment once more: the first hop has sent it on before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TellDecision {
    pub payment_id: PaymentId,
    pub creditor: AccountId,
}

/// Makes a model known to one partition. Which payments it scores the first hop says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActivateModel {
    pub partition: i32,
    /// The artefact, as it stands in its file.
    pub artefact: String,
}

/// Makes a set of rules known to one partition. Which payments it decides on the first hop says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActivateRules {
    pub partition: i32,
    /// The set, as it stands in its file.
    pub rules: String,
}

/// Where a label comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LabelSource {
    /// An analyst has confirmed it.
    Analyst,
    /// The payer has charged the payment back.
    Chargeback,
}

/// Labels a payment as fraud. It tells of the payee 7 days after the payment, whenever it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmFraud {
    pub payment_id: PaymentId,
    pub creditor: AccountId,
    /// When the payee's windows counted it, as the payment's decision says. Seconds since the epoch.
    pub counted_at_s: i64,
    /// Whether it was unusual for its customer, as the payment's decision says.
    pub unusual: bool,
    pub source: LabelSource,
}

/// Labels a payment as fraud that an analyst has looked at before it went on. The second hop remembers such a payment for two
/// days, so that the sender need not know how it was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmReviewedFraud {
    pub payment_id: PaymentId,
    pub creditor: AccountId,
}

/// Takes a label back: it was wrong. The payee's windows are as if it had never been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetractFraud {
    pub payment_id: PaymentId,
    pub creditor: AccountId,
}

messages! {
    /// What the second hop is asked.
    pub enum PayeesCommand {
        AssessPayee = "fraud.assess-payee.v1",
        TellDecision = "fraud.tell-decision.v1",
        ActivateModel = "fraud.activate-model.v1",
        ActivateRules = "fraud.activate-rules.v1",
        ConfirmFraud = "fraud.confirm-fraud.v1",
        ConfirmReviewedFraud = "fraud.confirm-reviewed-fraud.v1",
        RetractFraud = "fraud.retract-fraud.v1",
    }
}

impl PayeesCommand {
    /// The key of the command's record: the payee, or the partition itself.
    pub fn key(&self) -> String {
        match self {
            Self::AssessPayee(command) => command.creditor.to_string(),
            Self::TellDecision(command) => command.creditor.to_string(),
            Self::ConfirmFraud(command) => command.creditor.to_string(),
            Self::ConfirmReviewedFraud(command) => command.creditor.to_string(),
            Self::RetractFraud(command) => command.creditor.to_string(),
            Self::ActivateModel(command) => key_of_partition(command.partition),
            Self::ActivateRules(command) => key_of_partition(command.partition),
        }
    }
}

/// What is known of a payee when a payment to it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PayeeSeen {
    /// Payments in windows that end 7 days before this one.
    pub payments: Windows<u32>,
    /// Confirmed frauds by payments in the same windows, 0 without payments.
    pub risk: Windows<Real>,
    /// Confirmed frauds in a row, up to 7 days ago.
    pub run: u32,
    /// How long ago that row began, in seconds; 0 without one.
    pub run_age_s: i64,
    /// How long ago the newest payment was of which it is known that it was genuine, in seconds; at most 37 days. Added
    /// later: 0 where it is missing.
    #[serde(default)]
    pub since_genuine_s: i64,
    /// When the payment was counted, seconds since the epoch.
    pub counted_at_s: i64,
}

/// What a feature adds to a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contribution {
    pub feature: SmolStr,
    /// Above zero speaks for fraud.
    pub amount: Real,
}

/// What a challenger says of a payment, and what the same rules and thresholds would have decided by its score. It has no
/// effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Challenged {
    pub model: Version,
    pub score: Real,
    pub decision: Decision,
}

/// The payment was decided on, by the versions that the first hop had fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentDecided {
    pub payment_id: PaymentId,
    pub customer: CustomerId,
    /// Added later: nobody where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debtor: Option<AccountId>,
    pub creditor: AccountId,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    pub initiated_at: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub utc_offset_s: i32,
    pub customer_seen: CustomerSeen,
    pub payee_seen: PayeeSeen,
    pub versions: Versions,
    pub decision: FraudDecision,
    /// What moved the score most, the largest first; none without a model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contributions: Vec<Contribution>,
    /// What the challengers say, of those that are known here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub challenged: Vec<Challenged>,
}

/// A decision was asked for again, and told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionRepeated {
    pub payment_id: PaymentId,
    pub creditor: AccountId,
}

/// The partition knows a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelActivated {
    pub partition: i32,
    pub version: Version,
    pub artefact: String,
}

/// The partition knows a set of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RulesActivated {
    pub partition: i32,
    pub version: Version,
    pub rules: String,
}

/// A payment was labelled as fraud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FraudConfirmed {
    pub payment_id: PaymentId,
    pub creditor: AccountId,
    pub counted_at_s: i64,
    pub unusual: bool,
    pub source: LabelSource,
}

/// A label was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FraudRetracted {
    pub payment_id: PaymentId,
    pub creditor: AccountId,
    pub counted_at_s: i64,
    pub unusual: bool,
    /// Where the label had come from.
    pub source: LabelSource,
}

messages! {
    /// What happened in the second hop.
    pub enum PayeesEvent {
        PaymentDecided = "fraud.payment-decided.v1",
        DecisionRepeated = "fraud.decision-repeated.v1",
        ModelActivated = "fraud.model-activated.v1",
        RulesActivated = "fraud.rules-activated.v1",
        FraudConfirmed = "fraud.fraud-confirmed.v1",
        FraudRetracted = "fraud.fraud-retracted.v1",
    }
}
