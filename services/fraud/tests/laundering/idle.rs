use tributary_contracts::laundering::{ObserveTransfer, TransferSide};

use crate::watched::{Bank, account, observed};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn remembered(bank: &Bank) -> usize {
    bank.laundering
        .states()
        .map(tributary_fraud::Watched::remembered)
        .sum()
}

/// As the bank's days pass, an account pays on the first of them, and others go on.
#[test]
fn an_account_that_is_idle_holds_nothing_and_wakes_all_the_same() {
    let mut bank = Bank::open();
    bank.tell(observed(TransferSide::Sent, 1, 1, 0));
    bank.settle();
    // Another account of each partition goes on: 2 and 3 may share account 1's.
    let mut pass = |days: i64| {
        for other in [2, 3, 4, 5] {
            bank.tell(ObserveTransfer {
                account: account(other),
                counterparty: account(1),
                ..observed(
                    TransferSide::Received,
                    u64::try_from(days).unwrap(),
                    u128::from(other as u64),
                    0,
                )
            });
        }
        bank.settle();
        let held = remembered(&bank);
        bank.broker.advance(7 * DAY_MS + 1);
        held
    };
    let weeks: Vec<usize> = (1..=54).map(&mut pass).collect();
    assert_eq!(weeks[0], 5);
    assert_eq!(weeks[50], 5, "357 days: not yet");
    assert_eq!(weeks[53], 4, "{weeks:?}");
    // Record time says that it slept, and so do the entries' days.
    let later = |side, seq, id, at| ObserveTransfer {
        amount: 60_000,
        ..observed(side, seq, id, at)
    };
    bank.tell(later(TransferSide::Received, 2, 50, 400));
    bank.tell(later(TransferSide::Sent, 3, 51, 401));
    bank.settle();
    let alerts = bank.alerts();
    assert_eq!(
        alerts.iter().map(|alert| &*alert.rule).collect::<Vec<_>>(),
        ["dormant-wake"]
    );
}
