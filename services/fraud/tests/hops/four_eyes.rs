use tributary_contracts::fraud::{
    Approval, ApproveVersion, FraudEvent, ProposeVersion, RejectVersion, UseVersions, Version, VersionKind,
};
use tributary_fraud::PROPOSAL_VALID_MS;
use tributary_ids::ProposalId;

use crate::two_hops::{NOW, PARTITIONS, TwoHops, artefact, payment, propose};

fn proposed(hops: &mut TwoHops, name: &str) -> (ProposalId, Version) {
    let version = hops.make_model_known(&artefact(name));
    let proposal = ProposalId::named(name);
    hops.write(propose(proposal, VersionKind::Model, &version, "alice"));
    hops.settle();
    (proposal, version)
}

fn approve(proposal_id: ProposalId, version: &Version, by: &str) -> ApproveVersion {
    ApproveVersion {
        proposal_id,
        hash: version.hash.clone(),
        by: by.into(),
    }
}

fn model_of(hops: &mut TwoHops, name: &str) -> Option<String> {
    hops.assess(payment(name, "10")).decision.model.map(Into::into)
}

#[test]
fn what_one_proposes_decides_once_another_approves_and_both_stand_in_every_partitions_event() {
    let mut hops = TwoHops::open();
    let (proposal, version) = proposed(&mut hops, "better");
    assert_eq!(model_of(&mut hops, "before"), None);
    // What is proposed outlives a kill.
    hops.customers.restart();
    hops.write(approve(proposal, &version, "bob"));
    hops.settle();
    assert_eq!(model_of(&mut hops, "after").as_deref(), Some("better"));
    let both = Approval {
        proposal_id: proposal,
        proposed_by: "alice".into(),
        approved_by: "bob".into(),
    };
    let used: Vec<_> = hops
        .customers_events()
        .into_iter()
        .filter_map(|event| match event {
            FraudEvent::VersionsUsed(used) => Some((used.partition, used.approval)),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = (0..PARTITIONS)
        .map(|partition| (partition, Some(both.clone())))
        .collect();
    assert_eq!(used, expected);
    assert!(hops.refused().is_empty());
}

#[test]
fn nothing_decides_that_two_did_not_agree_on() {
    let mut hops = TwoHops::open();
    let (proposal, version) = proposed(&mut hops, "better");
    let other = hops.make_model_known(&artefact("other"));
    let unapproved = UseVersions {
        partition: 0,
        number: 1,
        rules: None,
        model: Some(version.clone()),
        challengers: None,
        approval: None,
    };
    let by_one = UseVersions {
        approval: Some(Approval {
            proposal_id: proposal,
            proposed_by: "alice".into(),
            approved_by: "alice".into(),
        }),
        ..unapproved.clone()
    };
    hops.write(approve(proposal, &version, "alice"));
    hops.write(approve(proposal, &version, "Bob"));
    hops.write(approve(proposal, &other, "bob"));
    hops.write(approve(ProposalId::named("never"), &version, "bob"));
    hops.write(propose(proposal, VersionKind::Model, &other, "bob"));
    hops.write(unapproved);
    hops.write(by_one);
    hops.settle();
    assert_eq!(
        hops.refused(),
        [
            "FRAUD_SAME_PERSON",
            "FRAUD_NAME_MALFORMED",
            "FRAUD_PROPOSAL_DIFFERS",
            "FRAUD_PROPOSAL_UNKNOWN",
            "FRAUD_PROPOSAL_TWICE",
            "FRAUD_APPROVAL_MISSING",
            "FRAUD_SAME_PERSON"
        ]
    );
    assert_eq!(model_of(&mut hops, "payment"), None);
}

#[test]
fn a_proposal_is_decided_once_and_not_for_ever() {
    let mut hops = TwoHops::open();
    let (rejected, version) = proposed(&mut hops, "rejected");
    hops.write(RejectVersion {
        proposal_id: rejected,
        by: "bob".into(),
    });
    hops.write(approve(rejected, &version, "carol"));
    let (approved, version) = proposed(&mut hops, "approved");
    hops.write(approve(approved, &version, "bob"));
    hops.write(approve(approved, &version, "carol"));
    hops.write(RejectVersion {
        proposal_id: approved,
        by: "carol".into(),
    });
    let (late, version) = proposed(&mut hops, "late");
    hops.broker.set_time(NOW + PROPOSAL_VALID_MS + 60_000);
    hops.write(approve(late, &version, "bob"));
    hops.settle();
    assert_eq!(
        hops.refused(),
        [
            "FRAUD_PROPOSAL_DECIDED",
            "FRAUD_PROPOSAL_DECIDED",
            "FRAUD_PROPOSAL_DECIDED",
            "FRAUD_PROPOSAL_EXPIRED"
        ]
    );
    assert_eq!(model_of(&mut hops, "payment").as_deref(), Some("approved"));
}

#[test]
fn what_is_proposed_is_a_version() {
    let mut hops = TwoHops::open();
    let version = |name: &str, hash: &str| Version {
        name: name.into(),
        hash: hash.into(),
    };
    let hash = "0".repeat(64);
    let bad = [
        version("", &hash),
        version(&"n".repeat(65), &hash),
        version("name", &hash[1..]),
        version("name", &"A".repeat(64)),
    ];
    for (number, version) in bad.iter().enumerate() {
        let id = ProposalId::named(&number.to_string());
        hops.write(propose(id, VersionKind::Rules, version, "alice"));
    }
    hops.write(ProposeVersion {
        proposal_id: ProposalId::named("nobody"),
        kind: VersionKind::Rules,
        version: version("name", &hash),
        by: "".into(),
    });
    hops.settle();
    let refused = hops.refused();
    assert_eq!(refused[..4], ["FRAUD_VERSION_MALFORMED"; 4]);
    assert_eq!(refused[4..], ["FRAUD_NAME_MALFORMED"]);
}
