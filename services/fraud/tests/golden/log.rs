use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tributary_contracts::{
    codec,
    fraud::{
        AssessPayee, ConfirmFraud, ConfirmReviewedFraud, DropChallenger, LabelSource, PayeesEvent,
        RejectVersion, RetractFraud, VersionKind,
    },
    record::Record,
    topics::{FRAUD_EVENTS, FRAUD_PAYEES_EVENTS},
};
use tributary_fraud::{Fraud, FraudPayees};
use tributary_ids::{AccountId, CustomerId, PaymentId, ProposalId};
use tributary_stream::{
    PartitionState,
    golden::{self, digests, fold},
    service::Service,
    snapshot,
};

use crate::two_hops::{NOW, TwoHops, artefact, artefact_at, payment, propose, records, version_of_model};

const RULES: &str = r#"{"format": 1, "name": "golden.v1", "thresholds": {"review": 0.6, "decline": 0.95},
    "lists": {"blocked": ["00000000-0000-0000-0000-000000000001"]},
    "rules": [{"name": "BLOCKED", "when": "creditor in blocked", "then": "decline"},
              {"name": "MANY", "when": "customer_payments_1d > 2.0", "then": "review"}]}"#;

/// Every event there is: approved, reviewed, refused, asked twice, rules and a model agreed on, another one rejected, one that
/// challenges and is dropped, payments labelled, and a label taken back.
fn driven() -> TwoHops {
    let mut hops = TwoHops::open();
    hops.assess(payment("small", "12.30"));
    hops.assess(payment("large", "20000.00"));
    for (name, customer) in [("gus", "gus"), ("hal", "hal"), ("ida", "ida")] {
        let mut of = payment(name, "7");
        of.customer = CustomerId::named(customer);
        of.creditor = AccountId::named(customer);
        hops.assess(of);
    }
    hops.write(payment("no number", "1e3"));
    hops.write(payment("small", "12.30"));
    hops.settle();
    hops.activate_rules(RULES);
    hops.activate_model(&artefact("golden"));
    let challenger = artefact_at("golden-challenger", 2_000.0);
    hops.challenge(&challenger);
    hops.assess(payment("scored", "2500"));
    let challenger = version_of_model(&challenger);
    let proposal_id = ProposalId::named("golden");
    hops.write(propose(proposal_id, VersionKind::Model, &challenger, "alice"));
    hops.write(RejectVersion {
        proposal_id,
        by: "bob".into(),
    });
    hops.write(DropChallenger {
        hash: challenger.hash,
        by: "carol".into(),
    });
    hops.settle();
    let large = hops.decided(PaymentId::named("large")).unwrap();
    hops.write_to_payees(ConfirmReviewedFraud {
        payment_id: large.payment_id,
        creditor: large.creditor,
    });
    hops.write_to_payees(RetractFraud {
        payment_id: large.payment_id,
        creditor: large.creditor,
    });
    let small = hops.decided(PaymentId::named("small")).unwrap();
    hops.write_to_payees(ConfirmFraud {
        payment_id: small.payment_id,
        creditor: small.creditor,
        counted_at_s: small.payee_seen.counted_at_s,
        unusual: small.customer_seen.unusual,
        source: LabelSource::Analyst,
    });
    hops.write_to_payees(AssessPayee {
        payment_id: small.payment_id,
        customer: small.customer,
        debtor: AccountId::named("ann"),
        creditor: small.creditor,
        amount: small.amount,
        currency: small.currency,
        initiated_at: small.initiated_at,
        utc_offset_s: small.utc_offset_s,
        seen: small.customer_seen,
        versions: small.versions,
    });
    hops.settle();
    hops
}

/// What the service wrote before it had a second hop, behind what it writes today.
fn with_one_of_before(mut events: Vec<Record>) -> Vec<Record> {
    let last = events.iter().rfind(|record| record.partition == 0).unwrap();
    let mut value: Value = serde_json::from_slice(&last.value).unwrap();
    let command = PaymentId::named("of before").to_string();
    value["command_id"] = json!(command);
    value["index"] = json!(0);
    value["of"] = json!(1);
    value["origin"]["offset"] = json!(value["origin"]["offset"].as_i64().unwrap() + 1);
    value.as_object_mut().unwrap().remove("remembered");
    value["data"] = json!({
        "payment_id": PaymentId::named("of before"), "customer": CustomerId::named("ann"), "amount": 1230,
        "currency": "CZK", "initiated_at": NOW, "decision": {"decision": "approve", "rules": "amount-limit.v1"},
    });
    let record = Record {
        offset: last.offset + 1,
        headers: codec::headers(
            &format!("{command}:0"),
            "fraud",
            "fraud.payment-assessed.v1",
            None,
        ),
        value: serde_json::to_vec(&value).unwrap(),
        ..last.clone()
    };
    events.push(record);
    events
}

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

#[test]
fn the_golden_log_of_the_first_hop_folds_to_what_the_snapshots_key_says() {
    let events = with_one_of_before(records(&driven().broker, FRAUD_EVENTS));
    golden::check::<Fraud>(&file("events.jsonl"), &events).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_golden_log_of_the_second_hop_folds_to_what_the_snapshots_key_says() {
    let events = records(&driven().broker, FRAUD_PAYEES_EVENTS);
    golden::check::<FraudPayees>(&file("payees.jsonl"), &events).unwrap_or_else(|error| panic!("{error}"));
}

pub(crate) fn folds_to_the_workers_state<S: Service>(events: &[Record], live: &[&S::State]) {
    let folded: Vec<PartitionState<S>> = fold(events).unwrap();
    let of_the_log: Vec<_> = folded.iter().map(PartitionState::service).collect();
    assert_eq!(digests(&of_the_log).unwrap(), digests(live).unwrap());
    for (partition, state) in (0..).zip(&folded) {
        let bytes = snapshot::write(state).unwrap();
        let read = snapshot::read::<S>(partition, &bytes).unwrap();
        assert_eq!(
            digests(&[read.service()]).unwrap(),
            digests(&[state.service()]).unwrap(),
            "a snapshot is read back as it was"
        );
    }
}

#[test]
fn the_fold_of_each_log_is_the_workers_state_and_a_snapshot_holds_it() {
    let hops = driven();
    let live: Vec<_> = hops.customers.states().collect();
    folds_to_the_workers_state::<Fraud>(&records(&hops.broker, FRAUD_EVENTS), &live);
    let live: Vec<_> = hops.payees.states().collect();
    folds_to_the_workers_state::<FraudPayees>(&records(&hops.broker, FRAUD_PAYEES_EVENTS), &live);
    assert!(
        hops.payees_events()
            .iter()
            .any(|event| matches!(event, PayeesEvent::ModelActivated(_)))
    );
}
