//! A history with fraud, for the fraud service: its payments as they would have been assessed, and what people want to pay on the day
//! after it.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::Mutex,
    sync::PoisonError,
    thread,
};

use chrono::{NaiveDate, NaiveTime};
use tributary_contracts::fraud::AssessPayment;
use tributary_history::{Attempt, History, HistoryRow, Scenario};
use tributary_ids::PaymentId;
use tributary_money::Currency;
use tributary_payments_domain::calendar;

use crate::{
    command::{Translator, payment_id},
    error::ReplayError,
    pay::{Api, Paid, Review},
    plan::Plan,
    topic::Refused,
};

/// Customers who pay at once.
const LANES: usize = 8;

/// A payment of the past, to be assessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The payment's name at the source.
    pub payment: String,
    pub date: NaiveDate,
    pub command: AssessPayment,
}

/// The payments between a history's accounts from this day on that have a time, in order. They have happened, so what is decided
/// of them moves no money.
///
/// # Errors
/// When the history can't be read.
pub fn assessments(history: &History, from: NaiveDate) -> Result<Vec<Assessment>, ReplayError> {
    let mut translator = Translator::new(&history.header.source);
    let mut assessments = Vec::new();
    for row in history.rows()? {
        let row = match row? {
            row @ HistoryRow::Open(_) => {
                // An opening can always be said.
                let _opened = translator.command(&row, &Plan::default());
                continue;
            }
            HistoryRow::Transfer(row) if row.date >= from => row,
            _ => continue,
        };
        let (Some(time), Ok(errand)) = (row.time, translator.payment(&row)) else {
            continue;
        };
        let (initiated_at, utc_offset_s) = event_time(errand.currency, row.date, time);
        assessments.push(Assessment {
            date: row.date,
            command: AssessPayment {
                payment_id: payment_id(&row.payment),
                customer: errand.customer,
                debtor: errand.debtor,
                creditor: errand.creditor,
                amount: errand.amount,
                currency: errand.currency,
                initiated_at,
                utc_offset_s,
            },
            payment: row.payment,
        });
    }
    Ok(assessments)
}

/// Milliseconds since the epoch of a local time, and by how many seconds it is ahead of UTC.
fn event_time(currency: Currency, date: NaiveDate, time: NaiveTime) -> (i64, i32) {
    let local_ms = date.and_time(time).and_utc().timestamp_millis();
    let Some(calendar) = calendar::of(currency) else {
        return (local_ms, 0);
    };
    // Exact but for the hours in which clocks are put forward or back.
    let near_ms = local_ms - i64::from(calendar.utc_offset_s(local_ms)) * 1_000;
    let offset_s = calendar.utc_offset_s(near_ms);
    (local_ms - i64::from(offset_s) * 1_000, offset_s)
}

/// What became of an attempt.
#[derive(Clone, Debug)]
pub struct Attempted {
    pub payment: PaymentId,
    /// Why no money was moved.
    pub refused: Option<Refused>,
}

/// Asks for payments at the gateway with this address (`http://host:port`), and follows each until it has ended. Those of an account
/// come in order, and what a mule sends on comes when all that it collects has come. One that waits for review is decided as somebody
/// would who knows: fraud is rejected, everything else approved. Doing it again changes nothing and tells the same. Gives what became
/// of each attempt, in their order.
///
/// # Errors
/// When the history can't be read, or the API doesn't answer.
pub fn attempt_payments(
    history: &History,
    attempts: &[Attempt],
    api: &str,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Option<Attempted>>, ReplayError> {
    let mut translator = Translator::new(&history.header.source);
    for row in history.rows()? {
        let row = row?;
        if let HistoryRow::Open(_) = row {
            let _opened = translator.command(&row, &Plan::default());
        }
    }
    let api = Api::at(api, LANES);
    let done: Mutex<HashMap<usize, Paid>> = Mutex::default();
    let is_sent_on = |attempt: &Attempt| attempt.scenario == Some(Scenario::MuleFanOut);
    for wave in [false, true] {
        let lane = |lane: usize| {
            for (place, attempt) in attempts.iter().enumerate() {
                if is_sent_on(attempt) != wave || lane_of(&attempt.transfer.from) != lane {
                    continue;
                }
                if stop() {
                    return Err(ReplayError::Interrupted);
                }
                // An attempt from an account that no row opens is none.
                let Ok(errand) = translator.payment(&attempt.transfer) else {
                    continue;
                };
                let review = match attempt.scenario {
                    Some(_) => Review::Reject,
                    None => Review::Approve,
                };
                let paid = api.pay(&errand, review)?;
                done.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(place, paid);
            }
            Ok(())
        };
        let lane = &lane;
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..LANES)
                .map(|number| scope.spawn(move || lane(number)))
                .collect();
            lanes.into_iter().try_for_each(|lane| match lane.join() {
                Ok(ended) => ended,
                Err(panicked) => std::panic::resume_unwind(panicked),
            })
        })?;
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let attempted = |paid: Paid| Attempted {
        payment: paid.payment,
        refused: paid.refused,
    };
    Ok((0..attempts.len())
        .map(|place| done.remove(&place).map(attempted))
        .collect())
}

fn lane_of(account: &str) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(account);
    (hash % LANES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_times_are_those_of_the_banks_clock() {
        let at = |day: &str, time: &str| {
            event_time(
                "CZK".parse().unwrap(),
                day.parse().unwrap(),
                time.parse().unwrap(),
            )
        };
        // 2027-01-15 08:00 UTC
        assert_eq!(at("2027-01-15", "09:00:00"), (1_800_000_000_000, 3_600));
        let (summer_ms, offset_s) = at("2027-07-15", "00:30:00");
        assert_eq!(offset_s, 7_200);
        // 2027-07-14 22:30 UTC: in UTC it is the day before.
        assert_eq!(
            summer_ms,
            1_800_000_000_000 + (180 * 24 + 14) * 3_600_000 + 1_800_000
        );
    }
}
