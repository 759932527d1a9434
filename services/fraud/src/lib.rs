//! The fraud service. What is here decides by one documented rule ([`REVIEW_ABOVE`]); features, rules that change at run
//! time and models come to the same command and the same answer.

mod rule;
mod service;

pub use rule::{REVIEW_ABOVE, RULES, decide};
pub use service::Fraud;
