use tributary_contracts::laundering::{
    FollowProbe, LaunderingCommand, MovedPayment, ObserveTransfer, TellCycle, TransferSide,
};
use tributary_fraud_laundering::AMOUNT_MINOR_MAX;

use crate::watched::{Bank, account, moved, observed, payment};

#[test]
fn what_no_transfer_can_be_is_refused_and_changes_nothing() {
    let mut bank = Bank::open();
    let good = observed(TransferSide::Sent, 1, 1, 1);
    bank.tell(good.clone());
    bank.settle();
    let before = bank.known();
    let bad = ObserveTransfer { seq: 2, ..good };
    for (bad, code) in [
        (
            ObserveTransfer {
                amount: 0,
                ..bad.clone()
            },
            "LAUNDERING_AMOUNT_NOT_POSITIVE",
        ),
        (
            ObserveTransfer {
                amount: AMOUNT_MINOR_MAX + 1,
                ..bad.clone()
            },
            "LAUNDERING_AMOUNT_ABSURD",
        ),
        (
            ObserveTransfer {
                date: "1969-12-31".parse().unwrap(),
                ..bad.clone()
            },
            "LAUNDERING_TIME_ABSURD",
        ),
        (
            ObserveTransfer {
                counterparty: account(1),
                ..bad
            },
            "LAUNDERING_OWN_ACCOUNT",
        ),
    ] {
        let told = bank.refused().len();
        bank.tell(bad.clone());
        bank.settle();
        assert_eq!(&bank.refused()[told..], [code], "{bad:?}");
        assert_eq!(bank.known(), before, "{bad:?}");
    }
}

#[test]
fn a_search_or_a_cycle_that_is_none_is_refused() {
    // Of a bank of its own.
    let refused = |of: LaunderingCommand| {
        let mut bank = Bank::open();
        bank.tell(of);
        bank.settle();
        assert_eq!(bank.alerts(), []);
        bank.refused()
    };
    let way = |count: u128| -> Vec<MovedPayment> {
        (1..=count)
            .map(|id| moved(&payment(id, 1, id, id + 1, 10_000)))
            .collect()
    };
    let probe = |at: u128, path| FollowProbe {
        account: account(at),
        currency: "CZK".parse().unwrap(),
        path,
        budget: 256,
    };
    let spendthrift = FollowProbe {
        budget: 257,
        ..probe(4, way(3))
    };
    let mut broken = way(3);
    broken.remove(1);
    for bad in [
        probe(1, Vec::new()),
        probe(3, way(3)),
        probe(4, broken),
        probe(7, way(6)),
        spendthrift,
    ] {
        assert_eq!(
            refused(bad.clone().into()),
            ["LAUNDERING_PROBE_MALFORMED"],
            "{bad:?}"
        );
    }
    let ring = |count: u128| -> Vec<MovedPayment> {
        (1..=count)
            .map(|id| moved(&payment(id, 1, id, id % count + 1, 10_000)))
            .collect()
    };
    let cycle = |at: u128, payments| TellCycle {
        account: account(at),
        currency: "CZK".parse().unwrap(),
        payments,
    };
    for bad in [
        cycle(1, Vec::new()),
        cycle(1, way(3)),
        cycle(1, ring(2)),
        cycle(1, ring(7)),
        cycle(2, ring(3)),
    ] {
        assert_eq!(
            refused(bad.clone().into()),
            ["LAUNDERING_CYCLE_MALFORMED"],
            "{bad:?}"
        );
    }
    let mut bank = Bank::open();
    bank.tell(cycle(1, ring(3)));
    bank.tell(cycle(1, ring(3)));
    bank.settle();
    assert_eq!(bank.alerts().len(), 1, "the second time it is known");
}
