//! Refunds: a claim on the original, and a payment of its own.

use tributary_contracts::payments::ReviewDecision;

use crate::{
    bank::{Bank, refund, transfer},
    payments::review,
};

fn paid() -> Bank {
    let mut bank = Bank::open();
    bank.pay(transfer("100"));
    bank.settle();
    bank.story.clear();
    bank
}

#[test]
fn a_refund_pays_back_and_is_done_once() {
    let mut bank = paid();
    bank.pay(refund("refund", "30"));
    bank.pay(refund("refund", "30"));
    bank.settle();
    assert_eq!((bank.balance("ann").0, bank.balance("bob").0), (1_993_000, 7_000));
    bank.pay(refund("refund", "31"));
    bank.settle();
    assert_eq!(bank.story.last().unwrap(), "refused PAYMENT_CONFLICT");
    bank.at_rest();
}

#[test]
fn refunds_together_never_exceed_the_original() {
    let mut bank = paid();
    bank.pay(refund("first", "100"));
    bank.pay(refund("second", "100"));
    bank.settle();
    assert_eq!(
        bank.story
            .iter()
            .filter(|told| *told == "refused REFUND_EXCEEDS_PAYMENT")
            .count(),
        1
    );
    assert_eq!((bank.balance("ann").0, bank.balance("bob").0), (2_000_000, 0));
    bank.at_rest();
}

#[test]
fn a_refund_that_does_not_happen_gives_its_claim_back() {
    let mut bank = paid();
    bank.block("bob");
    bank.pay(refund("first", "100"));
    bank.settle();
    assert!(bank.story.contains(&"payment-rejected".to_owned()));
    assert_eq!(bank.story.last().unwrap(), "refund-released");
    bank.unblock("bob");
    bank.pay(refund("first", "100"));
    bank.pay(refund("second", "100"));
    bank.settle();
    assert!(
        bank.story.contains(&"payment-unchanged".to_owned()),
        "its id is not taken again"
    );
    assert_eq!(bank.balance("ann").0, 2_000_000);
    bank.at_rest();
}

#[test]
fn only_what_was_completed_is_refunded() {
    let mut bank = Bank::open();
    bank.pay(refund("early", "1"));
    bank.pay(transfer("10000.01"));
    bank.settle();
    bank.pay(refund("early", "1"));
    bank.settle();
    assert_eq!(bank.story[0], "refused PAYMENT_UNKNOWN");
    assert_eq!(bank.story.last().unwrap(), "refused NOT_COMPLETED");
    bank.pay(review(ReviewDecision::Approve));
    bank.settle();
    bank.at_rest();
}
