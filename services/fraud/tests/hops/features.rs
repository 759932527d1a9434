use std::collections::HashMap;

use tributary_contracts::fraud::{AssessPayment, ConfirmFraud, LabelSource, PayeesEvent, PaymentDecided};
use tributary_fraud_domain::{FEATURES, FeatureVector};
use tributary_fraud_training::{batch, handbook::Transaction, parity::compare};
use tributary_ids::{AccountId, CustomerId, PaymentId};

use crate::two_hops::{NOW, TwoHops, payment};

const DAY_S: i64 = 24 * 60 * 60;

/// Sixty days of few customers and terminals, of which one is bad and some cards are stolen; several payments share a second.
pub(crate) fn transactions() -> Vec<Transaction> {
    let begin = NOW / 1_000 - 60 * DAY_S;
    let mut state = 7_u64;
    let mut roll = |sides: u64| {
        // xorshift, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % sides
    };
    let mut rows: Vec<Transaction> = (0..1_500)
        .map(|id| {
            let terminal = roll(9) as u32;
            let stolen = roll(40) == 0;
            let amount_minor = (roll(9_000) * if stolen { 9 } else { 1 }) as i64;
            Transaction {
                id,
                at_s: begin + roll(60 * 96) as i64 * 900,
                customer: roll(12) as u32,
                terminal,
                amount_minor,
                fraud: stolen || (terminal == 3 && roll(2) == 0),
            }
        })
        .collect();
    rows.sort_by_key(|row| (row.at_s, row.id));
    rows
}

#[test]
fn what_the_service_computed_in_the_stream_is_what_a_batch_computes() {
    let rows = transactions();
    let mut hops = TwoHops::open();
    for row in &rows {
        let decided = hops.assess(command(row));
        if row.fraud {
            hops.write_to_payees(label(&decided));
            hops.settle();
        }
    }
    assert!(hops.refused().is_empty());
    let batch = batch::features(&rows);
    let parity = compare(&rows, &computed(&hops, &rows), &batch);
    assert!(parity.holds(), "{parity}");
    let tells = |index: usize| batch.iter().filter(|row| row.0[index] > 0.0).count();
    for (index, feature) in FEATURES.iter().enumerate() {
        assert!(tells(index) > 10, "{} is hardly ever anything", feature.name);
    }
}

/// What the service computed of each transaction, by its events.
pub(crate) fn computed(hops: &TwoHops, rows: &[Transaction]) -> Vec<Option<FeatureVector>> {
    let by_id: HashMap<PaymentId, FeatureVector> = hops
        .payees_events()
        .into_iter()
        .filter_map(|event| match event {
            PayeesEvent::PaymentDecided(decided) => {
                Some((decided.payment_id, tributary_fraud::features(&decided).unwrap()))
            }
            _ => None,
        })
        .collect();
    rows.iter()
        .map(|row| by_id.get(&PaymentId::named(&row.id.to_string())).copied())
        .collect()
}

pub(crate) fn command(row: &Transaction) -> AssessPayment {
    AssessPayment {
        payment_id: PaymentId::named(&row.id.to_string()),
        customer: CustomerId::named(&row.customer.to_string()),
        creditor: AccountId::named(&row.terminal.to_string()),
        initiated_at: row.at_s * 1_000,
        utc_offset_s: 0,
        ..payment(
            "",
            &format!("{}.{:02}", row.amount_minor / 100, row.amount_minor % 100),
        )
    }
}

pub(crate) fn label(decided: &PaymentDecided) -> ConfirmFraud {
    ConfirmFraud {
        payment_id: decided.payment_id,
        creditor: decided.creditor,
        counted_at_s: decided.payee_seen.counted_at_s,
        unusual: decided.customer_seen.unusual,
        source: LabelSource::Analyst,
    }
}
