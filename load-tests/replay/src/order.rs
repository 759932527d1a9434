//! A history's standing orders: set up through the HTTP API once all of its rows are there, so that what they have paid is in the
//! ledger and what they pay from then on is new.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    thread,
};

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use tributary_history::{History, HistoryRow, Open, StandingOrder};
use tributary_ids::{AccountId, CommandId, derive};
use tributary_payments_domain::calendar;

use crate::{
    clock::now_ms,
    command::{account_id, decimal, owner},
    error::ReplayError,
    pay::{Answer, Api, ApiError},
    topic::Refused,
};

/// Requests that are open at once.
const OPEN_MAX: usize = 16;

/// So long before a cut-off the day counts as over: requests take their time. Milliseconds.
const MARGIN_MS: i64 = 5 * 60 * 1000;

/// What became of a history's standing orders.
#[derive(Debug, Default)]
pub struct Ordered {
    pub created: u64,
    /// Set up by an earlier replay.
    pub known_before: u64,
    /// By the order's name at the source.
    pub refused: BTreeMap<String, Refused>,
    /// How many of those created pay next, by when: RFC 3339, in UTC.
    pub due: BTreeMap<String, u64>,
}

impl Ordered {
    fn note(&mut self, order: &str, answer: &Answer) -> Result<(), ApiError> {
        match (answer.status, answer.text("code")) {
            (201, _) => {
                self.created += 1;
                let due = answer.text("next_due_at").to_owned();
                *self.due.entry(due).or_default() += 1;
            }
            (200, _) => self.known_before += 1,
            // It was set up on another day, from which on it pays. Nobody else uses these keys.
            (422, "ORDER_CONFLICT" | "COMMAND_ID_REUSED") => self.known_before += 1,
            (400..=499, _) => drop(self.refused.insert(order.to_owned(), answer.refused())),
            _ => return Err(answer.unexpected("a standing order")),
        }
        Ok(())
    }
}

/// Sets up the standing orders that are in force at the history's end, at the gateway with this address (`http://host:port`).
/// They pay from the day after the history's last row on, or from today if that is later. Doing it again changes nothing.
///
/// # Errors
/// When the history can't be read, or the API doesn't answer.
pub fn set_up_orders(
    history: &History,
    api: &str,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Ordered, ReplayError> {
    if history.orders.is_empty() {
        return Ok(Ordered::default());
    }
    let mut accounts: HashMap<String, Open> = HashMap::new();
    for row in history.rows()? {
        if let HistoryRow::Open(open) = row? {
            accounts.insert(open.account.clone(), open);
        }
    }
    let after = history.statistics.last.unwrap_or_default() + Days::new(1);
    let now = now_ms();
    let api = Api::at(api, OPEN_MAX);
    let left = Mutex::new(history.orders.iter());
    let ordered = Mutex::new(Ordered::default());
    let work = || {
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(order) = next else { return Ok(()) };
            if stop() {
                return Err(ReplayError::Interrupted);
            }
            // An order of an account that no row opens is none.
            let Some(open) = accounts.get(&order.account) else {
                continue;
            };
            let answer = set_up(&api, order, open, start_date(open, after, now))?;
            ordered
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .note(&order.order, &answer)?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..OPEN_MAX).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(ended) => ended,
            Err(panicked) => std::panic::resume_unwind(panicked),
        })
    })?;
    Ok(ordered.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The first day on which an order may pay that is set up now.
fn start_date(open: &Open, after: NaiveDate, now_ms: i64) -> NaiveDate {
    let calendar = calendar::of(open.currency);
    let first = calendar.and_then(|calendar| {
        let today = calendar.day_of(now_ms)?;
        match now_ms + MARGIN_MS < calendar.cut_off_ms(today) {
            true => Some(today),
            false => today.succ_opt(),
        }
    });
    // Without a calendar the bank refuses the order, and says so.
    first.map_or(after, |first| first.max(after))
}

fn set_up(api: &Api, order: &StandingOrder, open: &Open, start: NaiveDate) -> Result<Answer, ApiError> {
    let key = key(account_id(&order.account), &order.order).to_string();
    let mut body = json!({
        "customer": owner(open).0,
        "debtor": account_id(&order.account).0,
        "creditor": account_id(&order.to).0,
        "amount": decimal(order.amount, open.currency),
        "currency": open.currency.code(),
        "frequency": "monthly",
        "day_of_month": order.day,
        "start_date": start,
    });
    if let Some(symbol) = &order.symbol {
        body["remittance"] = Value::from(symbol.as_str());
    }
    let ask = |body: &Value| api.decided("/v1/standing-orders", &key, body);
    let answer = ask(&body)?;
    if answer.text("code") != "REMITTANCE_UNSUPPORTED" {
        return Ok(answer);
    }
    // A gateway without a key store: the order itself matters more. Nothing was sent under this key yet.
    if let Some(fields) = body.as_object_mut() {
        fields.remove("remittance");
    }
    ask(&body)
}

/// The idempotency key: the same in every replay.
fn key(account: AccountId, order: &str) -> CommandId {
    CommandId(derive(account.0, &format!("standing-order/{order}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(currency: &str, after: &str, now: &str) -> String {
        let open = Open {
            account: "1".into(),
            owner: "a".into(),
            date: "2025-01-01".parse().unwrap(),
            currency: currency.parse().unwrap(),
            product: "recorded".into(),
            branch: None,
            opening_balance: 0,
        };
        let now = chrono::DateTime::parse_from_rfc3339(now).unwrap();
        start_date(&open, after.parse().unwrap(), now.timestamp_millis()).to_string()
    }

    #[test]
    fn orders_begin_after_the_history_and_not_on_a_day_that_is_over() {
        // The cut-off is at 14:00 UTC in winter, at 13:00 in summer.
        assert_eq!(start("CZK", "2026-01-01", "2026-11-26T13:00:00Z"), "2026-11-26");
        assert_eq!(start("CZK", "2026-01-01", "2026-11-26T13:56:00Z"), "2026-11-27");
        // It is the 27th in Prague already, long before its cut-off.
        assert_eq!(start("CZK", "2026-01-01", "2026-11-26T23:30:00Z"), "2026-11-27");
        assert_eq!(start("CZK", "2026-01-01", "2026-07-01T13:30:00Z"), "2026-07-02");
        assert_eq!(start("CZK", "2026-12-24", "2026-11-26T13:00:00Z"), "2026-12-24");
        assert_eq!(start("USD", "2026-01-01", "2026-11-26T13:00:00Z"), "2026-01-01");
    }
}
