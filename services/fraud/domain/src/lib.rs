//! The fraud service's pure core: what is known of a payment when it is judged ([`FeatureVector`]), kept in event time by
//! two states that know nothing of one another ([`Customer`], [`Payee`]), and models that score it ([`Model`]).
//!
//! `docs/fraud.md` has the formulas and where they come from.

mod customer;
mod features;
pub mod model;
mod payee;
mod payment;
mod sliding;

pub use customer::{Customer, CustomerFeatures, CustomerReplaced, DEVIATION_LEAST, UNUSUAL_ABOVE};
pub use features::{FEATURES, Feature, FeatureVector, OWN, PUBLISHED};
pub use model::Model;
pub use payee::{
    LABEL_DELAY_S, LabelRefused, PAYEE_LATE_S, Payee, PayeeFeatures, PayeeReplaced, RUN_REMEMBERED_S,
};
pub use payment::{AMOUNT_MINOR_MAX, MINOR_PER_UNIT, Payment, PaymentRefused};
pub use sliding::{ENTRIES_MAX, SKEW_S};

/// Seconds of a day, the unit of all windows.
pub const DAY_S: i64 = 86_400;
