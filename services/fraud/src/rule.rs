use smol_str::SmolStr;
use tributary_contracts::fraud::{Decision, FraudDecision};
use tributary_money::Money;

/// Name and version of the rule; it stands in every decision.
pub const RULES: &str = "amount-limit.v1";

/// Above this many units of the currency (of the major unit: crowns, not halers) a person looks at the payment first.
pub const REVIEW_ABOVE: i64 = 10_000;

/// Approves up to the limit, and sends to review above it.
pub fn decide(amount: Money) -> FraudDecision {
    let limit = REVIEW_ABOVE.saturating_mul(10_i64.saturating_pow(amount.currency.exponent()));
    let (decision, reasons) = match amount.minor > limit {
        true => (Decision::Review, vec![SmolStr::new_static("AMOUNT_ABOVE_LIMIT")]),
        false => (Decision::Approve, Vec::new()),
    };
    FraudDecision {
        decision,
        reasons,
        rules: SmolStr::new_static(RULES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_in_units_of_the_currency() {
        let decision = |amount: &str, currency: &str| {
            decide(Money::parse(amount, currency.parse().unwrap()).unwrap()).decision
        };
        assert_eq!(decision("10000.00", "CZK"), Decision::Approve);
        assert_eq!(decision("10000.01", "CZK"), Decision::Review);
        assert_eq!(decision("10000", "JPY"), Decision::Approve);
        assert_eq!(decision("10001", "JPY"), Decision::Review);
    }
}
