use tributary_fraud_laundering::Rule;

use crate::support::{Bank, accounts, day, ids};

/// An account 1 that paid once, and after `quiet` days gets `came` and sends `went` within `within_s`.
fn found(quiet: i64, came: i64, went: i64, within_s: i64) -> usize {
    let mut bank = Bank::new();
    bank.pay_at(Rule::DormantWake, day(0), 1, 2, 5_000);
    bank.pay_at(Rule::DormantWake, day(quiet), 3, 1, came);
    bank.pay_at(Rule::DormantWake, day(quiet) + within_s, 1, 4, went)
        .len()
}

#[test]
fn money_that_goes_through_an_account_that_woke_is_an_alert_once() {
    let mut bank = Bank::new();
    bank.pay_at(Rule::DormantWake, day(0), 1, 2, 5_000);
    assert_eq!(bank.pay_at(Rule::DormantWake, day(100), 3, 1, 60_000), []);
    assert_eq!(bank.pay_at(Rule::DormantWake, day(101), 1, 4, 40_000), []);
    let found = bank.pay_at(Rule::DormantWake, day(102), 1, 5, 10_000);
    assert_eq!(found.len(), 1);
    assert_eq!(accounts(&found[0]), [1, 3, 4, 5]);
    assert_eq!(ids(&found[0]), [2, 3, 4]);
    assert_eq!(bank.pay_at(Rule::DormantWake, day(103), 1, 5, 10_000), []);
}

#[test]
fn dormant_is_an_account_from_ninety_days_without_payments_on() {
    assert_eq!(
        (found(90, 60_000, 60_000, 1), found(89, 60_000, 60_000, 1)),
        (1, 0)
    );
}

#[test]
fn what_comes_in_has_to_be_enough_and_to_go_on() {
    assert_eq!((found(90, 10_000, 8_000, 1), found(90, 9_999, 9_999, 1)), (1, 0));
    assert_eq!(
        (found(90, 10_000, 7_999, 1), found(90, 10_000, 80_000, 1)),
        (0, 1)
    );
}

#[test]
fn it_has_to_go_on_within_a_week() {
    let week_s = 7 * 86_400;
    assert_eq!(
        (
            found(90, 60_000, 60_000, week_s - 1),
            found(90, 60_000, 60_000, week_s)
        ),
        (1, 0)
    );
}

#[test]
fn a_new_account_is_not_dormant() {
    let mut bank = Bank::new();
    bank.pay_at(Rule::DormantWake, day(100), 3, 1, 60_000);
    assert_eq!(bank.pay_at(Rule::DormantWake, day(101), 1, 4, 60_000), []);
}
