use tributary_contracts::fraud::{
    AddChallenger, Decision, DropChallenger, PaymentDecided, Version, VersionKind,
};
use tributary_fraud::Comparison;

use crate::two_hops::{TwoHops, artefact, artefact_at, payment, version_of_model};

const RULES: &str = r#"{"format": 1, "name": "scored.v1", "thresholds": {"review": 0.5, "decline": 0.9},
    "rules": [{"name": "MANY", "when": "customer_payments_1d > 5.0", "then": "review"}]}"#;

fn scored_bank() -> TwoHops {
    let mut hops = TwoHops::open();
    hops.activate_rules(RULES);
    hops.activate_model(&artefact("champion"));
    hops
}

fn names(decided: &PaymentDecided) -> Vec<&str> {
    decided
        .challenged
        .iter()
        .map(|one| one.model.name.as_str())
        .collect()
}

#[test]
fn challengers_score_every_payment_and_decide_none() {
    let mut alone = scored_bank();
    let mut hops = scored_bank();
    hops.challenge(&artefact_at("strict", 100.0));
    hops.challenge(&artefact_at("lax", 5_000.0));
    let amounts = ["10", "99", "100", "999", "1000", "2500", "4000", "9000"];
    for amount in amounts {
        let (of, beside) = (
            alone.assess(payment(amount, amount)),
            hops.assess(payment(amount, amount)),
        );
        assert_eq!(
            (&of.decision, &of.contributions, &of.payee_seen),
            (&beside.decision, &beside.contributions, &beside.payee_seen),
            "{amount}"
        );
        assert_eq!(names(&beside), ["strict", "lax"]);
        let [strict, lax] = [0, 1].map(|one: usize| &beside.challenged[one]);
        let champion = beside.decision.score.unwrap().get();
        assert!(
            strict.score.get() > champion && champion > lax.score.get(),
            "{amount}"
        );
    }
    let of = |amount: &str| {
        let decided = hops.decided(tributary_ids::PaymentId::named(amount)).unwrap();
        let would = decided
            .challenged
            .iter()
            .map(|one| one.decision)
            .collect::<Vec<_>>();
        (decided.decision.decision, would)
    };
    assert_eq!(of("10"), (Decision::Approve, vec![Decision::Approve; 2]));
    assert_eq!(
        of("100"),
        (Decision::Approve, vec![Decision::Review, Decision::Approve])
    );
    assert_eq!(
        of("4000"),
        (Decision::Decline, vec![Decision::Decline, Decision::Review])
    );
}

#[test]
fn a_challenger_that_the_second_hop_does_not_know_is_left_out() {
    let mut hops = scored_bank();
    let never = Version {
        name: "never".into(),
        hash: "a".repeat(64).into(),
    };
    hops.write(AddChallenger {
        version: never.clone(),
        by: "carol".into(),
    });
    hops.settle();
    hops.challenge(&artefact_at("strict", 100.0));
    let decided = hops.assess(payment("one", "10"));
    assert_eq!(decided.versions.challengers[0], never);
    assert_eq!(names(&decided), ["strict"]);
    assert_eq!(decided.decision.model.as_deref(), Some("champion"));
    assert!(hops.refused().is_empty());
}

#[test]
fn there_are_two_challengers_at_most_and_whoever_is_promoted_is_none() {
    let mut hops = scored_bank();
    let [first, second, third] = [100.0, 200.0, 300.0].map(|mean| artefact_at(&format!("at-{mean}"), mean));
    hops.challenge(&first);
    hops.challenge(&second);
    hops.challenge(&third);
    hops.challenge(&first);
    hops.challenge(&artefact("champion"));
    let hash = version_of_model(&third).hash;
    let by: smol_str::SmolStr = "carol".into();
    hops.write(DropChallenger { hash, by: by.clone() });
    hops.settle();
    assert_eq!(
        hops.refused(),
        [
            "FRAUD_CHALLENGERS_FULL",
            "FRAUD_CHALLENGER_TWICE",
            "FRAUD_CHALLENGER_TWICE",
            "FRAUD_CHALLENGER_UNKNOWN"
        ]
    );
    hops.agree(VersionKind::Model, &version_of_model(&first));
    let promoted = hops.assess(payment("promoted", "150"));
    assert_eq!(promoted.decision.model.as_deref(), Some("at-100"));
    assert_eq!(names(&promoted), ["at-200"]);
    hops.customers.restart();
    let hash = version_of_model(&second).hash;
    hops.write(DropChallenger { hash, by });
    hops.settle();
    let alone = hops.assess(payment("alone", "150"));
    assert_eq!(names(&alone), [""; 0]);
    assert_eq!(alone.decision.model.as_deref(), Some("at-100"));
}

#[test]
fn champion_and_challenger_are_compared_by_the_events() {
    let mut hops = scored_bank();
    hops.challenge(&artefact_at("strict", 100.0));
    for amount in ["10", "50", "200", "300", "2000"] {
        hops.assess(payment(amount, amount));
    }
    let label = |hops: &mut TwoHops, amount: &str| {
        let decided = hops.decided(tributary_ids::PaymentId::named(amount)).unwrap();
        hops.write_to_payees(crate::labels::label(&decided));
        hops.settle();
    };
    label(&mut hops, "200");
    label(&mut hops, "2000");
    let mut comparison = Comparison::default();
    hops.payees_events()
        .iter()
        .for_each(|event| comparison.observe(event));
    let (model, beside) = comparison.challengers().next().unwrap();
    assert_eq!(model.name, "strict");
    // The champion reviews 2,000, the challenger 200 and 300 too.
    assert_eq!(
        (beside.decisions, beside.agreed, beside.stricter, beside.laxer),
        (5, 3, 2, 0),
        "{comparison}"
    );
    assert_eq!(
        (beside.frauds, beside.caught, beside.would_have_caught),
        (2, 1, 2)
    );
    assert_eq!((beside.false_alarms, beside.would_be_false_alarms), (0, 1));
}
