//! The sagas by which payments go, one a file.

mod internal_transfer;
mod refund;
mod steps;

use tributary_contracts::payments::PaymentKind;
use tributary_saga::Saga;

pub use internal_transfer::{
    FALLBACK, FALLBACK_APPROVES_UP_TO, INTERNAL_TRANSFER, fraud_reply, silent_fraud,
};
pub use refund::REFUND;
pub use steps::hold_lifetime_ms;

/// Every saga of the service.
pub const ALL: [&Saga; 2] = [&INTERNAL_TRANSFER, &REFUND];

/// The saga of a kind of payment.
pub fn of(kind: PaymentKind) -> &'static Saga {
    match kind {
        PaymentKind::InternalTransfer => &INTERNAL_TRANSFER,
        PaymentKind::Refund => &REFUND,
    }
}
