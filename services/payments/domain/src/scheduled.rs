use serde::{Deserialize, Serialize};
use tributary_contracts::{
    accounts::Details, envelope::BusinessDate, payments::PaymentScheduled, sealed::Sealed,
};
use tributary_ids::{AccountId, CustomerId};
use tributary_money::Currency;
use uuid::Uuid;

/// A payment that waits for its day, or was cancelled before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduledPayment {
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Minor units, above zero.
    pub amount: i64,
    pub currency: Currency,
    pub requested_date: BusinessDate,
    pub execution_date: BusinessDate,
    /// When it begins, milliseconds since the epoch: the cut-off of its day.
    pub due_at: i64,
    /// The ciphertext whole: the payment begins with it.
    pub remittance: Option<Sealed>,
    #[serde(with = "crate::kept_details")]
    pub details: Details,
    /// Of the wish that scheduled it.
    pub correlation_id: Uuid,
    pub cancelled: bool,
}

impl ScheduledPayment {
    pub(crate) fn scheduled(event: &PaymentScheduled, correlation_id: Uuid) -> Self {
        Self {
            customer: event.customer,
            debtor: event.debtor,
            creditor: event.creditor,
            amount: event.amount,
            currency: event.currency,
            requested_date: event.requested_date,
            execution_date: event.execution_date,
            due_at: event.due_at,
            remittance: event.remittance.clone(),
            details: event.details.clone(),
            correlation_id,
            cancelled: false,
        }
    }
}
