use crate::{Alert, Payment, Rule, Structuring, window::Window};

/// Whether `payment`, the newest of `sent`, makes its debtor one who stays below the reported amount. Once told, there is
/// silence for the length of the window.
pub(crate) fn look(
    rule: &Structuring,
    sent: &Window,
    payment: &Payment,
    told_s: Option<i64>,
) -> Option<Alert> {
    let near = |payment: &Payment| {
        payment.amount_minor() < rule.reported_from_minor
            && payment.amount_minor() * 100 >= rule.reported_from_minor * rule.near_percent
    };
    let now_s = payment.at_s();
    if !near(payment) || told_s.is_some_and(|told_s| now_s < told_s + rule.window_s) {
        return None;
    }
    let found: Vec<Payment> = sent
        .within(now_s, rule.window_s)
        .filter(|payment| near(payment))
        .copied()
        .collect();
    if found.len() < rule.payments_min {
        return None;
    }
    Some(Alert::about(Rule::Structuring, payment.debtor(), found))
}
