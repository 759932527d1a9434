//! Payments of a later day, and those that are made again and again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, CustomerId, PaymentId, StandingOrderId};
use tributary_money::Currency;

use crate::{accounts::Details, envelope::BusinessDate, sealed::Sealed};

/// Where a date goes that is no business day of the currency: the terms of ISDA and FpML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BusinessDayConvention {
    /// To the next business day.
    #[default]
    Following,
    /// To the business day before.
    Preceding,
    /// To the next business day, but not into another month: then to the one before.
    ModifiedFollowing,
}

/// How often a standing order pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Frequency {
    /// On this day of every month, 1 to 31; on the last day of a month that lacks it.
    Monthly { day: u8 },
    /// Every seven days from the start.
    Weekly,
}

/// How long a standing order pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// Until it is cancelled.
    #[default]
    Cancelled,
    /// Up to this day. What counts is the day by the order's frequency, not the business day that it is moved to.
    Date(
        #[serde(with = "crate::date")]
        #[schemars(with = "BusinessDate")]
        BusinessDate,
    ),
    /// So many times in all.
    Times(u32),
}

/// One time that a standing order pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Occurrence {
    /// Counted from one.
    pub number: u32,
    /// The day by the order's frequency.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub date: BusinessDate,
    /// The business day on which it is paid.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub execution_date: BusinessDate,
    /// That day's cut-off, when it is paid: milliseconds since the epoch.
    pub due_at: i64,
}

/// Which occurrence of which standing order a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OccurrenceOf {
    pub order_id: StandingOrderId,
    /// Counted from one.
    pub number: u32,
}

impl OccurrenceOf {
    /// The only payment that it can be.
    pub fn payment(self) -> PaymentId {
        self.order_id.payment(self.number)
    }
}

/// Moves money between two accounts of the bank on a later day. Nothing is reserved until then. The payment's id dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchedulePayment {
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
    pub execution_date: BusinessDate,
    #[serde(default)]
    pub convention: BusinessDayConvention,
    /// Remittance information: what the debtor writes to the creditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// Takes a scheduled payment back, before the cut-off of its day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelPayment {
    pub payment_id: PaymentId,
}

/// Lets money move between two accounts of the bank again and again. The order's id dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateStandingOrder {
    pub order_id: StandingOrderId,
    /// Whose order it is: the owner of the debtor's account.
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Of each payment. Decimal, above zero.
    pub amount: SmolStr,
    pub currency: Currency,
    pub frequency: Frequency,
    /// The first day on which it may pay.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub start_date: BusinessDate,
    #[serde(default)]
    pub until: Until,
    #[serde(default)]
    pub convention: BusinessDayConvention,
    /// Remittance information of each payment, sealed for the order: what the debtor writes to the creditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// Changes what a standing order pays from its next occurrence on, or how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AmendStandingOrder {
    pub order_id: StandingOrderId,
    /// Decimal of the order's currency, above zero. Absent: as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<SmolStr>,
    /// Absent: as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

/// Ends a standing order: it pays no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelStandingOrder {
    pub order_id: StandingOrderId,
}

/// A payment waits for its day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentScheduled {
    pub payment_id: PaymentId,
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Minor units, above zero.
    pub amount: i64,
    pub currency: Currency,
    /// The day that was asked for.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub requested_date: BusinessDate,
    pub convention: BusinessDayConvention,
    /// The business day on which it begins.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub execution_date: BusinessDate,
    /// That day's cut-off, when it begins: milliseconds since the epoch.
    pub due_at: i64,
    /// Remittance information: what the debtor writes to the creditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// A scheduled payment was taken back. Terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCancelled {
    pub payment_id: PaymentId,
}

/// A standing order begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandingOrderCreated {
    pub order_id: StandingOrderId,
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Of each payment. Minor units, above zero.
    pub amount: i64,
    pub currency: Currency,
    pub frequency: Frequency,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub start_date: BusinessDate,
    pub until: Until,
    pub convention: BusinessDayConvention,
    /// Remittance information of each payment, sealed for the order: what the debtor writes to the creditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
    /// When it pays first.
    pub next: Occurrence,
}

/// A standing order pays something else from now on, or for another time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandingOrderAmended {
    pub order_id: StandingOrderId,
    /// Minor units, above zero.
    pub amount: i64,
    pub until: Until,
    /// When it pays next; none: it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Occurrence>,
}

/// An occurrence of a standing order was due: its payment is sent on its way in the same transaction. What becomes of it does
/// not touch the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandingOrderExecuted {
    pub order_id: StandingOrderId,
    pub occurrence: u32,
    /// The payment that it is, derived from order and number.
    pub payment_id: PaymentId,
    /// Minor units, above zero.
    pub amount: i64,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub execution_date: BusinessDate,
    /// When it pays next; none: it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Occurrence>,
}

/// A standing order was cancelled. Terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandingOrderCancelled {
    pub order_id: StandingOrderId,
}

/// Nothing had to be done: what the command wants is so already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandingOrderUnchanged {
    pub order_id: StandingOrderId,
    /// Stable: `ORDER_EXISTS`, `ORDER_CANCELLED`.
    pub code: SmolStr,
}

/// What a message of the service is about: its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Payment(PaymentId),
    Order(StandingOrderId),
}

impl Subject {
    /// The payment; none where it is an order.
    pub fn payment(self) -> Option<PaymentId> {
        match self {
            Self::Payment(payment) => Some(payment),
            Self::Order(_) => None,
        }
    }
}

impl From<PaymentId> for Subject {
    fn from(payment: PaymentId) -> Self {
        Self::Payment(payment)
    }
}

impl From<StandingOrderId> for Subject {
    fn from(order: StandingOrderId) -> Self {
        Self::Order(order)
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payment(payment) => payment.fmt(f),
            Self::Order(order) => order.fmt(f),
        }
    }
}
