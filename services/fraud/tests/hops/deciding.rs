use tributary_contracts::fraud::{AssessPayment, Decision, FraudEvent, PayeesEvent};
use tributary_fraud::rules::built_in;
use tributary_ids::{AccountId, CustomerId};

use crate::two_hops::{TwoHops, artefact, payment};

fn reasons(decided: &tributary_contracts::fraud::PaymentDecided) -> Vec<&str> {
    decided
        .decision
        .reasons
        .iter()
        .map(|reason| reason.as_str())
        .collect()
}

#[test]
fn a_bank_that_activated_nothing_reviews_above_the_limit() {
    let mut hops = TwoHops::open();
    let small = hops.assess(payment("small", "10000.00"));
    assert_eq!(small.decision.decision, Decision::Approve);
    assert_eq!((small.decision.score, &small.decision.model), (None, &None));
    assert_eq!(small.versions.rules, *built_in().version());
    assert_eq!(small.decision.rules, "amount-limit.v1");
    let large = hops.assess(payment("large", "10000.01"));
    assert_eq!(large.decision.decision, Decision::Review);
    assert_eq!(reasons(&large), ["AMOUNT_ABOVE_LIMIT"]);
    // The limit is in units, whatever decimals a currency has.
    let yen = |name: &str, amount: &str| AssessPayment {
        currency: "JPY".parse().unwrap(),
        ..payment(name, amount)
    };
    assert_eq!(
        hops.assess(yen("yen", "10000")).decision.decision,
        Decision::Approve
    );
    assert_eq!(
        hops.assess(yen("more yen", "10001")).decision.decision,
        Decision::Review
    );
    // An amount of nothing is a payment too.
    assert_eq!(
        hops.assess(payment("none", "0")).decision.decision,
        Decision::Approve
    );
    assert!(hops.refused().is_empty());
}

#[test]
fn a_payment_that_comes_again_counts_once_and_is_told_the_same() {
    let mut hops = TwoHops::open();
    hops.assess(payment("one", "20000"));
    for _ in 0..3 {
        hops.write(payment("one", "20000"));
        hops.settle();
    }
    let repeated = hops.payees_events();
    let told = |event: &&PayeesEvent| matches!(event, PayeesEvent::DecisionRepeated(_));
    assert_eq!(repeated.iter().filter(told).count(), 3);
    let next = hops.assess(payment("two", "20"));
    assert_eq!(
        next.customer_seen.payments.d1, 2,
        "the repetitions were not counted"
    );
    hops.write(payment("one", "20001"));
    hops.settle();
    assert_eq!(hops.refused(), ["FRAUD_PAYMENT_DIFFERS"]);
}

#[test]
fn customers_and_payees_are_counted_each_by_themselves_and_by_currency() {
    let mut hops = TwoHops::open();
    hops.assess(payment("one", "10"));
    let of_bob = AssessPayment {
        customer: CustomerId::named("bob"),
        ..payment("two", "30")
    };
    assert_eq!(hops.assess(of_bob).customer_seen.payments.d1, 1);
    let in_euro = AssessPayment {
        currency: "EUR".parse().unwrap(),
        ..payment("three", "50")
    };
    let in_euro = hops.assess(in_euro);
    assert_eq!(in_euro.customer_seen.payments.d1, 1);
    assert_eq!(in_euro.customer_seen.mean_amount.d1.get(), 50.0);
    let again = hops.assess(payment("four", "20"));
    assert_eq!(again.customer_seen.payments.d30, 2);
    assert_eq!(again.customer_seen.mean_amount.d7.get(), 15.0);
}

#[test]
fn rules_and_model_decide_together() {
    let mut hops = TwoHops::open();
    let (friend, foe) = (AccountId::named("friend"), AccountId::named("foe"));
    let rules = format!(
        r#"{{"format": 1, "name": "together.v1", "thresholds": {{"review": 0.5, "decline": 0.9}},
            "lists": {{"allowed": ["{friend}"], "blocked": ["{foe}"]}},
            "rules": [
              {{"name": "BLOCKED_PAYEE", "when": "creditor in blocked", "then": "decline"}},
              {{"name": "ALLOWED_PAYEE", "when": "creditor in allowed", "then": "approve"}},
              {{"name": "BURST", "when": "customer_payments_1d > 3.0", "then": "review"}},
              {{"name": "TYPES", "when": "amount > 20.0 && amount < 30.0 && currency > 5.0", "then": "decline"}}
            ]}}"#
    );
    hops.activate_rules(&rules);
    hops.activate_model(&artefact("by-amount"));
    let to = |name: &str, amount: &str, creditor: AccountId| AssessPayment {
        creditor,
        customer: CustomerId::named(name),
        ..payment(name, amount)
    };
    let shop = AccountId::named("shop");
    let low = hops.assess(to("low", "10", shop));
    assert_eq!(
        (low.decision.decision, reasons(&low)),
        (Decision::Approve, vec![])
    );
    assert!(low.decision.score.unwrap().get() < 0.5);
    assert_eq!(low.decision.model.as_deref(), Some("by-amount"));
    let middle = hops.assess(to("middle", "1000", shop));
    assert_eq!(
        middle.decision.decision,
        Decision::Review,
        "1/2 reaches the threshold"
    );
    let high = hops.assess(to("high", "9000", shop));
    assert_eq!(
        (high.decision.decision, reasons(&high)),
        (Decision::Decline, vec!["amount"])
    );
    assert_eq!(high.contributions[0].feature, "amount");
    assert_eq!(high.contributions[0].amount.get(), 8.0);
    let allowed = hops.assess(to("allowed", "9000", friend));
    assert_eq!(
        (allowed.decision.decision, reasons(&allowed)),
        (Decision::Approve, vec!["ALLOWED_PAYEE"])
    );
    let blocked = hops.assess(to("blocked", "1", foe));
    assert_eq!(
        (blocked.decision.decision, reasons(&blocked)),
        (Decision::Decline, vec!["BLOCKED_PAYEE"])
    );
    // A velocity limit only asks a person.
    let burst: Vec<_> = (0..4)
        .map(|number| hops.assess(payment(&format!("burst/{number}"), "1")))
        .collect();
    assert_eq!(burst[2].decision.decision, Decision::Approve);
    assert_eq!(
        (burst[3].decision.decision, reasons(&burst[3])),
        (Decision::Review, vec!["BURST"])
    );
    // What a rule can't say, a person has to.
    let mixed = hops.assess(to("mixed", "25", shop));
    assert_eq!(
        (mixed.decision.decision, reasons(&mixed)),
        (Decision::Review, vec!["RULE_FAILED:TYPES"])
    );
}

#[test]
fn the_first_hop_says_what_it_saw_and_fixed() {
    let mut hops = TwoHops::open();
    let decided = hops.assess(payment("one", "10"));
    let observed = hops.customers_events();
    let [FraudEvent::PaymentObserved(observed)] = observed.as_slice() else {
        panic!("{observed:?}");
    };
    assert_eq!(
        (&observed.seen, &observed.versions),
        (&decided.customer_seen, &decided.versions)
    );
}
