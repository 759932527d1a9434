use std::fmt;

use rust_decimal::Decimal;

use crate::Currency;

/// A signed amount in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units of `currency`: 1 for CZK is one haler.
    pub minor: i64,
    pub currency: Currency,
}

/// Why a decimal string is no amount of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("not a decimal number")]
    NotANumber,
    #[error("more decimals than the currency's minor unit has")]
    TooManyDecimals,
    #[error("outside what 64 bits of minor units hold")]
    Overflow,
}

impl MoneyError {
    /// Stable code, listed in `docs/errors.md`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotANumber => "AMOUNT_NOT_A_NUMBER",
            Self::TooManyDecimals => "AMOUNT_TOO_MANY_DECIMALS",
            Self::Overflow => "AMOUNT_OVERFLOW",
        }
    }
}

impl Money {
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads `12.30` exactly. Trailing zeros beyond the minor unit are no further decimals: `1.000` CZK is 1.00.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let negative = unsigned.len() < text.len();
        let (whole, fraction) = match unsigned.bytes().position(|byte| byte == b'.') {
            Some(point) => (&unsigned.as_bytes()[..point], &unsigned.as_bytes()[point + 1..]),
            None => (unsigned.as_bytes(), &b"0"[..]),
        };
        let are_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        if !are_digits(whole) || !are_digits(fraction) {
            return Err(MoneyError::NotANumber);
        }
        let exponent = currency.exponent() as usize;
        if fraction.iter().skip(exponent).any(|digit| *digit != b'0') {
            return Err(MoneyError::TooManyDecimals);
        }
        let decimals = fraction
            .iter()
            .copied()
            .chain(std::iter::repeat(b'0'))
            .take(exponent);
        let mut minor = 0_i64;
        for digit in whole.iter().copied().chain(decimals) {
            // Counted downwards, since the lowest amount has no counterpart above zero.
            minor = minor
                .checked_mul(10)
                .and_then(|minor| minor.checked_sub(i64::from(digit - b'0')))
                .ok_or(MoneyError::Overflow)?;
        }
        let minor = if negative {
            Some(minor)
        } else {
            minor.checked_neg()
        };
        minor
            .map(|minor| Self { minor, currency })
            .ok_or(MoneyError::Overflow)
    }

    /// The amount of minor units that equals `decimal` of the major unit.
    pub fn from_decimal(decimal: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let exact = decimal.normalize();
        let exponent = currency.exponent();
        if exact.scale() > exponent {
            return Err(MoneyError::TooManyDecimals);
        }
        exact
            .mantissa()
            .checked_mul(10_i128.pow(exponent - exact.scale()))
            .and_then(|minor| i64::try_from(minor).ok())
            .map(|minor| Self { minor, currency })
            .ok_or(MoneyError::Overflow)
    }

    /// The amount in the major unit, with the currency's decimals.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.exponent())
    }
}

/// `1234.50 CZK`
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn a_decimal_string_becomes_minor_units_of_its_currency() {
        for (text, code, minor) in [
            ("12.30", "CZK", 1230),
            ("12.3", "CZK", 1230),
            ("-0.01", "EUR", -1),
            ("1.000", "CZK", 100),
            ("7", "JPY", 7),
            ("-92233720368547758.08", "EUR", i64::MIN),
            ("1.234", "BHD", 1234),
            ("-0", "CZK", 0),
            ("000000000000000000000000000001", "JPY", 1),
            ("92233720368547758.07", "EUR", i64::MAX),
        ] {
            assert_eq!(
                Money::parse(text, currency(code)),
                Ok(Money::new(minor, currency(code))),
                "{text} {code}"
            );
        }
    }

    #[test]
    fn what_is_no_amount_of_the_currency_is_refused_with_its_reason() {
        for (text, code, error) in [
            ("12.345", "CZK", MoneyError::TooManyDecimals),
            ("0.5", "JPY", MoneyError::TooManyDecimals),
            ("92233720368547758.08", "EUR", MoneyError::Overflow),
            ("-92233720368547758.09", "EUR", MoneyError::Overflow),
            ("99999999999999999999999999999999", "EUR", MoneyError::Overflow),
            (
                "0.00000000000000000000000000000000001",
                "EUR",
                MoneyError::TooManyDecimals,
            ),
            ("", "EUR", MoneyError::NotANumber),
            ("5.", "EUR", MoneyError::NotANumber),
            (".5", "EUR", MoneyError::NotANumber),
            ("+5", "EUR", MoneyError::NotANumber),
            ("1e5", "EUR", MoneyError::NotANumber),
            ("1,5", "EUR", MoneyError::NotANumber),
            ("NaN", "EUR", MoneyError::NotANumber),
            ("--1", "EUR", MoneyError::NotANumber),
            ("1.2.3", "EUR", MoneyError::NotANumber),
            ("99999999999999999999.99x", "EUR", MoneyError::NotANumber),
        ] {
            assert_eq!(Money::parse(text, currency(code)), Err(error), "{text} {code}");
        }
    }

    #[test]
    fn an_amount_is_written_with_the_decimals_of_its_currency() {
        assert_eq!(Money::new(-1205, currency("CZK")).to_string(), "-12.05 CZK");
        assert_eq!(Money::new(7, currency("JPY")).to_string(), "7 JPY");
    }

    #[test]
    fn what_has_no_minor_unit_is_no_currency_of_an_account() {
        assert!("XAU".parse::<Currency>().is_err());
        assert!("czk".parse::<Currency>().is_err());
        assert!("ZZZ".parse::<Currency>().is_err());
    }
}
