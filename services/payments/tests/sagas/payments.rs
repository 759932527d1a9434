//! Given / when / then for the internal transfer.

use std::collections::BTreeSet;

use tributary_contracts::{
    accounts::{CloseAccount, GlAccount},
    codec::CE_TYPE,
    payments::{InitiateTransfer, PaymentsEvent, ResumePayment, ReviewDecision, ReviewPayment},
    record::Outgoing,
    sealed::Sealed,
};
use tributary_ids::PaymentId;
use uuid::Uuid;

use crate::bank::{Bank, account, payment, refund, sealed, spoilt, transfer};

pub(crate) fn review(decision: ReviewDecision) -> ReviewPayment {
    ReviewPayment {
        payment_id: payment(),
        decision,
        reason: "looked-at".into(),
        confirms_fraud: false,
    }
}

fn rejected_for(bank: &Bank) -> &str {
    let rejected = bank.events.iter().rev().find_map(|event| match event {
        PaymentsEvent::PaymentRejected(rejected) => Some(rejected.code.as_str()),
        _ => None,
    });
    rejected.unwrap_or_else(|| panic!("{:?}", bank.story))
}

#[test]
fn money_goes_from_one_account_to_the_other_once() {
    let mut bank = Bank::open();
    bank.pay(transfer("125.50"));
    bank.pay(transfer("125.50"));
    bank.settle();
    bank.pay(transfer("125.50"));
    bank.settle();
    assert_eq!(
        bank.story,
        [
            "payment-initiated",
            "payment-unchanged",
            "payment-advanced",
            "payment-advanced",
            "payment-completed",
            "payment-unchanged",
        ]
    );
    assert_eq!(
        (bank.balance("ann").0, bank.balance("bob").0),
        (1_987_450, 12_550)
    );
    bank.at_rest();
}

#[test]
fn a_remittance_is_ciphertext_by_the_customers_key_or_refused() {
    let mut bank = Bank::open();
    let with = |remittance: Sealed| InitiateTransfer {
        remittance: Some(remittance),
        ..transfer("1")
    };
    let good = sealed("ann", 'A');
    for (bad, code) in [
        ("rent for May", "refused FIELD_NOT_SEALED"),
        ("", "refused FIELD_EMPTY"),
        (&"A".repeat(1_201), "refused FIELD_TOO_LONG"),
        (&"A".repeat(122), "refused FIELD_NOT_SEALED"),
    ] {
        let ciphertext = bad.to_owned();
        let bad = Sealed {
            ciphertext,
            ..good.clone()
        };
        bank.pay(with(bad));
        bank.settle();
        assert_eq!(bank.story.last().unwrap(), code);
    }
    let cipher = "rot13.v1".into();
    bank.pay(with(Sealed {
        cipher,
        ..good.clone()
    }));
    bank.pay(with(sealed("bob", 'A')));
    bank.pay(with(good.clone()));
    // Another command: the same text, another one, none.
    bank.pay(with(good.clone()));
    bank.pay(with(sealed("ann", 'B')));
    bank.pay(transfer("1"));
    bank.settle();
    assert_eq!(
        bank.story[4..],
        [
            "refused FIELD_NOT_SEALED",
            "refused SEALED_FOR_ANOTHER",
            "payment-initiated",
            "payment-unchanged",
            "refused PAYMENT_CONFLICT",
            "refused PAYMENT_CONFLICT",
            "payment-advanced",
            "payment-advanced",
            "payment-completed",
        ]
    );
    let kept = bank.events.iter().find_map(|event| match event {
        PaymentsEvent::PaymentInitiated(event) => event.remittance.clone(),
        _ => None,
    });
    assert_eq!(kept, Some(good));
    bank.at_rest();
}

#[test]
fn a_payment_takes_seven_hops_and_eighteen_records() {
    let mut bank = Bank::open();
    bank.pay(transfer("1"));
    let mut records = 1;
    let mut hops = 0;
    while bank.inboxes.values().any(|inbox| !inbox.is_empty()) {
        hops += 1;
        for (topic, inbox) in std::mem::take(&mut bank.inboxes) {
            for record in inbox {
                assert_eq!(record.topic, topic);
                bank.handle(record);
                // Its event.
                records += 1;
            }
        }
        records += bank
            .inboxes
            .values()
            .map(std::collections::VecDeque::len)
            .sum::<usize>();
    }
    assert_eq!((hops, records), (7, 18));
}

#[test]
fn whoever_moves_it_on_a_payment_stays_one_story() {
    let mut bank = Bank::open();
    bank.pay(transfer("10000.01"));
    bank.settle();
    bank.pay(review(ReviewDecision::Approve));
    bank.settle();
    bank.pay(refund("refund", "1"));
    bank.settle();
    // A deadline, since nobody looks at this one.
    bank.pay(InitiateTransfer {
        payment_id: PaymentId::named("other"),
        ..transfer("9999.99")
    });
    bank.step("payments.inbox");
    bank.away.push("fraud.inbox");
    bank.settle();
    bank.advance(30_000);
    let stories: BTreeSet<Uuid> = bank.written.iter().map(story).collect();
    assert_eq!(stories.len(), 2, "{:?}", bank.story);
    let ended = bank.story.iter().filter(|event| *event == "payment-completed");
    assert_eq!(ended.count(), 2, "{:?}", bank.story);
}

/// The correlation id of an event.
fn story(event: &Outgoing) -> Uuid {
    let event: serde_json::Value = serde_json::from_slice(&event.value).unwrap();
    event["correlation_id"].as_str().unwrap().parse().unwrap()
}

#[test]
fn the_same_id_with_other_terms_is_refused() {
    let mut bank = Bank::open();
    bank.pay(transfer("1"));
    bank.pay(transfer("2"));
    bank.settle();
    assert_eq!(bank.story[1], "refused PAYMENT_CONFLICT");
    bank.at_rest();
}

#[test]
fn what_can_not_be_a_payment_never_begins() {
    for (amount, code) in [
        ("0", "AMOUNT_NOT_POSITIVE"),
        ("-1", "AMOUNT_NOT_POSITIVE"),
        ("1.234", "AMOUNT_TOO_MANY_DECIMALS"),
        ("one", "AMOUNT_NOT_A_NUMBER"),
        ("99999999999999999999", "AMOUNT_OVERFLOW"),
    ] {
        let mut bank = Bank::open();
        bank.pay(transfer(amount));
        bank.settle();
        assert_eq!(bank.story, [format!("refused {code}")]);
    }
    let mut bank = Bank::open();
    let mut to_self = transfer("1");
    to_self.creditor = to_self.debtor;
    bank.pay(to_self);
    bank.settle();
    assert_eq!(bank.story, ["refused TRANSFER_TO_SELF"]);
}

#[test]
fn what_the_ledger_does_not_reserve_is_rejected_for_its_reason() {
    let mut bank = Bank::open();
    bank.pay(transfer("20000.01"));
    bank.settle();
    assert_eq!(rejected_for(&bank), "INSUFFICIENT_FUNDS");
    bank.at_rest();

    let mut bank = Bank::open();
    let mut unknown = transfer("1");
    unknown.debtor = account("nobody");
    bank.pay(unknown);
    bank.settle();
    assert_eq!(rejected_for(&bank), "ACCOUNT_UNKNOWN");
    bank.at_rest();
}

#[test]
fn an_analyst_approves_rejects_or_never_comes() {
    let above_limit = || {
        let mut bank = Bank::open();
        bank.pay(transfer("10000.01"));
        bank.settle();
        assert_eq!(
            bank.balance("ann"),
            (2_000_000, 1_000_001),
            "reserved while it waits"
        );
        bank
    };
    let mut approved = above_limit();
    approved.pay(review(ReviewDecision::Approve));
    approved.settle();
    assert_eq!(approved.balance("bob").0, 1_000_001);
    approved.pay(review(ReviewDecision::Reject));
    approved.settle();
    assert_eq!(approved.story.last().unwrap(), "refused REVIEW_NOT_AWAITED");
    approved.at_rest();

    let mut rejected = above_limit();
    rejected.pay(review(ReviewDecision::Reject));
    rejected.settle();
    assert_eq!(rejected_for(&rejected), "REVIEW_REJECTED");
    rejected.at_rest();

    let mut confirmed = above_limit();
    confirmed.away.push("fraud-payees.inbox");
    let contradiction = ReviewPayment {
        confirms_fraud: true,
        ..review(ReviewDecision::Approve)
    };
    let fraud = ReviewPayment {
        confirms_fraud: true,
        ..review(ReviewDecision::Reject)
    };
    confirmed.pay(contradiction);
    confirmed.settle();
    assert_eq!(confirmed.story.last().unwrap(), "refused REVIEW_CONTRADICTORY");
    confirmed.pay(fraud.clone());
    confirmed.pay(fraud);
    confirmed.settle();
    assert_eq!(rejected_for(&confirmed), "REVIEW_REJECTED");
    let labels = &confirmed.inboxes["fraud-payees.inbox"];
    let types: Vec<_> = labels.iter().map(|record| record.headers.text(CE_TYPE)).collect();
    assert_eq!(
        types,
        [Some("fraud.confirm-reviewed-fraud.v1")],
        "the label goes out once"
    );
    confirmed.away.clear();
    confirmed.settle();
    confirmed.at_rest();

    let mut forgotten = above_limit();
    forgotten.advance(24 * 60 * 60 * 1000);
    assert_eq!(rejected_for(&forgotten), "REVIEW_EXPIRED");
    forgotten.at_rest();
}

#[test]
fn a_silent_fraud_service_is_stood_in_for_and_comes_too_late() {
    let mut small = Bank::open();
    small.away.push("fraud.inbox");
    small.pay(transfer("500.00"));
    small.settle();
    small.advance(5_000);
    assert_eq!(small.story.last().unwrap(), "payment-completed");
    small.away.clear();
    small.settle();
    assert_eq!(small.story.last().unwrap(), "answer-ignored");
    small.at_rest();

    let mut large = Bank::open();
    large.away.push("fraud.inbox");
    large.pay(transfer("500.01"));
    large.settle();
    large.advance(5_000);
    large.away.clear();
    large.settle();
    assert_eq!(large.balance("ann").1, 50_001, "an analyst has to look at it");
    large.pay(review(ReviewDecision::Approve));
    large.settle();
    large.at_rest();
}

#[test]
fn a_silent_ledger_is_no_refusal() {
    let mut bank = Bank::open();
    bank.away.push("accounts.inbox");
    bank.pay(transfer("1"));
    bank.settle();
    bank.advance(30_000);
    assert_eq!(
        bank.story.last().unwrap(),
        "payment-advanced",
        "it turned back, and waits for the release"
    );
    bank.away.clear();
    bank.settle();
    assert_eq!(rejected_for(&bank), "RESERVE_UNANSWERED");
    bank.at_rest();
}

#[test]
fn what_the_creditors_account_refuses_comes_back_or_goes_to_suspense() {
    let mut bank = Bank::open();
    bank.block("bob");
    bank.pay(transfer("1"));
    bank.settle();
    assert_eq!(bank.story.last().unwrap(), "payment-returned");
    assert_eq!(bank.balance("ann").0, 2_000_000);
    bank.at_rest();

    let mut bank = Bank::open();
    bank.block("bob");
    bank.pay(transfer("20000.00"));
    bank.settle();
    bank.pay(review(ReviewDecision::Approve));
    // The payments service decides, then the debtor's money goes into transit; before it comes back its account closes.
    bank.step("payments.inbox");
    bank.step("accounts.inbox");
    bank.away.push("accounts.inbox");
    let under_way = bank.inboxes.remove("accounts.inbox").unwrap();
    bank.away.clear();
    bank.ledger(CloseAccount {
        account_id: account("ann"),
        booking_date: "2026-11-25".parse().unwrap(),
    });
    bank.settle();
    bank.inboxes.insert("accounts.inbox", under_way);
    bank.settle();
    assert_eq!(bank.story.last().unwrap(), "payment-returned");
    assert_eq!(bank.general(GlAccount::SUSPENSE), 2_000_000);
    bank.at_rest();
}

#[test]
fn a_payment_that_can_not_go_on_is_quarantined_and_resumed() {
    let mut bank = Bank::open();
    bank.pay(transfer("1"));
    while bank.story.len() < 3 {
        bank.step("payments.inbox");
        bank.step("fraud.inbox");
        bank.step("fraud-payees.inbox");
        if bank.story.len() < 3 {
            bank.step("accounts.inbox");
        }
    }
    bank.away.push("accounts.inbox");
    for _ in 0..10 {
        bank.advance(30_000);
    }
    assert_eq!(bank.story.last().unwrap(), "payment-quarantined");
    bank.advance(24 * 60 * 60 * 1000);
    assert_eq!(
        bank.story.last().unwrap(),
        "payment-quarantined",
        "it waits for a person, for as long as it takes"
    );
    bank.pay(ResumePayment {
        payment_id: payment(),
    });
    bank.settle();
    assert_eq!(
        bank.story.last().unwrap(),
        "refused COMMAND_EXPIRED",
        "the test's commands are old by now"
    );
    bank.away.clear();
    bank.settle();
    assert_eq!(
        bank.story.last().unwrap(),
        "answer-ignored",
        "each of the ten attempts is answered"
    );
    assert!(
        bank.story.contains(&"payment-completed".to_owned()),
        "a late answer ends the quarantine"
    );
    bank.at_rest();
}

#[test]
fn a_chain_that_breaks_after_the_pivot_calls_a_person() {
    let mut bank = Bank::open();
    bank.pay(transfer("1"));
    let transfer_in = loop {
        for topic in [
            "payments.inbox",
            "fraud.inbox",
            "fraud-payees.inbox",
            "accounts.inbox",
        ] {
            bank.step(topic);
        }
        let inbox = bank.inboxes.get_mut("accounts.inbox").unwrap();
        let found = inbox
            .iter()
            .position(|record| crate::bank::command_type(record) == "accounts.transfer-in.v1");
        if let Some(index) = found {
            break inbox.remove(index).unwrap();
        }
    };
    bank.put(spoilt(&transfer_in));
    bank.settle();
    assert_eq!(bank.story.last().unwrap(), "payment-quarantined");
    bank.pay(ResumePayment {
        payment_id: payment(),
    });
    bank.settle();
    assert_eq!(
        bank.story.last().unwrap(),
        "payment-completed",
        "the ledger sends it on once more"
    );
    bank.at_rest();
}
