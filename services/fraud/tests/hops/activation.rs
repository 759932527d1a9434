use tributary_contracts::fraud::{ActivateModel, ActivateRules, Decision, UseVersions, Version, VersionKind};
use tributary_ids::PaymentId;

use crate::two_hops::{TwoHops, artefact, payment};

fn rules(name: &str, above: &str) -> String {
    format!(
        r#"{{"format": 1, "name": "{name}", "rules": [{{"name": "ABOVE", "when": "amount > {above}", "then": "decline"}}]}}"#
    )
}

#[test]
fn a_payment_is_decided_by_what_was_fixed_when_it_came() {
    let mut hops = TwoHops::open();
    hops.activate_rules(&rules("first.v1", "100.0"));
    // Under way between the hops while other rules come.
    hops.write(payment("under way", "500"));
    hops.customers.run().unwrap();
    hops.activate_rules(&rules("second.v1", "1000.0"));
    let under_way = hops.decided(PaymentId::named("under way")).unwrap();
    assert_eq!(under_way.decision.rules, "first.v1");
    assert_eq!(under_way.decision.decision, Decision::Decline);
    let next = hops.assess(payment("next", "500"));
    assert_eq!(next.decision.rules, "second.v1");
    assert_eq!(next.decision.decision, Decision::Approve);
}

#[test]
fn an_activation_that_only_the_second_hop_knows_changes_nothing_yet() {
    let mut hops = TwoHops::open();
    let version = hops.make_model_known(&artefact("half"));
    assert_eq!(hops.assess(payment("one", "10")).decision.model, None);
    hops.agree(VersionKind::Model, &version);
    let scored = hops.assess(payment("two", "10")).decision;
    assert_eq!(scored.model.as_deref(), Some("half"));
}

#[test]
fn a_version_that_the_second_hop_does_not_know_decides_nothing() {
    let mut hops = TwoHops::open();
    let never = Version {
        name: "never".into(),
        hash: "0".repeat(64).into(),
    };
    hops.agree(VersionKind::Model, &never);
    hops.write(payment("one", "10"));
    hops.settle();
    assert_eq!(hops.refused(), ["FRAUD_VERSION_UNKNOWN"]);
    assert_eq!(hops.decided(PaymentId::named("one")), None);
}

#[test]
fn what_is_damaged_is_refused_and_the_version_before_it_stays() {
    let mut hops = TwoHops::open();
    hops.activate_model(&artefact("good"));
    let good = artefact("good");
    let damaged = good.replace("1000.0", "1001.0");
    let cut = good[..good.len() / 2].to_owned();
    for artefact in [damaged, cut] {
        hops.write_to_payees(ActivateModel {
            partition: 0,
            artefact,
        });
        hops.settle();
    }
    for rules in ["{", &rules("bad.v1", "'ten'"), &rules("bad.v1", "nothing_known")] {
        let rules = rules.to_owned();
        hops.write_to_payees(ActivateRules { partition: 0, rules });
        hops.settle();
    }
    assert_eq!(
        hops.refused(),
        [
            "MODEL_HASH_MISMATCH",
            "MODEL_MALFORMED",
            "RULES_MALFORMED",
            "RULES_DRY_RUN_FAILED",
            "RULES_UNKNOWN_VARIABLE",
        ]
    );
    let decided = hops.assess(payment("one", "10")).decision;
    assert_eq!(decided.model.as_deref(), Some("good"));
    assert_eq!(decided.rules, "amount-limit.v1");
}

#[test]
fn an_activation_outlives_a_kill_and_six_versions_are_kept() {
    let mut hops = TwoHops::open();
    hops.activate_rules(&rules("kept.v1", "100.0"));
    hops.activate_model(&artefact("kept"));
    hops.customers.restart();
    hops.payees.restart();
    let decided = hops.assess(payment("after", "500")).decision;
    assert_eq!(
        (decided.decision, &*decided.rules),
        (Decision::Decline, "kept.v1")
    );
    assert_eq!(decided.model.as_deref(), Some("kept"));
    let first = hops.assess(payment("still first", "1"));
    for number in 2..8 {
        hops.activate_rules(&rules(&format!("kept.v{number}"), "100.0"));
    }
    // What is not kept any more can be agreed on, but nobody decides by something else.
    hops.agree(VersionKind::Rules, &first.versions.rules);
    hops.write(payment("too late", "500"));
    hops.settle();
    assert_eq!(hops.refused(), ["FRAUD_VERSION_UNKNOWN"]);
}

#[test]
fn what_decides_is_not_pushed_out_by_models_that_never_do() {
    let mut hops = TwoHops::open();
    hops.activate_model(&artefact("champion"));
    for number in 0..20 {
        hops.make_model_known(&artefact(&format!("tried/{number}")));
        let decided = hops.assess(payment(&format!("payment/{number}"), "10"));
        assert_eq!(decided.decision.model.as_deref(), Some("champion"));
    }
}

#[test]
fn nothing_is_adopted_that_names_nothing_or_came_before() {
    let mut hops = TwoHops::open();
    let nothing = UseVersions {
        partition: 0,
        number: 1,
        rules: None,
        model: None,
        challengers: None,
        approval: None,
    };
    hops.write(nothing.clone());
    hops.settle();
    hops.activate_rules(&rules("first.v1", "100.0"));
    hops.write(UseVersions {
        challengers: Some(Vec::new()),
        ..nothing
    });
    hops.settle();
    assert_eq!(
        hops.refused(),
        ["FRAUD_VERSIONS_MISSING", "FRAUD_VERSIONS_OUTDATED"]
    );
}
