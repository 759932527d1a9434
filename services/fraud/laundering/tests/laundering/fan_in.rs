use tributary_fraud_laundering::{DAY_S, Rule};

use crate::support::{Bank, accounts, day, ids};

/// The payments of payers (time, payer, minor units) to account 1, and the alerts' payers.
fn alerts(payments: &[(i64, u128, i64)]) -> Vec<Vec<u128>> {
    let mut bank = Bank::new();
    let mut found = Vec::new();
    for (at_s, payer, minor) in payments {
        let alerts = bank.pay_at(Rule::FanIn, *at_s, *payer, 1, *minor);
        found.extend(alerts.iter().map(|alert| accounts(alert)[1..].to_vec()));
    }
    found
}

/// Two parts of each payer, on these days.
fn parts(payers: &[(i64, u128)]) -> Vec<(i64, u128, i64)> {
    payers
        .iter()
        .flat_map(|(at, payer)| [(day(*at), *payer, 10_000), (day(*at) + 60, *payer, 10_000)])
        .collect()
}

#[test]
fn the_third_payer_in_parts_is_an_alert_and_so_is_each_that_joins() {
    assert_eq!(alerts(&parts(&[(0, 7), (40, 8)])), Vec::<Vec<u128>>::new());
    assert_eq!(alerts(&parts(&[(0, 7), (40, 8), (80, 9)])), [[7, 8, 9]]);
    let four = parts(&[(0, 7), (40, 8), (80, 9), (89, 10)]);
    assert_eq!(alerts(&four), [vec![7, 8, 9], vec![7, 8, 9, 10]]);
    // Further parts of one that is known bring nothing new.
    assert_eq!(alerts(&parts(&[(0, 7), (40, 8), (80, 9), (81, 9)])).len(), 1);
}

#[test]
fn the_evidence_is_in_order_of_time() {
    let mut bank = Bank::new();
    let mut found = Vec::new();
    for (at_s, payer, minor) in parts(&[(0, 9), (10, 8), (20, 7)]) {
        found.extend(bank.pay_at(Rule::FanIn, at_s, payer, 1, minor));
    }
    assert_eq!(ids(&found[0]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(accounts(&found[0]), [1, 7, 8, 9]);
    assert_eq!((found[0].from_s, found[0].to_s), (day(0), day(20) + 60));
}

#[test]
fn payers_in_one_payment_each_are_none() {
    let single: Vec<_> = (0..50_i64)
        .map(|at: i64| (day(at), 100 + u128::from(at.unsigned_abs()), 10_000))
        .collect();
    assert_eq!(alerts(&single), Vec::<Vec<u128>>::new());
}

#[test]
fn parts_lie_less_than_a_day_apart() {
    let third = |apart_s| {
        let mut payments = parts(&[(0, 7), (1, 8)]);
        payments.extend([(day(2), 9, 10_000), (day(2) + apart_s, 9, 10_000)]);
        alerts(&payments).len()
    };
    assert_eq!(third(DAY_S - 1), 1);
    assert_eq!(third(DAY_S), 0);
}

#[test]
fn the_first_payer_leaves_the_window_after_ninety_days() {
    let last = |at_s| {
        let mut payments = parts(&[(0, 7), (1, 8)]);
        payments.extend([(at_s - 60, 9, 10_000), (at_s, 9, 10_000)]);
        alerts(&payments).len()
    };
    assert_eq!(last(day(90) - 1), 1);
    assert_eq!(last(day(90)), 0);
}

#[test]
fn amounts_up_to_half_of_the_larger_one_are_similar() {
    let third = |minor| {
        let mut payments = parts(&[(0, 7), (1, 8)]);
        payments.extend([(day(2), 9, minor), (day(2) + 1, 9, minor)]);
        alerts(&payments).len()
    };
    assert_eq!((third(5_000), third(4_999)), (1, 0));
    assert_eq!((third(20_000), third(20_001)), (1, 0));
}
