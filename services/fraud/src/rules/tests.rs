use super::*;

fn set(rules: &str) -> String {
    format!(r#"{{"format": 1, "name": "test.v1", "lists": {{"some": ["a", "b"]}}, "rules": [{rules}]}}"#)
}

fn when(expression: &str) -> String {
    set(&format!(
        r#"{{"name": "RULE", "when": "{expression}", "then": "review"}}"#
    ))
}

fn code(text: &str) -> &'static str {
    RuleSet::load(text).unwrap_err().code()
}

#[test]
fn the_built_in_rules_are_rules() {
    assert_eq!(built_in().version().name, "amount-limit.v1");
    assert_eq!(built_in().version().hash.len(), 64);
}

#[test]
fn expressions_look_at_facts_features_and_lists() {
    for expression in [
        "amount > 10",
        "amount * 2.0 + 1.0 >= customer_mean_amount_30d || !(night == 1.0)",
        "currency in ['CZK', 'EUR'] && !(creditor in some)",
        "score > 0.5 ? payee_risk_7d > 0.1 : weekend == 1.0",
        "customer_payments_1d >= 20.0",
        "debtor == creditor || customer == ''",
        "true",
        "-amount < 0.0",
    ] {
        let loaded = RuleSet::load(&when(expression));
        assert!(loaded.is_ok(), "{expression}: {loaded:?}");
    }
}

#[test]
fn what_is_no_rule_is_refused_by_a_stable_code() {
    assert_eq!(code(&" ".repeat(RULES_BYTES_MAX + 1)), "RULES_TOO_LARGE");
    assert_eq!(code("{"), "RULES_MALFORMED");
    assert_eq!(
        code(r#"{"format": 1, "name": "a", "rules": [], "more": 1}"#),
        "RULES_MALFORMED"
    );
    assert_eq!(
        code(r#"{"format": 2, "name": "a", "rules": []}"#),
        "RULES_UNSUPPORTED_FORMAT"
    );
    for name in ["", "Upper", "1st", "a b", &"a".repeat(65)] {
        let text = format!(r#"{{"format": 1, "name": "{name}", "rules": []}}"#);
        assert_eq!(code(&text), "RULES_BAD_NAME", "{name:?}");
    }
    let rule = |name: &str| format!(r#"{{"name": "{name}", "when": "true", "then": "review"}}"#);
    assert_eq!(code(&set(&rule("lower"))), "RULES_BAD_NAME");
    assert_eq!(
        code(&set(&format!("{}, {}", rule("A"), rule("A")))),
        "RULES_NAME_TWICE"
    );
    let many: Vec<String> = (0..=RULES_MAX)
        .map(|number| rule(&format!("R{number}")))
        .collect();
    assert_eq!(code(&set(&many.join(","))), "RULES_TOO_MANY");
    let list = r#"{"format": 1, "name": "a", "lists": {"amount": []}, "rules": []}"#;
    assert_eq!(code(list), "RULES_NAME_TWICE");
    for thresholds in [
        r#""review": 1.1"#,
        r#""decline": -0.1"#,
        r#""review": 0.6, "decline": 0.5"#,
    ] {
        let text = format!(r#"{{"format": 1, "name": "a", "thresholds": {{{thresholds}}}, "rules": []}}"#);
        assert_eq!(code(&text), "RULES_BAD_THRESHOLD");
    }
    assert_eq!(code(&when(&"true || ".repeat(200))), "RULES_EXPRESSION_TOO_LONG");
}

#[test]
fn expressions_that_could_cost_or_mean_anything_are_refused() {
    for (expression, expected) in [
        ("amount >", "RULES_EXPRESSION_INVALID"),
        ("", "RULES_EXPRESSION_INVALID"),
        ("amuont > 1.0", "RULES_UNKNOWN_VARIABLE"),
        ("creditor in nowhere", "RULES_UNKNOWN_VARIABLE"),
        ("some.all(x, x == 'a')", "RULES_NOT_ALLOWED"),
        ("[1, 2].map(x, x * 2) == [2, 4]", "RULES_NOT_ALLOWED"),
        ("size(creditor) > 3", "RULES_NOT_ALLOWED"),
        ("creditor.startsWith('a')", "RULES_NOT_ALLOWED"),
        ("some + some == some", "RULES_NOT_ALLOWED"),
        ("creditor in (some + some)", "RULES_NOT_ALLOWED"),
        ("some[0] == 'a'", "RULES_NOT_ALLOWED"),
        ("{'a': 1} == {'a': 1}", "RULES_NOT_ALLOWED"),
        ("amount.units > 1", "RULES_NOT_ALLOWED"),
        ("amount", "RULES_DRY_RUN_FAILED"),
        ("amount > 'ten'", "RULES_DRY_RUN_FAILED"),
        ("currency + 1.0 == 'CZK'", "RULES_DRY_RUN_FAILED"),
    ] {
        assert_eq!(code(&when(expression)), expected, "{expression}");
    }
    // Deep, but short enough: refused or read, and in no way the end of the process.
    let deep = format!("{}amount > 1.0{}", "(".repeat(450), ")".repeat(450));
    drop(RuleSet::load(&when(&deep)));
}

#[test]
fn the_same_text_is_the_same_version_and_another_is_another() {
    let version = |text: &str| RuleSet::load(text).unwrap().version().clone();
    assert_eq!(version(&when("true")), version(&when("true")));
    assert_ne!(version(&when("true")).hash, version(&when("false")).hash);
}
