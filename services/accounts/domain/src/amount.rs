//! Reads the amounts of commands: decimal strings of the major unit, as minor units.

use tributary_money::{Currency, Money};

use crate::Rejection;

/// Most minor units that a rounding may move a balance by: a rounding is a remainder, not a posting.
const ROUNDING_MAX: i64 = 100;

/// Signed.
pub(crate) fn signed(text: &str, currency: Currency) -> Result<i64, Rejection> {
    Ok(Money::parse(text, currency)?.minor)
}

/// Above zero.
pub(crate) fn positive(text: &str, currency: Currency) -> Result<i64, Rejection> {
    match signed(text, currency)? {
        amount if amount > 0 => Ok(amount),
        _ => Err(Rejection::AmountNotPositive),
    }
}

/// Zero or above: a limit.
pub(crate) fn limit(text: &str, currency: Currency) -> Result<i64, Rejection> {
    match signed(text, currency)? {
        amount if amount >= 0 => Ok(amount),
        _ => Err(Rejection::AmountNegative),
    }
}

/// Signed, and small; absent is nothing.
pub(crate) fn rounding(text: Option<&str>, currency: Currency) -> Result<i64, Rejection> {
    let Some(text) = text else { return Ok(0) };
    match signed(text, currency)? {
        rounding if (-ROUNDING_MAX..=ROUNDING_MAX).contains(&rounding) => Ok(rounding),
        _ => Err(Rejection::RoundingTooLarge),
    }
}
