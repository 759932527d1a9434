//! Money from one account of the bank to another.
//!
//! The amount is reserved while the fraud service decides. When both have said yes, and an analyst where the fraud
//! service wants one, the ledger moves the money: the pivot. The ledger's answer to it comes from the end of the chain,
//! when the money is on the creditor's account, or back.

use smol_str::SmolStr;
use tributary_contracts::fraud::{Decision, FraudDecision};
use tributary_money::Money;
use tributary_saga::{Reply, Saga, Silence, Step, When};

use super::steps::{RELEASE, RESERVE, settle};

pub const INTERNAL_TRANSFER: Saga = Saga {
    name: "internal-transfer",
    title: "Money from one account of the bank to another",
    steps: &[
        RESERVE,
        Step {
            name: "fraud",
            by: "fraud",
            asks: "decide whether the payment may go on",
            when: When::AtOnce,
            pivot: false,
            within_ms: 5_000,
            silence: Silence::FallBack,
        },
        Step {
            name: "review",
            by: "an analyst",
            asks: "approve or reject the payment",
            when: When::CalledBy("fraud"),
            pivot: false,
            within_ms: 24 * 60 * 60 * 1000,
            silence: Silence::TurnBack("REVIEW_EXPIRED"),
        },
        settle(&["reserve", "fraud", "review"]),
        RELEASE,
    ],
};

/// Name and version of the rule that stands in for a silent fraud service.
pub const FALLBACK: &str = "silent-fraud.v1";

/// Up to this many units of the currency (of the major unit) a payment goes on without the fraud service; above, an analyst
/// has to look at it.
pub const FALLBACK_APPROVES_UP_TO: i64 = 500;

/// What stands in for the decision of a fraud service that is silent past its deadline.
pub fn silent_fraud(amount: Money) -> FraudDecision {
    let limit = FALLBACK_APPROVES_UP_TO.saturating_mul(10_i64.saturating_pow(amount.currency.exponent()));
    FraudDecision {
        decision: match amount.minor <= limit {
            true => Decision::Approve,
            false => Decision::Review,
        },
        reasons: vec![SmolStr::new_static("FRAUD_SILENT")],
        rules: SmolStr::new_static(FALLBACK),
        model: None,
        score: None,
    }
}

/// What a decision means for the saga.
pub fn fraud_reply(decision: Decision) -> Reply {
    match decision {
        Decision::Approve => Reply::Done,
        Decision::Review => Reply::DoneCallingFor("review"),
        Decision::Decline => Reply::Refused(SmolStr::new_static("FRAUD_DECLINED")),
    }
}
