use tributary_money::MoneyError;

/// Declares the rejections with their stable codes; every code has an entry in `docs/errors.md`.
macro_rules! rejections {
    ($($variant:ident $({ $($field:ident: $type:ty),+ })? = $code:literal, $detail:literal;)+) => {
        /// Why a command is refused. It had no effect. The text names fields and rules, never values: those may be
        /// personal data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum Rejection {
            $(#[error($detail)] $variant $({ $($field: $type),+ })?,)+
        }

        impl Rejection {
            /// Every code there is.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// Stable code, for programs.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $code,)+
                }
            }
        }
    };
}

rejections! {
    AccountUnknown = "ACCOUNT_UNKNOWN", "there is no such account";
    AccountClosed = "ACCOUNT_CLOSED", "the account is closed";
    AccountBlocked = "ACCOUNT_BLOCKED", "the account is blocked for this";
    AccountConflict = "ACCOUNT_CONFLICT", "an account of this id exists with other terms";
    CurrencyMismatch = "CURRENCY_MISMATCH", "the account is kept in another currency";
    InsufficientFunds = "INSUFFICIENT_FUNDS", "less is available than this takes";
    BalanceNotZero = "BALANCE_NOT_ZERO", "the account's balance is not zero";
    HoldsOpen = "HOLDS_OPEN", "the account has open holds";

    AmountNotANumber = "AMOUNT_NOT_A_NUMBER", "the amount is not a decimal number";
    AmountTooManyDecimals = "AMOUNT_TOO_MANY_DECIMALS", "the amount has more decimals than the currency's minor unit";
    AmountOverflow = "AMOUNT_OVERFLOW", "the amount, or the balance after it, is outside what 64 bits of minor units hold";
    AmountNotPositive = "AMOUNT_NOT_POSITIVE", "the amount is not above zero";
    AmountNegative = "AMOUNT_NEGATIVE", "the limit is below zero";
    RoundingTooLarge = "ROUNDING_TOO_LARGE", "the rounding is more than 100 minor units";
    ContraNotAllowed = "CONTRA_NOT_ALLOWED", "only transfers post against payments in transit";

    HoldUnknown = "HOLD_UNKNOWN", "the account has no such hold";
    HoldNotOpen = "HOLD_NOT_OPEN", "the hold has ended";
    HoldReleased = "HOLD_RELEASED", "the hold was released before";
    HoldConflict = "HOLD_CONFLICT", "a hold of this id exists with other terms";
    HoldExceeded = "HOLD_EXCEEDED", "the hold has less open than this settles";
    HoldWrongDirection = "HOLD_WRONG_DIRECTION", "the hold announces money that comes, not money that leaves";
    ExpiryPassed = "EXPIRY_PASSED", "the hold would expire before it is placed";

    TransferToSelf = "TRANSFER_TO_SELF", "debtor and creditor are the same account";
    PaymentConflict = "PAYMENT_CONFLICT", "the payment is known with other sides, another amount or another outcome";
    PaymentUnknown = "PAYMENT_UNKNOWN", "no money was sent for this payment";

    EntryUnknown = "ENTRY_UNKNOWN", "the account has no such entry that is remembered";
    EntryReversed = "ENTRY_REVERSED", "the entry was reversed before";
    ReversalNotAllowed = "REVERSAL_NOT_ALLOWED", "an entry of this kind is not reversed";
    ReversalWindowPassed = "REVERSAL_WINDOW_PASSED", "the entry's day is more than 90 days behind the open one";

    ImportGap = "IMPORT_GAP", "the account has not taken the row before this one, or has taken others since";

    DateOutOfRange = "DATE_OUT_OF_RANGE", "the date is outside the years 1900 to 9999";
    DayAlreadyClosed = "DAY_ALREADY_CLOSED", "the day is the last one that was closed";
    DayOutOfOrder = "DAY_OUT_OF_ORDER", "a later day is closed already";
    WrongPartition = "WRONG_PARTITION", "the command is for another partition";

    FieldEmpty { field: &'static str } = "FIELD_EMPTY", "{field} is empty";
    FieldTooLong { field: &'static str, bytes_max: usize } = "FIELD_TOO_LONG", "{field} has more than {bytes_max} bytes";
    FieldMalformed { field: &'static str, expected: &'static str } = "FIELD_MALFORMED", "{field} is not {expected}";
}

impl From<MoneyError> for Rejection {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::NotANumber => Self::AmountNotANumber,
            MoneyError::TooManyDecimals => Self::AmountTooManyDecimals,
            MoneyError::Overflow => Self::AmountOverflow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_shout() {
        let mut codes = Rejection::CODES.to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Rejection::CODES.len());
        assert!(
            codes
                .iter()
                .all(|code| code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        );
    }

    #[test]
    fn a_refusal_says_what_is_wrong_without_saying_of_whom() {
        let refusal = Rejection::FieldTooLong {
            field: "details.reference",
            bytes_max: 64,
        };
        assert_eq!(refusal.to_string(), "details.reference has more than 64 bytes");
    }

    #[test]
    fn an_amount_is_refused_with_the_code_that_its_reader_gave() {
        for error in [
            MoneyError::NotANumber,
            MoneyError::TooManyDecimals,
            MoneyError::Overflow,
        ] {
            assert_eq!(Rejection::from(error).code(), error.code());
        }
    }
}
