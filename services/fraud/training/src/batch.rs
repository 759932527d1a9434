//! The same features by a straightforward computation over a whole file: for each transaction a walk back over those of
//! its customer and its terminal. Shares nothing with the stream but the names; one is held against the other row by row.

use std::collections::HashMap;

use tributary_fraud_domain::{DAY_S, DEVIATION_LEAST, FEATURES, FeatureVector, UNUSUAL_ABOVE};

use crate::handbook::Transaction;

const WINDOWS: [i64; 3] = [DAY_S, 7 * DAY_S, 30 * DAY_S];
const DELAY: i64 = 7 * DAY_S;

/// The features of transactions that are in order, those of a second by id.
#[expect(clippy::cast_precision_loss, reason = "sums stay below 2^53")]
pub fn features(transactions: &[Transaction]) -> Vec<FeatureVector> {
    let mut table = vec![FeatureVector([0.0; FEATURES.len()]); transactions.len()];
    for (row, of) in table.iter_mut().zip(transactions) {
        let (day, second) = (of.at_s / DAY_S, of.at_s % DAY_S);
        row.0[0] = of.amount_minor as f64 / 100.0;
        // Day 0 was a Thursday: days 2 and 3 of each week from it are Saturday and Sunday.
        row.0[1] = f64::from(u8::from(matches!(day % 7, 2 | 3)));
        row.0[2] = f64::from(u8::from(second / 3_600 <= 6));
    }
    let mut unusual = vec![false; transactions.len()];
    for rows in by_key(transactions, |row| row.customer) {
        for (place, index) in rows.iter().enumerate() {
            of_customer(transactions, &rows[..=place], &mut unusual, &mut table[*index].0);
        }
    }
    for rows in by_key(transactions, |row| row.terminal) {
        for (place, index) in rows.iter().enumerate() {
            of_terminal(transactions, &rows[..=place], &unusual, &mut table[*index].0);
        }
    }
    table
}

fn by_key(transactions: &[Transaction], key: impl Fn(&Transaction) -> u32) -> Vec<Vec<usize>> {
    let mut rows: HashMap<u32, Vec<usize>> = HashMap::new();
    for (index, transaction) in transactions.iter().enumerate() {
        rows.entry(key(transaction)).or_default().push(index);
    }
    rows.into_values().collect()
}

/// `rows` are the customer's up to the one in question.
#[expect(clippy::cast_precision_loss, reason = "sums are rounded as the stream's are")]
fn of_customer(
    transactions: &[Transaction],
    rows: &[usize],
    unusual: &mut [bool],
    out: &mut [f64; FEATURES.len()],
) {
    let Some((this, before)) = rows.split_last() else {
        return;
    };
    let now = transactions[*this].at_s;
    for (window, length) in WINDOWS.into_iter().enumerate() {
        let inside = || {
            rows.iter()
                .rev()
                .map(|index| &transactions[*index])
                .take_while(move |row| row.at_s > now - length)
        };
        let count = inside().count() as f64;
        let sum: i64 = inside().map(|row| row.amount_minor).sum();
        out[3 + 2 * window] = count;
        out[4 + 2 * window] = sum as f64 / count / 100.0;
        if window == 2 {
            let roots: u64 = inside()
                .map(|row| (row.amount_minor.unsigned_abs() * 10_000).isqrt())
                .sum();
            let typical = (roots as f64 / count / 100.0).powi(2);
            out[15] = match roots {
                0 => 0.0,
                _ => transactions[*this].amount_minor as f64 / typical,
            };
        }
    }
    unusual[*this] = out[15] > UNUSUAL_ABOVE;
    out[16] = f64::from(u8::from(unusual[*this]));
    let recent = before
        .iter()
        .filter(|index| transactions[**index].at_s > now - 7 * DAY_S && unusual[**index]);
    out[17] = recent.count() as f64;
    let ordinary: Vec<i64> = before
        .iter()
        .filter(|index| transactions[**index].at_s > now - WINDOWS[2] && !unusual[**index])
        .map(|index| transactions[*index].amount_minor)
        .collect();
    if ordinary.len() >= 2 {
        let count = ordinary.len() as f64;
        let mean = ordinary.iter().sum::<i64>() as f64 / count;
        let square = |amount: &i64| u128::from(amount.unsigned_abs()).pow(2);
        let mean_square = ordinary.iter().map(square).sum::<u128>() as f64 / count;
        let deviation = (mean_square - mean * mean)
            .max(0.0)
            .sqrt()
            .max(DEVIATION_LEAST * mean);
        if deviation > 0.0 {
            out[20] = (transactions[*this].amount_minor as f64 - mean) / deviation;
        }
    }
}

/// `rows` are the terminal's up to the one in question.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
fn of_terminal(
    transactions: &[Transaction],
    rows: &[usize],
    unusual: &[bool],
    out: &mut [f64; FEATURES.len()],
) {
    let Some(this) = rows.last() else { return };
    let now = transactions[*this].at_s;
    let known = || {
        rows.iter()
            .filter(move |index| transactions[**index].at_s <= now - DELAY)
    };
    for (window, length) in WINDOWS.into_iter().enumerate() {
        let inside = || known().filter(move |index| transactions[**index].at_s > now - DELAY - length);
        let count = inside().count() as f64;
        let frauds = inside().filter(|index| transactions[**index].fraud).count() as f64;
        out[9 + 2 * window] = count;
        out[10 + 2 * window] = if count > 0.0 { frauds / count } else { 0.0 };
    }
    // Second by second back from the newest that is known, to the first second with an ordinary payment or to a gap.
    let (mut run, mut began, mut next) = (0, now, None);
    let mut seconds: Vec<i64> = known().map(|index| transactions[*index].at_s).collect();
    seconds.dedup();
    for second in seconds.into_iter().rev() {
        let of_second = || {
            known()
                .map(|index| (&transactions[*index], unusual[*index]))
                .filter(move |(row, unusual)| row.at_s == second && !unusual)
        };
        let frauds = of_second().filter(|(row, _)| row.fraud).count();
        if of_second().count() > frauds {
            break;
        }
        if frauds > 0 {
            if next.unwrap_or(now) - second >= 37 * DAY_S {
                break;
            }
            run += frauds;
            (began, next) = (second, Some(second));
        }
    }
    out[18] = run as f64;
    out[19] = (now - began) as f64 / DAY_S as f64;
    let genuine = known().rev().find(|index| !transactions[**index].fraud);
    let since = genuine.map_or(i64::MAX, |index| now - transactions[*index].at_s);
    out[21] = since.min(37 * DAY_S) as f64 / DAY_S as f64;
}
