use crate::DAY_S;

/// Minor units of one unit of the amounts that features are made of.
pub const MINOR_PER_UNIT: i64 = 100;

/// Largest amount, in minor units: far above any payment, and low enough for sums over billions of payments.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;

/// Earliest and latest event time, in seconds since the epoch: the years 1970 to 9999.
const AT_RANGE_S: std::ops::Range<i64> = 0..253_402_300_800;

/// Farthest that local time is from UTC, in seconds.
const UTC_OFFSET_S_MAX: i32 = 14 * 3_600;

/// A payment as far as its features need it.
///
/// Amounts of all payments of a customer must be in one currency with two decimals: whoever has several converts before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    at_s: i64,
    utc_offset_s: i32,
    amount_minor: i64,
}

/// Why a payment can't be looked at. No state has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefused {
    #[error("the amount is below zero")]
    NegativeAmount,
    #[error("the amount is larger than any payment can be")]
    AbsurdAmount,
    #[error("the event time is no time that a payment can have")]
    AbsurdTime,
}

impl PaymentRefused {
    /// Stable code, listed in `docs/fraud.md`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NegativeAmount => "FRAUD_AMOUNT_NEGATIVE",
            Self::AbsurdAmount => "FRAUD_AMOUNT_ABSURD",
            Self::AbsurdTime => "FRAUD_TIME_ABSURD",
        }
    }
}

impl Payment {
    /// A payment of `amount_minor` (0 is allowed) at `at_s`, in seconds since the epoch, where the bank's clock was
    /// `utc_offset_s` ahead of UTC.
    ///
    /// # Errors
    /// When amount or time are none that a payment can have. Whether an event time is plausible beside the time of its
    /// record is the service's to judge: here is no clock.
    pub fn try_new(at_s: i64, utc_offset_s: i32, amount_minor: i64) -> Result<Self, PaymentRefused> {
        if amount_minor < 0 {
            return Err(PaymentRefused::NegativeAmount);
        }
        if amount_minor > AMOUNT_MINOR_MAX {
            return Err(PaymentRefused::AbsurdAmount);
        }
        if !AT_RANGE_S.contains(&at_s) || utc_offset_s.unsigned_abs() > UTC_OFFSET_S_MAX.unsigned_abs() {
            return Err(PaymentRefused::AbsurdTime);
        }
        Ok(Self {
            at_s,
            utc_offset_s,
            amount_minor,
        })
    }

    /// Event time in seconds since the epoch.
    pub fn at_s(&self) -> i64 {
        self.at_s
    }

    pub fn amount_minor(&self) -> i64 {
        self.amount_minor
    }

    /// In units, exact up to 2^53 minor units.
    pub fn amount(&self) -> f64 {
        self.amount_minor as f64 / MINOR_PER_UNIT as f64
    }

    /// Saturday or Sunday on the bank's clock.
    pub fn is_weekend(&self) -> bool {
        // 1970-01-01 was a Thursday.
        let weekday_from_monday = (self.local_s().div_euclid(DAY_S) + 3).rem_euclid(7);
        weekday_from_monday >= 5
    }

    /// 00:00:00 to 06:59:59 on the bank's clock.
    pub fn is_night(&self) -> bool {
        self.local_s().rem_euclid(DAY_S) < 7 * 3_600
    }

    fn local_s(&self) -> i64 {
        self.at_s + i64::from(self.utc_offset_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at_s: i64, utc_offset_s: i32) -> Payment {
        Payment::try_new(at_s, utc_offset_s, 1).unwrap()
    }

    #[test]
    fn weekend_and_night_are_those_of_the_banks_clock() {
        // 2018-04-01 was a Sunday.
        let sunday_s = 1_522_540_800;
        assert!(at(sunday_s, 0).is_weekend());
        assert!(at(sunday_s - DAY_S, 0).is_weekend());
        assert!(!at(sunday_s - DAY_S - 1, 0).is_weekend());
        assert!(!at(sunday_s + DAY_S, 0).is_weekend());
        assert!(!at(sunday_s - DAY_S - 3_601, 3_600).is_weekend());
        assert!(at(sunday_s - DAY_S - 3_600, 3_600).is_weekend());
        assert!(at(sunday_s, 0).is_night());
        assert!(at(sunday_s + 7 * 3_600 - 1, 0).is_night());
        assert!(!at(sunday_s + 7 * 3_600, 0).is_night());
        assert!(!at(sunday_s + 6 * 3_600, 3_600).is_night());
        assert!(!at(sunday_s - 1, 0).is_night());
    }

    #[test]
    fn an_amount_of_nothing_is_a_payment_and_what_cannot_be_is_refused() {
        assert!(Payment::try_new(0, 0, 0).is_ok());
        let code = |at_s, offset, minor| Payment::try_new(at_s, offset, minor).unwrap_err().code();
        assert_eq!(code(0, 0, -1), "FRAUD_AMOUNT_NEGATIVE");
        assert_eq!(code(0, 0, AMOUNT_MINOR_MAX + 1), "FRAUD_AMOUNT_ABSURD");
        assert_eq!(code(-1, 0, 1), "FRAUD_TIME_ABSURD");
        assert_eq!(code(i64::MAX, 0, 1), "FRAUD_TIME_ABSURD");
        assert_eq!(code(0, i32::MIN, 1), "FRAUD_TIME_ABSURD");
    }
}
