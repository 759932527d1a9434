//! The payments' rows beside the checker's fold, and beside those of the whole log at once.

use std::collections::BTreeMap;

use tributary_checker::{BankCheck, Standing};
use tributary_payments::projection::PaymentsRows;
use tributary_stream::memory::MemoryBroker;

use super::ReadModel;

/// What differs from the checker's fold, if both stand at the same offsets. `positions`: up to where that has read.
pub(crate) fn difference(
    model: &ReadModel<PaymentsRows>,
    fold: &BankCheck,
    positions: &BTreeMap<i32, i64>,
) -> Option<String> {
    if let Some(why) = &model.stopped {
        return Some(format!("the projection has stopped: {why}"));
    }
    if !model.is_at(positions) {
        return None;
    }
    let rows: BTreeMap<_, _> = model.rows.payments().collect();
    let known: BTreeMap<_, _> = fold.payments().collect();
    for (id, payment) in &known {
        let Some(row) = rows.get(id) else {
            return Some(format!("payment {id} has no row"));
        };
        if !is(payment.standing, row.state)
            || (row.amount, i128::from(row.refunded)) != (payment.amount, payment.refunded)
        {
            return Some(format!("payment {id}: the row is {row:?}, the fold {payment:?}"));
        }
    }
    let orders: BTreeMap<_, _> = model.rows.orders().collect();
    let known_orders: BTreeMap<_, _> = fold.standing_orders().collect();
    for (id, order) in &known_orders {
        let Some(row) = orders.get(id) else {
            return Some(format!("standing order {id} has no row"));
        };
        if (row.amount, row.executed, row.next_due_ms) != (order.amount, order.executed, order.next_due_ms) {
            return Some(format!(
                "standing order {id}: the row is {row:?}, the fold {order:?}"
            ));
        }
    }
    let counts = (rows.len(), orders.len(), known.len(), known_orders.len());
    let (payments, orders, known, known_orders) = counts;
    ((payments, orders) != (known, known_orders) && !fold.has_forgotten()).then(|| {
        format!(
            "{payments} rows of payments and {orders} of orders, {known} payments and {known_orders} orders in the log"
        )
    })
}

fn is(standing: Standing, state: &str) -> bool {
    match standing {
        Standing::Scheduled => state == "scheduled",
        Standing::Cancelled => state == "cancelled",
        Standing::UnderWay => matches!(state, "pending" | "in-review" | "settling" | "turning-back"),
        Standing::Quarantined => state == "quarantined",
        Standing::Completed => state == "completed",
        Standing::Rejected => state == "rejected",
        Standing::Returned => state == "returned",
    }
}

/// What differs, in any column, from the rows of the whole log in one batch: transactions that were lost, and where one ended,
/// have left nothing behind.
pub(crate) fn of_the_whole_log(model: &ReadModel<PaymentsRows>, broker: &MemoryBroker) -> Option<String> {
    let mut whole = ReadModel::<PaymentsRows>::new(model.view);
    whole.project(broker, false);
    match (&model.stopped, &whole.stopped) {
        (None, None) if model.rows == whole.rows => None,
        (None, None) => Some("the rows are not those of the whole log at once".to_owned()),
        (Some(why), _) | (None, Some(why)) => Some(format!("the projection has stopped: {why}")),
    }
}
