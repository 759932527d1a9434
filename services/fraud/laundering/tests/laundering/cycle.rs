use tributary_fraud_laundering::{Alert, Probe, Rule};

use crate::support::{Bank, accounts, day, ids, payment};

/// Payments of (day, debtor, creditor, minor units), and what was found.
fn alerts(payments: &[(i64, u128, u128, i64)]) -> Vec<Alert> {
    let mut bank = Bank::new();
    let mut found = Vec::new();
    for (at, debtor, creditor, minor) in payments {
        found.extend(bank.pay_at(Rule::Cycle, day(*at), *debtor, *creditor, *minor));
    }
    found
}

/// A cycle of `count` accounts, a day apart.
fn ring(count: u128) -> Vec<(i64, u128, u128, i64)> {
    (0..count)
        .map(|index| (i64::try_from(index).unwrap(), index, (index + 1) % count, 50_000))
        .collect()
}

#[test]
fn a_cycle_of_three_to_six_accounts_is_found_and_no_other() {
    for (count, found) in [(2, 0), (3, 1), (4, 1), (6, 1), (7, 0)] {
        let alerts = alerts(&ring(count));
        assert_eq!(alerts.len(), found, "{count} accounts");
        for alert in alerts {
            assert_eq!(accounts(&alert), (0..count).collect::<Vec<_>>());
            assert_eq!(ids(&alert), (1..=count).collect::<Vec<_>>());
            assert!(alert.runs_in_order());
        }
    }
}

#[test]
fn the_alert_is_the_same_whichever_payment_closes_the_cycle() {
    for first in 0..4 {
        let mut payments = ring(4);
        payments.rotate_left(first);
        let found = alerts(&payments);
        assert_eq!(found.len(), 1);
        assert_eq!(accounts(&found[0]), [0, 1, 2, 3]);
        assert_eq!((found[0].from_s, found[0].to_s), (day(0), day(3)));
    }
}

#[test]
fn a_cycle_whose_payments_are_out_of_order_is_one_too_and_says_so() {
    let found = alerts(&[(0, 4, 1, 500), (1, 1, 2, 500), (2, 2, 3, 500), (3, 3, 4, 500)]);
    assert!(found[0].runs_in_order());
    let found = alerts(&[(0, 1, 2, 500), (1, 3, 4, 500), (2, 2, 3, 500), (3, 4, 1, 500)]);
    assert_eq!(found.len(), 1);
    assert!(!found[0].runs_in_order());
}

#[test]
fn all_amounts_lie_within_five_percent_of_the_largest() {
    let found = |second, third| alerts(&[(0, 1, 2, 10_000), (1, 2, 3, second), (2, 3, 1, third)]).len();
    assert_eq!(found(9_500, 10_000), 1);
    assert_eq!(found(9_499, 10_000), 0);
    // Each next to the one before is not enough.
    assert_eq!(found(9_600, 9_300), 0);
}

#[test]
fn first_and_last_payment_lie_less_than_120_days_apart() {
    let found = |last| alerts(&[(0, 1, 2, 500), (50, 2, 3, 500), (last, 3, 1, 500)]).len();
    assert_eq!((found(119), found(120)), (1, 0));
}

#[test]
fn a_cycle_that_goes_round_again_and_again_is_found_once() {
    let mut payments = Vec::new();
    for round in 0..20 {
        payments.extend([(round, 1, 2, 500), (round, 2, 3, 500), (round, 3, 1, 500)]);
    }
    assert_eq!(alerts(&payments).len(), 1);
}

#[test]
fn a_way_that_comes_by_an_account_twice_is_no_cycle() {
    // 1 -> 2 -> 3 -> 4 -> 2 ... and 4 -> 1 is missing
    let found = alerts(&[(0, 2, 3, 500), (1, 3, 4, 500), (2, 4, 2, 500), (3, 1, 2, 500)]);
    assert_eq!(found.iter().map(accounts).collect::<Vec<_>>(), [[2, 3, 4]]);
}

#[test]
fn a_probe_goes_on_to_eight_accounts_and_closes_beyond_them() {
    let mut bank = Bank::new();
    // 2 pays 40 accounts, of which the one paid last leads back to 1 by way of 100.
    for payee in 10..50 {
        let at_s = day(0) + i64::try_from(payee).unwrap();
        bank.pay_at(Rule::Cycle, at_s, 2, payee, 500);
    }
    bank.pay_at(Rule::Cycle, day(1), 49, 1, 500);
    let before = bank.messages();
    let found = bank.pay_at(Rule::Cycle, day(2), 1, 2, 500);
    assert_eq!(found.iter().map(accounts).collect::<Vec<_>>(), [[1, 2, 49]]);
    // Both sides, the probe to 2, from there 8 more, and what was found.
    assert_eq!(bank.messages() - before, 2 + 1 + 8 + 1);
    // The one paid first is too far.
    bank.pay_at(Rule::Cycle, day(3), 10, 3, 500);
    assert_eq!(bank.pay_at(Rule::Cycle, day(4), 3, 2, 500), []);
}

#[test]
fn a_cycle_of_the_same_accounts_is_told_again_after_its_window_alone() {
    // Other amounts open the ways again.
    let round = |at, minor| [(at, 1, 2, minor), (at + 1, 2, 3, minor), (at + 2, 3, 1, minor)];
    let count = |again| alerts(&[round(0, 500), round(again, 5_000)].concat()).len();
    assert_eq!((count(10), count(119), count(120)), (1, 1, 2));
}

#[test]
fn what_is_no_cycle_makes_no_alert_of_one() {
    let one = payment(1, day(0), 1, 2, 500);
    let two = payment(2, day(0), 2, 3, 500);
    let three = payment(3, day(0), 3, 1, 500);
    assert!(Alert::about_cycle(vec![two, three, one]).is_some());
    for broken in [vec![], vec![one], vec![one, two], vec![one, three, two]] {
        assert_eq!(Alert::about_cycle(broken), None);
    }
    assert!(Probe::of(vec![one, two], 1).is_some());
    assert_eq!(
        (Probe::of(vec![], 1), Probe::of(vec![one, three], 1)),
        (None, None)
    );
}

/// Twenty accounts of which each pays each the same, as no customers do.
#[test]
fn where_everybody_pays_everybody_a_search_is_bounded_and_so_is_what_is_told() {
    let mut bank = Bank::new();
    let mut told: Vec<(u128, i64)> = Vec::new();
    let mut pairs: Vec<(u128, u128)> = (0..20)
        .flat_map(|one| (0..20).map(move |other| (one, other)))
        .collect();
    pairs.retain(|(one, other)| one != other);
    pairs.sort_by_key(|(one, other)| (one * 7 + other * 13) % 97);
    for (number, (debtor, creditor)) in pairs.into_iter().enumerate() {
        let before = bank.messages();
        let at_s = day(0) + i64::try_from(number).unwrap() * 3_600;
        let found = bank.pay_at(Rule::Cycle, at_s, debtor, creditor, 10_000);
        // Both sides and the search, which may find something at each account that it comes to.
        assert!(bank.messages() - before <= 2 + 2 * (1 + 256));
        told.extend(found.iter().map(|alert| (alert.subject.0, alert.to_s)));
    }
    let of_zero = told.iter().filter(|(subject, _)| *subject == 0).count();
    assert_eq!(of_zero, 8);
}
