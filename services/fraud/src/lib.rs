//! The fraud service: two hops on the stream runtime, each exactly once. The first is keyed by customer, counts the payment
//! among the customer's and fixes which rules and which model decide; the second is keyed by payee, adds what is known of it,
//! scores, applies the rules and answers. `docs/fraud-service.md` is the guide. Beside them, and in no payment's way, money
//! laundering is looked for (`docs/laundering.md`).

mod comparison;
mod customers;
mod fifo;
mod laundering;
mod live;
mod metrics;
mod payees;
mod recent;
mod refusal;
mod register;
pub mod rules;
mod seen;
mod shelf;
mod verdict;

pub use comparison::{Beside, Comparison};
pub use customers::{Customers, Fraud};
pub use laundering::{Laundering, LaunderingFeed, Watched};
pub use payees::{FraudPayees, Payees};
pub use refusal::CODES;
pub use register::PROPOSAL_VALID_MS;
pub use rules::{RuleSet, RulesRefused};
pub use seen::features;
pub use verdict::{Verdict, decide_again};
