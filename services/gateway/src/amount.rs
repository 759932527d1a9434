//! What can be said against a command's fields before it is sent: the services' own rules, told at once.

use smol_str::SmolStr;
use tributary_money::{Currency, Money};

use crate::problem::Problem;

fn refused(code: &str, field: &str, what: &str) -> Problem {
    Problem::refused(code, &format!("{field} {what}"))
}

/// An amount of the currency.
pub(crate) fn any(field: &str, text: &str, currency: Currency) -> Result<Money, Problem> {
    Money::parse(text, currency).map_err(|error| refused(error.code(), field, &format!("is {error}")))
}

/// An amount above zero.
pub(crate) fn positive(field: &str, text: &str, currency: Currency) -> Result<Money, Problem> {
    let amount = any(field, text, currency)?;
    match amount.minor > 0 {
        true => Ok(amount),
        false => Err(refused("AMOUNT_NOT_POSITIVE", field, "is not above zero")),
    }
}

/// An amount of zero or above.
pub(crate) fn not_negative(field: &str, text: &str, currency: Currency) -> Result<Money, Problem> {
    let amount = any(field, text, currency)?;
    match amount.minor >= 0 {
        true => Ok(amount),
        false => Err(refused("AMOUNT_NEGATIVE", field, "is negative")),
    }
}

/// The amount as it is sent: written one way, so that `1.5` and `1.50` are the same wish.
pub(crate) fn written(amount: Money) -> SmolStr {
    smol_str::format_smolstr!("{}", amount.to_decimal())
}

/// A name or a code: there, and of at most that many bytes.
pub(crate) fn name(field: &str, text: &str, bytes_max: usize) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(refused("FIELD_EMPTY", field, "is empty"));
    }
    if text.len() > bytes_max {
        return Err(refused(
            "FIELD_TOO_LONG",
            field,
            &format!("has more than {bytes_max} bytes"),
        ));
    }
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match text.bytes().all(is_code) {
        true => Ok(()),
        // Whatever else somebody writes here may be personal data.
        false => Err(refused(
            "FIELD_MALFORMED",
            field,
            "is a code: letters, digits, hyphens, underscores and points",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_refused_with_the_ledgers_codes() {
        let currency = "CZK".parse().unwrap();
        let code = |problem: Problem| problem.code().to_owned();
        assert_eq!(positive("amount", "1.50", currency).unwrap().minor, 150);
        for (text, expected) in [
            ("0", "AMOUNT_NOT_POSITIVE"),
            ("-1", "AMOUNT_NOT_POSITIVE"),
            ("1.005", "AMOUNT_TOO_MANY_DECIMALS"),
            ("1e3", "AMOUNT_NOT_A_NUMBER"),
            ("99999999999999999999", "AMOUNT_OVERFLOW"),
        ] {
            assert_eq!(
                code(positive("amount", text, currency).unwrap_err()),
                expected,
                "{text}"
            );
        }
        assert_eq!(
            code(not_negative("limit", "-1", currency).unwrap_err()),
            "AMOUNT_NEGATIVE"
        );
    }

    #[test]
    fn a_code_is_no_free_text() {
        assert!(name("reason", "DUPL", 35).is_ok());
        for (text, expected) in [
            ("", "FIELD_EMPTY"),
            ("too long", "FIELD_TOO_LONG"),
            ("a b", "FIELD_MALFORMED"),
        ] {
            let problem = name("reason", text, 4).unwrap_err();
            assert_eq!(problem.code(), expected, "{text}");
        }
    }
}
