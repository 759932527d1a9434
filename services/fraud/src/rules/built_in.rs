use std::sync::LazyLock;

use super::RuleSet;

/// The text of the set that decides until another is activated.
const TEXT: &str = r#"{
  "format": 1,
  "name": "amount-limit.v1",
  "rules": [
    {"name": "AMOUNT_ABOVE_LIMIT", "when": "amount > 10000.0", "then": "review"}
  ]
}"#;

#[expect(clippy::expect_used, reason = "a constant, which a test loads too")]
static SET: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::load(TEXT).expect("the built-in rules are rules"));

/// What decides until other rules are activated: above 10,000 units of the currency (of the major unit: crowns, not halers) a
/// person looks at the payment first.
pub fn built_in() -> &'static RuleSet {
    &SET
}
