use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, CustomerId, PaymentId};
use tributary_money::Currency;

use super::{
    AmendStandingOrder, CancelPayment, CancelStandingOrder, CreateStandingOrder, OccurrenceOf,
    SchedulePayment, Subject,
};
use crate::{accounts::Details, envelope::BusinessDate, messages, sealed::Sealed};

/// Moves money between two accounts of the bank. The payment's id dedupes: one that exists with the same terms is left
/// as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InitiateTransfer {
    pub payment_id: PaymentId,
    /// Whose payment it is: the owner of the debtor's account.
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Decimal, above zero.
    pub amount: SmolStr,
    pub currency: Currency,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    /// Remittance information: what the debtor writes to the creditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
    /// The occurrence of a standing order that the payment is. Its id is derived from it, and `remittance`, where there is
    /// one, is the order's: sealed for the order, not for the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<OccurrenceOf>,
}

/// Pays back a completed payment, whole or in part. It claims the amount of the original first, which two refunds can't
/// exceed together, and then goes its way as a payment of its own. The refund's id dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundPayment {
    /// The original.
    pub payment_id: PaymentId,
    /// The new payment's id.
    pub refund_id: PaymentId,
    /// Decimal, above zero, at most what was not refunded yet.
    pub amount: SmolStr,
    pub currency: Currency,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    /// A code, such as `DUPL` (ISO 20022's return reasons).
    pub reason: SmolStr,
}

/// Sends a claimed refund on its way. Comes from the original's partition only, by [`RefundPayment`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InitiateRefund {
    pub refund_id: PaymentId,
    /// The original.
    pub refunds: PaymentId,
    pub customer: CustomerId,
    /// The original's creditor, who pays back.
    pub debtor: AccountId,
    /// The original's debtor.
    pub creditor: AccountId,
    /// Decimal, above zero.
    pub amount: SmolStr,
    pub currency: Currency,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    pub reason: SmolStr,
}

/// Gives a claimed amount back to the original, since its refund did not happen. Comes from the refund's partition only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseRefund {
    /// The original.
    pub payment_id: PaymentId,
    pub refund_id: PaymentId,
}

/// What an analyst finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewDecision {
    Approve,
    Reject,
}

/// An analyst's decision on a payment that waits for one. Who it was stands in the envelope's initiator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewPayment {
    pub payment_id: PaymentId,
    pub decision: ReviewDecision,
    /// A code; no free text.
    pub reason: SmolStr,
    /// The payment is fraud for certain: its rejection labels it as such. Never with an approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirms_fraud: bool,
}

/// Lets a quarantined payment try its step again, after a person has looked into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResumePayment {
    pub payment_id: PaymentId,
}

messages! {
    /// What the payments service is asked to do.
    pub enum PaymentsCommand {
        InitiateTransfer = "payments.initiate-transfer.v1",
        RefundPayment = "payments.refund-payment.v1",
        InitiateRefund = "payments.initiate-refund.v1",
        ReleaseRefund = "payments.release-refund.v1",
        ReviewPayment = "payments.review-payment.v1",
        ResumePayment = "payments.resume-payment.v1",
        SchedulePayment = "payments.schedule-payment.v1",
        CancelPayment = "payments.cancel-payment.v1",
        CreateStandingOrder = "payments.create-standing-order.v1",
        AmendStandingOrder = "payments.amend-standing-order.v1",
        CancelStandingOrder = "payments.cancel-standing-order.v1",
    }
}

impl PaymentsCommand {
    /// The payment or order that decides.
    pub fn subject(&self) -> Subject {
        match self {
            Self::InitiateTransfer(command) => command.payment_id.into(),
            Self::RefundPayment(command) => command.payment_id.into(),
            Self::InitiateRefund(command) => command.refund_id.into(),
            Self::ReleaseRefund(command) => command.payment_id.into(),
            Self::ReviewPayment(command) => command.payment_id.into(),
            Self::ResumePayment(command) => command.payment_id.into(),
            Self::SchedulePayment(command) => command.payment_id.into(),
            Self::CancelPayment(command) => command.payment_id.into(),
            Self::CreateStandingOrder(command) => command.order_id.into(),
            Self::AmendStandingOrder(command) => command.order_id.into(),
            Self::CancelStandingOrder(command) => command.order_id.into(),
        }
    }

    /// The key of the command's record.
    pub fn key(&self) -> String {
        self.subject().to_string()
    }
}
