//! The fraud service's language, hop by hop: here `fraud.inbox` and `fraud.events`, keyed by customer; in
//! [`PayeesCommand`] and [`PayeesEvent`] the second hop's, keyed by payee.

mod payees;
mod real;
mod versions;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, CustomerId, PaymentId};
use tributary_money::Currency;

use crate::{messages, partition::key_of_partition};

use payees::is_zero;
pub use payees::{
    ActivateModel, ActivateRules, AssessPayee, Challenged, ConfirmFraud, ConfirmReviewedFraud, Contribution,
    DecisionRepeated, FraudConfirmed, FraudRetracted, LabelSource, ModelActivated, PAYEES_SERVICE, PayeeSeen,
    PayeesCommand, PayeesEvent, PaymentDecided, RetractFraud, RulesActivated, TellDecision,
};
pub use real::Real;
pub use versions::{
    AddChallenger, Approval, ApproveVersion, CHALLENGERS_MAX, ChallengerAdded, ChallengerDropped,
    DropChallenger, ProposeVersion, REGISTER_PARTITION, RejectVersion, UseVersions, Version, VersionApproved,
    VersionKind, VersionProposed, VersionRejected, Versions, VersionsUsed,
};

/// Name of the service, and prefix of its topics and consumer group.
pub const SERVICE: &str = "fraud";

/// Asks whether a payment may go on. The answer carries a [`FraudDecision`]. The decision is a function of the command
/// and of what the customer's and the payee's partitions have seen; the payment's id dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssessPayment {
    pub payment_id: PaymentId,
    /// Whose payment it is.
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Decimal, not below zero.
    pub amount: SmolStr,
    pub currency: Currency,
    /// Event time: when the payment was initiated, milliseconds since the epoch.
    pub initiated_at: i64,
    /// By how many seconds local time was ahead of UTC then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub utc_offset_s: i32,
}

messages! {
    /// What the fraud service is asked.
    pub enum FraudCommand {
        AssessPayment = "fraud.assess-payment.v1",
        UseVersions = "fraud.use-versions.v1",
        ProposeVersion = "fraud.propose-version.v1",
        ApproveVersion = "fraud.approve-version.v1",
        RejectVersion = "fraud.reject-version.v1",
        AddChallenger = "fraud.add-challenger.v1",
        DropChallenger = "fraud.drop-challenger.v1",
    }
}

impl FraudCommand {
    /// The key of the command's record: the customer, or a partition itself.
    pub fn key(&self) -> String {
        match self {
            Self::AssessPayment(command) => command.customer.to_string(),
            Self::UseVersions(command) => key_of_partition(command.partition),
            Self::ProposeVersion(_)
            | Self::ApproveVersion(_)
            | Self::RejectVersion(_)
            | Self::AddChallenger(_)
            | Self::DropChallenger(_) => key_of_partition(REGISTER_PARTITION),
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
    /// Stable codes: names of the rules that spoke, and where the score did, of the features that moved it most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<SmolStr>,
    /// Name and version of the rules that decided.
    pub rules: SmolStr,
    /// Name and version of the model that scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<SmolStr>,
    /// How likely the payment is fraud by that model, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Real>,
}

/// The same over windows of 1, 7 and 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Windows<T> {
    pub d1: T,
    pub d7: T,
    pub d30: T,
}

impl<T> From<[T; 3]> for Windows<T> {
    fn from([d1, d7, d30]: [T; 3]) -> Self {
        Self { d1, d7, d30 }
    }
}

impl<T> From<Windows<T>> for [T; 3] {
    fn from(windows: Windows<T>) -> Self {
        [windows.d1, windows.d7, windows.d30]
    }
}

/// A payment beside its customer's others of that currency, itself included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerSeen {
    pub payments: Windows<u32>,
    /// Units of the currency.
    pub mean_amount: Windows<Real>,
    /// The amount as a multiple of what is typical for the customer over 30 days.
    pub times_typical: Real,
    pub unusual: bool,
    /// Unusual payments over 7 days before this one.
    pub unusual_before: u32,
    /// Standard deviations above the mean of the customer's ordinary payments over 30 days. Added later: 0 where it is
    /// missing.
    #[serde(default)]
    pub deviations: Real,
    /// When the payment was counted, seconds since the epoch.
    pub counted_at_s: i64,
}

/// The payment was assessed. Written until there was a second hop; [`PaymentDecided`] has come in its place.
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

/// The payment was counted among its customer's, and goes on to its payee's partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentObserved {
    pub payment_id: PaymentId,
    pub customer: CustomerId,
    pub creditor: AccountId,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    pub initiated_at: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub utc_offset_s: i32,
    pub seen: CustomerSeen,
    /// What will decide on it, fixed here.
    pub versions: Versions,
}

/// A payment that was counted before was asked about again: its decision is told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssessmentRepeated {
    pub payment_id: PaymentId,
    pub customer: CustomerId,
}

messages! {
    /// What happened in the fraud service's first hop.
    pub enum FraudEvent {
        PaymentAssessed = "fraud.payment-assessed.v1",
        PaymentObserved = "fraud.payment-observed.v1",
        AssessmentRepeated = "fraud.assessment-repeated.v1",
        VersionsUsed = "fraud.versions-used.v1",
        VersionProposed = "fraud.version-proposed.v1",
        VersionApproved = "fraud.version-approved.v1",
        VersionRejected = "fraud.version-rejected.v1",
        ChallengerAdded = "fraud.challenger-added.v1",
        ChallengerDropped = "fraud.challenger-dropped.v1",
    }
}
