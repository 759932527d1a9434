//! The order in which accounts get to their messages is the log's, partition by partition. What is found must not hang on it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tributary_fraud_laundering::{Account, AccountState, Alert, InProcess, Message, Payment, Rule, Rules};

use crate::support::{day, payment};

/// Payments among 12 accounts, each way paid at most once, of two sizes.
fn payments(seed: u64) -> Vec<Payment> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut ways = BTreeSet::new();
    let mut all = Vec::new();
    for id in 0..40_u128 {
        let (debtor, creditor) = (random.random_range(0..12), random.random_range(0..12));
        if debtor != creditor && ways.insert((debtor, creditor)) {
            let minor = if random.random_bool(0.5) { 10_000 } else { 50_000 };
            let at_s = day(random.random_range(0..100));
            all.push(payment(id, at_s, debtor, creditor, minor));
        }
    }
    all
}

/// Fans out as far as there are accounts, so that no bound decides what is found.
fn rules() -> Rules {
    let mut rules = Rules::default();
    rules.cycle.fan_out_max = 12;
    rules.cycle.probes_max = u32::MAX;
    rules.cycle.told_max = usize::MAX;
    rules
}

fn cycles(alerts: impl IntoIterator<Item = Alert>) -> BTreeSet<Vec<Account>> {
    let cycles = alerts.into_iter().filter(|alert| alert.rule == Rule::Cycle);
    cycles.map(|alert| alert.accounts).collect()
}

/// Puts all payments into queues by account at once, and takes messages from queues at random.
fn shuffled(payments: &[Payment], seed: u64) -> BTreeSet<Vec<Account>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let rules = rules();
    let mut states: HashMap<Account, AccountState> = HashMap::new();
    let mut queues: Vec<VecDeque<Message>> = vec![VecDeque::new(); 12];
    let place = |message: &Message| usize::try_from(message.account().0).unwrap();
    for payment in payments {
        for message in [Message::Sent(*payment), Message::Received(*payment)] {
            queues[place(&message)].push_back(message);
        }
    }
    let mut alerts = Vec::new();
    loop {
        let waiting: Vec<usize> = (0..12).filter(|index| !queues[*index].is_empty()).collect();
        if waiting.is_empty() {
            return cycles(alerts);
        }
        let index = waiting[random.random_range(0..waiting.len())];
        let message = queues[index].pop_front().unwrap();
        let outcome = states
            .entry(message.account())
            .or_default()
            .handle(&rules, &message);
        alerts.extend(outcome.alerts);
        for message in outcome.messages {
            queues[place(&message)].push_back(message);
        }
    }
}

/// All simple cycles of three to six accounts whose payments fit, by a walk over the whole graph.
fn by_definition(payments: &[Payment]) -> BTreeSet<Vec<Account>> {
    fn walk(payments: &[Payment], path: &mut Vec<Payment>, found: &mut BTreeSet<Vec<Account>>) {
        let (first, last) = (path[0], path[path.len() - 1]);
        if last.creditor() == first.debtor() {
            if path.len() >= 3 {
                found.insert(path.iter().map(Payment::debtor).collect());
            }
            return;
        }
        for next in payments {
            // From the lowest account on, so that each cycle is walked once.
            let fits = next.debtor() == last.creditor()
                && next.amount_minor() == first.amount_minor()
                && next.creditor() >= first.debtor()
                && path.iter().all(|known| known.creditor() != next.creditor());
            if fits && path.len() < 6 {
                path.push(*next);
                walk(payments, path, found);
                path.pop();
            }
        }
    }
    let mut found = BTreeSet::new();
    for payment in payments
        .iter()
        .filter(|payment| payment.debtor() < payment.creditor())
    {
        walk(payments, &mut vec![*payment], &mut found);
    }
    found
}

#[test]
fn every_cycle_is_found_in_whatever_order_accounts_get_to_their_messages() {
    let mut some = 0;
    for seed in 0..30 {
        let payments = payments(seed);
        let expected = by_definition(&payments);
        some += expected.len();
        let mut accounts = InProcess::new(rules());
        assert_eq!(
            cycles(payments.iter().flat_map(|payment| accounts.pay(*payment))),
            expected
        );
        for order in 0..20 {
            assert_eq!(
                shuffled(&payments, order),
                expected,
                "payments {seed}, order {order}"
            );
        }
    }
    assert!(some > 100, "{some} cycles");
}

#[test]
fn the_same_payments_give_the_same_alerts_in_the_same_order() {
    let run = || -> Vec<Alert> {
        let mut accounts = InProcess::new(Rules::default());
        payments(7)
            .into_iter()
            .flat_map(|payment| accounts.pay(payment))
            .collect()
    };
    assert!(!run().is_empty());
    assert_eq!(run(), run());
}
