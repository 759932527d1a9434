use std::collections::BTreeMap;

use crate::{Account, Alert, FanIn, Payment, Rule, window::Window};

/// Whether `payment`, which `received` has, makes its debtor one more of several that pay in parts. There is one alert for
/// each that joins, with all of them.
pub(crate) fn look(rule: &FanIn, received: &Window, payment: &Payment) -> Option<Alert> {
    let mut payers: BTreeMap<Account, Vec<Payment>> = BTreeMap::new();
    for other in received.within(payment.at_s(), rule.window_s) {
        if other.is_like(payment, rule.amount_percent) {
            payers.entry(other.debtor()).or_default().push(*other);
        }
    }
    // Most payments end here, at the first of a payer.
    let own = payers.get(&payment.debtor())?;
    let before: Vec<Payment> = own
        .iter()
        .filter(|other| other.id() != payment.id())
        .copied()
        .collect();
    if !in_parts(rule, own) || in_parts(rule, &before) {
        return None;
    }
    payers.retain(|_, payments| in_parts(rule, payments));
    if payers.len() < rule.payers_min {
        return None;
    }
    let mut found: Vec<Payment> = payers.into_values().flatten().collect();
    found.sort_unstable_by_key(Payment::order);
    Some(Alert::about(Rule::FanIn, payment.creditor(), found))
}

/// Whether enough of one payer's payments, in order of time, lie close together.
fn in_parts(rule: &FanIn, payments: &[Payment]) -> bool {
    payments
        .windows(rule.parts_min.max(1))
        .any(|parts| match (parts.first(), parts.last()) {
            (Some(first), Some(last)) => last.at_s() - first.at_s() < rule.parts_within_s,
            _ => false,
        })
}
