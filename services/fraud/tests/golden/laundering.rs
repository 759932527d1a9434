use tributary_contracts::{
    laundering::{LaunderingEvent, ObserveTransfer, TellCycle, TransferSide},
    topics::LAUNDERING_EVENTS,
};
use tributary_fraud::Laundering;
use tributary_stream::{StreamEvent, golden};

use crate::{
    log::{file, folds_to_the_workers_state},
    watched::{Bank, account, moved, observed, payment, records},
};

/// Every event there is: payments that structure, some of them told again, one that came back and one that is too old, a cycle
/// that is found from two sides, and an account that woke.
fn driven() -> Bank {
    let mut bank = Bank::with_accounts(9);
    for (id, debtor, creditor, minor) in [
        (1, 1, 2, 900_000),
        (2, 1, 3, 910_000),
        (3, 1, 4, 920_000),
        (4, 5, 6, 50_000),
        (5, 6, 7, 50_000),
        (6, 7, 5, 50_000),
        (7, 8, 9, 100),
    ] {
        bank.pay(&payment(id, u64::try_from(id).unwrap(), debtor, creditor, minor));
    }
    bank.settle();
    bank.pay(&payment(8, 120, 1, 8, 60_000));
    bank.pay(&payment(9, 121, 8, 9, 60_000));
    bank.settle();
    let own = |side, seq, id, at| ObserveTransfer {
        account: account(9),
        ..observed(side, seq, id, at)
    };
    bank.tell(own(TransferSide::Sent, 1_000, 50, 122));
    bank.tell(own(TransferSide::Sent, 1_000, 50, 122));
    bank.tell(own(TransferSide::Returned, 1_001, 50, 122));
    bank.tell(own(TransferSide::Received, 1_002, 51, 1));
    let ring = [(4, 5, 6), (5, 6, 7), (6, 7, 5)].map(|(id, debtor, creditor)| {
        let at = u64::try_from(id).unwrap();
        moved(&payment(id, at, debtor, creditor, 50_000))
    });
    bank.tell(TellCycle {
        account: account(5),
        currency: "CZK".parse().unwrap(),
        payments: ring.to_vec(),
    });
    bank.settle();
    bank
}

#[test]
fn the_golden_log_of_the_laundering_service_folds_to_what_the_snapshots_key_says() {
    let events = records(&driven().broker, LAUNDERING_EVENTS);
    golden::check::<Laundering>(&file("laundering.jsonl"), &events).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn its_fold_is_the_workers_state_and_a_snapshot_holds_it() {
    let bank = driven();
    let live: Vec<_> = bank.laundering.states().collect();
    folds_to_the_workers_state::<Laundering>(&records(&bank.broker, LAUNDERING_EVENTS), &live);
    let rules: Vec<_> = bank.alerts().into_iter().map(|alert| alert.rule).collect();
    for rule in ["structuring", "cycle", "dormant-wake"] {
        assert!(rules.iter().any(|found| found == rule), "{rules:?}");
    }
    let left_out = |event: &StreamEvent<LaunderingEvent>| matches!(event, StreamEvent::Service(LaunderingEvent::TransferObserved(observed)) if observed.left_out);
    assert!(bank.events().iter().any(left_out));
}
