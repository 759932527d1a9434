use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use smol_str::SmolStr;
use tributary_contracts::{
    accounts::Details,
    envelope::BusinessDate,
    fraud,
    payments::{PaymentInitiated, PaymentKind, ReturnedTo},
};
use tributary_ids::{AccountId, CustomerId, HoldId, PaymentId};
use tributary_money::{Currency, Money};
use tributary_saga as saga;
use uuid::Uuid;

/// A payment: its terms, and how far its saga is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub kind: PaymentKind,
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Minor units, above zero.
    pub amount: i64,
    pub currency: Currency,
    pub hold_id: HoldId,
    /// Milliseconds since the epoch.
    pub hold_expires_at: i64,
    pub booking_date: BusinessDate,
    #[serde(with = "crate::kept_details")]
    pub details: Details,
    /// Of the remittance information, its ciphertext's tag alone: a digest that tells whether another one is the same.
    pub remittance_tag: Option<SmolStr>,
    /// The payment that this one pays back.
    pub refunds: Option<PaymentId>,
    /// Record time of its beginning, milliseconds since the epoch.
    pub initiated_at: i64,
    /// Of the wish that began it.
    pub correlation_id: Uuid,
    pub saga: saga::State,
    /// What was decided about fraud, by the service or in its stead.
    pub fraud: Option<fraud::Decision>,
    pub outcome: Option<Outcome>,
    /// What refunds have claimed of it.
    pub claims: SmallVec<[Claim; 1]>,
}

/// A refund's claim on the payment that it pays back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub refund: PaymentId,
    /// Minor units.
    pub amount: i64,
    /// The refund did not happen: the claim counts no more, and its id is not taken again.
    pub released: bool,
}

/// How a payment ended. It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Completed,
    Rejected,
    Returned(ReturnedTo),
}

impl Payment {
    pub(crate) fn initiated(event: &PaymentInitiated, time_ms: i64, correlation_id: Uuid) -> Self {
        Self {
            kind: event.kind,
            customer: event.customer,
            debtor: event.debtor,
            creditor: event.creditor,
            amount: event.amount,
            currency: event.currency,
            hold_id: event.hold_id,
            hold_expires_at: event.hold_expires_at,
            booking_date: event.booking_date,
            details: event.details.clone(),
            remittance_tag: event.remittance.as_ref().map(|sealed| sealed.tag().into()),
            refunds: event.refunds,
            initiated_at: time_ms,
            correlation_id,
            saga: saga::State::new(crate::sagas::of(event.kind)),
            fraud: None,
            outcome: None,
            claims: SmallVec::new(),
        }
    }

    /// The amount, with its currency.
    pub fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }

    /// Minor units that no refund has claimed.
    pub fn refundable(&self) -> i64 {
        let claimed = self.claims.iter().filter(|claim| !claim.released);
        self.amount - claimed.map(|claim| claim.amount).sum::<i64>()
    }
}
