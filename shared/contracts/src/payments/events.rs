use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, CustomerId, HoldId, PaymentId};
use tributary_money::Currency;

use super::{
    OccurrenceOf, PaymentCancelled, PaymentScheduled, ReviewDecision, StandingOrderAmended,
    StandingOrderCancelled, StandingOrderCreated, StandingOrderExecuted, StandingOrderUnchanged, Subject,
};
use crate::{
    accounts::Details, envelope::BusinessDate, fraud::FraudDecision, messages, saga::Progress, sealed::Sealed,
};

/// What kind of payment, which says by which saga it goes its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentKind {
    InternalTransfer,
    Refund,
}

/// A payment begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentInitiated {
    pub payment_id: PaymentId,
    pub kind: PaymentKind,
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Minor units, above zero.
    pub amount: i64,
    pub currency: Currency,
    /// The hold that reserves the money on the debtor's account.
    pub hold_id: HoldId,
    /// When the hold lapses by itself, milliseconds since the epoch: after every deadline of the saga.
    pub hold_expires_at: i64,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
    /// The occurrence of a standing order that the payment is: then `remittance` is sealed for the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<OccurrenceOf>,
    /// The payment that this one pays back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunds: Option<PaymentId>,
    pub progress: Progress,
}

/// A step ended, and the payment goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAdvanced {
    pub payment_id: PaymentId,
    pub progress: Progress,
    /// What the fraud service decided, or its fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraud: Option<FraudDecision>,
    /// What an analyst decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewDecision>,
}

/// The money is with the creditor. Terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCompleted {
    pub payment_id: PaymentId,
    pub progress: Progress,
}

/// The payment didn't happen; nothing is reserved for it any more. Terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRejected {
    pub payment_id: PaymentId,
    /// Stable code of why.
    pub code: SmolStr,
    pub progress: Progress,
    /// What the fraud service decided, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraud: Option<FraudDecision>,
}

/// Where returned money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnedTo {
    Debtor,
    /// The debtor's account could not take it either.
    Suspense,
}

/// The creditor's account took no money, and it went back. Terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentReturned {
    pub payment_id: PaymentId,
    /// Stable code of why the creditor's account refused it.
    pub code: SmolStr,
    pub to: ReturnedTo,
    pub progress: Progress,
}

/// The payment can't go on by itself: a person has to look at it, and then resume it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentQuarantined {
    pub payment_id: PaymentId,
    /// The step that got no answer, or one that can't be.
    pub step: SmolStr,
    pub code: SmolStr,
    pub progress: Progress,
}

/// A person let a quarantined payment go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentResumed {
    pub payment_id: PaymentId,
    pub progress: Progress,
}

/// An answer came that nobody waits for any more: late, or a second time. It changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerIgnored {
    pub payment_id: PaymentId,
    /// The step that it answers; none where the payment is not known any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<SmolStr>,
    /// It contradicts what stood in for it, so somebody should look at the payment: a decline that came after the
    /// fallback had approved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opens_case: bool,
    /// What the fraud service decided too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraud: Option<FraudDecision>,
}

/// A part of a completed payment is claimed by a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundClaimed {
    /// The original.
    pub payment_id: PaymentId,
    pub refund_id: PaymentId,
    /// Minor units.
    pub amount: i64,
    /// Minor units of the original that are still unclaimed after it.
    pub refundable: i64,
}

/// A refund did not happen: what it claimed can be claimed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundReleased {
    /// The original.
    pub payment_id: PaymentId,
    pub refund_id: PaymentId,
    /// Minor units.
    pub amount: i64,
    pub refundable: i64,
}

/// Nothing had to be done: what the command wants is so already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentUnchanged {
    pub payment_id: PaymentId,
    /// Stable: `PAYMENT_EXISTS`, `REFUND_EXISTS`, `REFUND_RELEASED`, `PAYMENT_CANCELLED`.
    pub code: SmolStr,
}

messages! {
    /// What happened in the payments service.
    pub enum PaymentsEvent {
        PaymentInitiated = "payments.payment-initiated.v1",
        PaymentAdvanced = "payments.payment-advanced.v1",
        PaymentCompleted = "payments.payment-completed.v1",
        PaymentRejected = "payments.payment-rejected.v1",
        PaymentReturned = "payments.payment-returned.v1",
        PaymentQuarantined = "payments.payment-quarantined.v1",
        PaymentResumed = "payments.payment-resumed.v1",
        AnswerIgnored = "payments.answer-ignored.v1",
        RefundClaimed = "payments.refund-claimed.v1",
        RefundReleased = "payments.refund-released.v1",
        PaymentUnchanged = "payments.payment-unchanged.v1",
        PaymentScheduled = "payments.payment-scheduled.v1",
        PaymentCancelled = "payments.payment-cancelled.v1",
        StandingOrderCreated = "payments.standing-order-created.v1",
        StandingOrderAmended = "payments.standing-order-amended.v1",
        StandingOrderExecuted = "payments.standing-order-executed.v1",
        StandingOrderCancelled = "payments.standing-order-cancelled.v1",
        StandingOrderUnchanged = "payments.standing-order-unchanged.v1",
    }
}

impl PaymentsEvent {
    /// The payment or order that the event is about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::PaymentInitiated(e) => e.payment_id.into(),
            Self::PaymentAdvanced(e) => e.payment_id.into(),
            Self::PaymentCompleted(e) => e.payment_id.into(),
            Self::PaymentRejected(e) => e.payment_id.into(),
            Self::PaymentReturned(e) => e.payment_id.into(),
            Self::PaymentQuarantined(e) => e.payment_id.into(),
            Self::PaymentResumed(e) => e.payment_id.into(),
            Self::AnswerIgnored(e) => e.payment_id.into(),
            Self::RefundClaimed(e) => e.payment_id.into(),
            Self::RefundReleased(e) => e.payment_id.into(),
            Self::PaymentUnchanged(e) => e.payment_id.into(),
            Self::PaymentScheduled(e) => e.payment_id.into(),
            Self::PaymentCancelled(e) => e.payment_id.into(),
            Self::StandingOrderCreated(e) => e.order_id.into(),
            Self::StandingOrderAmended(e) => e.order_id.into(),
            Self::StandingOrderExecuted(e) => e.order_id.into(),
            Self::StandingOrderCancelled(e) => e.order_id.into(),
            Self::StandingOrderUnchanged(e) => e.order_id.into(),
        }
    }

    /// The payment that the event is about; none where it is about an order.
    pub fn payment(&self) -> Option<PaymentId> {
        self.subject().payment()
    }

    /// What it changes of the payment's saga.
    pub fn progress(&self) -> Option<&Progress> {
        match self {
            Self::PaymentInitiated(e) => Some(&e.progress),
            Self::PaymentAdvanced(e) => Some(&e.progress),
            Self::PaymentCompleted(e) => Some(&e.progress),
            Self::PaymentRejected(e) => Some(&e.progress),
            Self::PaymentReturned(e) => Some(&e.progress),
            Self::PaymentQuarantined(e) => Some(&e.progress),
            Self::PaymentResumed(e) => Some(&e.progress),
            Self::AnswerIgnored(_)
            | Self::RefundClaimed(_)
            | Self::RefundReleased(_)
            | Self::PaymentUnchanged(_)
            | Self::PaymentScheduled(_)
            | Self::PaymentCancelled(_)
            | Self::StandingOrderCreated(_)
            | Self::StandingOrderAmended(_)
            | Self::StandingOrderExecuted(_)
            | Self::StandingOrderCancelled(_)
            | Self::StandingOrderUnchanged(_) => None,
        }
    }
}
