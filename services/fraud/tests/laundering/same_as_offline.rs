//! What comes through ledger, feed and service is what the rules find over the same payments in one process.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_contracts::laundering::{AlertRaised, MovedPayment};
use tributary_fraud_laundering::{Alert, InProcess, Payment, Rule, Rules};
use tributary_ids::AccountId;

use crate::watched::{Bank, account, moved, payment};

const ACCOUNTS: u128 = 24;

/// A year of payments among a few accounts: ordinary ones, and those of each rule's pattern.
fn payments(seed: u64) -> Vec<Payment> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut made: Vec<(u64, u128, u128, i64)> = Vec::new();
    for _ in 0..120 {
        let (debtor, creditor) = (random.random_range(1..=18), random.random_range(1..=18));
        if debtor != creditor {
            let minor = [12_300, 45_000, 150_000][random.random_range(0..3)];
            made.push((random.random_range(1..360), debtor, creditor, minor));
        }
    }
    for start in [20, 200] {
        // Structuring by 19, in parts to 20, a ring of four, and 24, which slept since the first round.
        for part in 0..4 {
            made.push((start + part, 19, 1 + u128::from(part), 900_000 + part as i64));
        }
        for payer in 1..=4 {
            for part in 0..2 {
                made.push((start + 10, payer, 20, 30_000 + part));
            }
        }
        for (index, member) in [5_u128, 21, 22, 23].into_iter().enumerate() {
            let next = [21, 22, 23, 5][index];
            made.push((start + 20 + index as u64, member, next, 77_700));
        }
        made.push((start + 30, 6, 24, 60_000));
        made.push((start + 31, 24, 7, 59_000));
    }
    made.sort_by_key(|(at, ..)| *at);
    made.iter()
        .enumerate()
        .map(|(index, &(at, debtor, creditor, minor))| {
            payment(index as u128 + 1, at, debtor, creditor, minor)
        })
        .collect()
}

/// An alert as both sides can say it.
type Said = (String, u16, Vec<AccountId>, Vec<MovedPayment>, bool);

fn offline(payments: &[Payment]) -> Vec<Said> {
    let mut accounts = InProcess::new(Rules::default());
    let alerts = payments.iter().flat_map(|payment| accounts.pay(*payment));
    let said = |alert: Alert| {
        (
            alert.rule.name().to_owned(),
            alert.version,
            alert.accounts.iter().map(|of| account(of.0)).collect(),
            alert.payments.iter().map(moved).collect(),
            alert.rule == Rule::Cycle && alert.runs_in_order(),
        )
    };
    sorted(alerts.map(said).collect())
}

fn online(bank: &Bank) -> Vec<Said> {
    let said = |raised: AlertRaised| {
        assert_eq!(raised.accounts[0], raised.account);
        let dates = || raised.payments.iter().map(|payment| payment.date);
        assert_eq!(
            (Some(raised.from), Some(raised.to)),
            (dates().min(), dates().max())
        );
        let rule = raised.rule.to_string();
        (
            rule,
            raised.version,
            raised.accounts,
            raised.payments,
            raised.in_order,
        )
    };
    sorted(bank.alerts().into_iter().map(said).collect())
}

fn sorted(mut said: Vec<Said>) -> Vec<Said> {
    let ids = |said: &Said| -> Vec<_> { said.3.iter().map(|payment| payment.payment_id).collect() };
    said.sort_by_cached_key(|one| (one.0.clone(), one.2.clone(), ids(one)));
    said
}

fn by_rule(said: &[Said]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for (rule, ..) in said {
        *counts.entry(rule.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn alert_by_alert_the_service_says_what_the_rules_say_in_one_process() {
    for seed in 0..4 {
        let payments = payments(seed);
        let expected = offline(&payments);
        let counts = by_rule(&expected);
        for rule in Rule::ALL {
            assert!(counts.get(rule.name()) >= Some(&1), "seed {seed}: {counts:?}");
        }
        let mut bank = Bank::with_accounts(ACCOUNTS);
        for payment in &payments {
            bank.pay(payment);
            bank.settle();
        }
        assert_eq!(online(&bank), expected, "seed {seed}");
    }
}

/// A log that is read long after it was written: one partition of the feed is ahead of the other by as much as there is.
#[test]
fn a_log_that_is_read_later_gives_the_same_whichever_partition_is_ahead() {
    let payments = payments(7);
    let expected = offline(&payments);
    let mut bank = Bank::with_accounts(ACCOUNTS);
    payments.iter().for_each(|payment| bank.pay(payment));
    assert_eq!(bank.alerts(), []);
    bank.settle();
    let found = online(&bank);
    let is_cycle = |said: &&Said| said.0 == Rule::Cycle.name();
    let of_accounts = |said: &[Said]| {
        said.iter()
            .filter(|said| !is_cycle(said))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(of_accounts(&found), of_accounts(&expected));
    // Which of several similar payments on one way stands in the alert may differ.
    let rings = |said: &[Said]| -> Vec<_> {
        let mut rings: Vec<_> = said.iter().filter(is_cycle).map(|said| said.2.clone()).collect();
        rings.dedup();
        rings
    };
    assert_eq!(rings(&found), rings(&expected));
}
