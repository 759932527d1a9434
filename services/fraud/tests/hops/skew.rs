//! Partitions of the first hop that are apart in event time.

use std::collections::HashSet;

use tributary_contracts::{fraud::PayeesEvent, partition::partition_of};
use tributary_fraud_domain::DAY_S;
use tributary_fraud_stream::{BOUND_S, Window};
use tributary_fraud_training::{
    batch,
    handbook::Transaction,
    parity::{Parity, compare},
};
use tributary_ids::PaymentId;

use crate::{
    features::{command, computed, label, transactions},
    two_hops::{PARTITIONS, TwoHops},
};

fn partition(row: &Transaction) -> i32 {
    partition_of(command(row).customer.to_string().as_bytes(), PARTITIONS).unwrap()
}

/// Lets one partition run ahead of the other as far as the bound allows, again and again: all that may be under way of the one
/// goes through both hops before anything of the other.
fn as_far_apart_as_may_be(rows: &[Transaction], bound_s: i64) -> Parity {
    let mut hops = TwoHops::open();
    let mut window = Window::new(rows, bound_s);
    let frauds: HashSet<PaymentId> = rows
        .iter()
        .filter(|row| row.fraud)
        .map(|row| command(row).payment_id)
        .collect();
    let mut labelled = HashSet::new();
    while window.count() < rows.len() {
        let taken = window.take(rows.len());
        for ahead in [1, 0] {
            for row in rows[taken.clone()].iter().filter(|row| partition(row) == ahead) {
                hops.write(command(row));
            }
            hops.settle();
        }
        for event in hops.payees_events() {
            if let PayeesEvent::PaymentDecided(decided) = event
                && frauds.contains(&decided.payment_id)
                && labelled.insert(decided.payment_id)
            {
                hops.write_to_payees(label(&decided));
            }
        }
        hops.settle();
        for row in taken {
            assert!(window.end(row));
        }
    }
    assert!(hops.refused().is_empty(), "{:?}", hops.refused());
    compare(rows, &computed(&hops, rows), &batch::features(rows))
}

#[test]
fn a_feeder_that_keeps_to_the_bound_sees_what_a_batch_sees_and_one_that_breaks_it_is_found_out() {
    let rows = transactions();
    let kept = as_far_apart_as_may_be(&rows, BOUND_S);
    assert!(kept.holds(), "{kept}");
    // Nothing is lost when it is broken: late payments count at the boundary, and the comparison says so.
    for broken_s in [BOUND_S + DAY_S / 2, 30 * DAY_S] {
        let broken = as_far_apart_as_may_be(&rows, broken_s);
        assert!(broken.differing > 0 && broken.missing == 0, "{broken}");
    }
}
