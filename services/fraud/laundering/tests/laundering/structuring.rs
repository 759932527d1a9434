use tributary_fraud_laundering::{DAY_S, Rule};

use crate::support::{Bank, accounts, day, ids};

/// Alerts of payments of one account to different ones.
fn alerts(payments: &[(i64, i64)]) -> Vec<Vec<u128>> {
    let mut bank = Bank::new();
    let mut found = Vec::new();
    for (creditor, (at_s, minor)) in (2..).zip(payments) {
        let alerts = bank.pay_at(Rule::Structuring, *at_s, 1, creditor, *minor);
        found.extend(alerts.iter().map(ids));
    }
    found
}

#[test]
fn three_payments_just_below_the_reported_amount_within_a_week_are_an_alert() {
    let mut bank = Bank::new();
    assert_eq!(bank.pay_at(Rule::Structuring, day(0), 1, 9, 950_000), []);
    assert_eq!(bank.pay_at(Rule::Structuring, day(1), 1, 8, 990_000), []);
    let found = bank.pay_at(Rule::Structuring, day(2), 1, 9, 900_000);
    assert_eq!(found.len(), 1);
    assert_eq!(accounts(&found[0]), [1, 8, 9]);
    assert_eq!(ids(&found[0]), [1, 2, 3]);
    assert_eq!(
        (found[0].from_s, found[0].to_s, found[0].version),
        (day(0), day(2), 1)
    );
}

#[test]
fn amounts_count_from_eighty_percent_to_one_below_the_reported() {
    let three = |minor| alerts(&[(day(0), minor), (day(1), minor), (day(2), minor)]).len();
    assert_eq!(three(1_000_000), 0);
    assert_eq!(three(999_999), 1);
    assert_eq!(three(800_000), 1);
    assert_eq!(three(799_999), 0);
}

#[test]
fn a_payment_exactly_a_week_before_is_out_of_the_window() {
    let last = |at_s| alerts(&[(day(0), 900_000), (day(1), 900_000), (at_s, 900_000)]).len();
    assert_eq!(last(day(7) - 1), 1);
    assert_eq!(last(day(7)), 0);
}

#[test]
fn after_an_alert_there_is_silence_for_a_week() {
    let mut payments: Vec<(i64, i64)> = (0..12).map(|at| (day(at), 900_000)).collect();
    assert_eq!(alerts(&payments), [vec![1, 2, 3], vec![4, 5, 6, 7, 8, 9, 10]]);
    payments.truncate(9);
    payments.push((day(9) - DAY_S + 1, 900_000));
    assert_eq!(alerts(&payments).len(), 1);
}
