use tributary_money::MoneyError;

/// Why a command is refused. It had no effect. The text names fields and rules, never values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("there is no such payment that is remembered")]
    PaymentUnknown,
    #[error("the payment is known with other terms")]
    PaymentConflict,
    #[error("debtor and creditor are the same account")]
    TransferToSelf,
    #[error("the amount is not a decimal number")]
    AmountNotANumber,
    #[error("the amount has more decimals than the currency's minor unit")]
    AmountTooManyDecimals,
    #[error("the amount is outside what 64 bits of minor units hold")]
    AmountOverflow,
    #[error("the amount is not above zero")]
    AmountNotPositive,
    #[error("the currency is not the payment's")]
    CurrencyMismatch,
    #[error("the payment does not wait for a review")]
    ReviewNotAwaited,
    #[error("what is approved is no confirmed fraud")]
    ReviewContradictory,
    #[error("the payment is not quarantined")]
    NotQuarantined,
    #[error("the payment was not completed, so there is nothing to refund")]
    NotCompleted,
    #[error("less of the payment is left to refund")]
    RefundExceedsPayment,
    #[error("a refund is not refunded")]
    RefundOfRefund,
    #[error("the payment has begun, so there is nothing to cancel")]
    NotScheduled,
    #[error("the currency has no business-day calendar")]
    CalendarUnknown,
    #[error("the date has passed")]
    ExecutionDatePast,
    #[error("the date is further ahead than payments are scheduled")]
    ExecutionDateTooFar,
    #[error("the cut-off of its business day has passed")]
    CutOffPassed,
    #[error("the day of the month is not 1 to 31")]
    DayOfMonthInvalid,
    #[error("there is no such standing order that is remembered")]
    OrderUnknown,
    #[error("the standing order is known with other terms")]
    OrderConflict,
    #[error("the standing order would end before it pays")]
    OrderEmpty,
    #[error("the standing order has ended")]
    OrderEnded,
    #[error("the amendment changes nothing")]
    AmendmentEmpty,
    #[error("the payment's id is not that of the standing order's occurrence")]
    OccurrenceMismatch,
    #[error("{field} is empty")]
    FieldEmpty { field: &'static str },
    #[error("{field} has more than {bytes_max} bytes")]
    FieldTooLong { field: &'static str, bytes_max: usize },
    #[error("{field} is not sealed by a cipher that is known here")]
    FieldNotSealed { field: &'static str },
    #[error("{field} is sealed with the key of another than the payment's customer")]
    SealedForAnother { field: &'static str },
}

impl Rejection {
    /// Every code there is.
    pub const CODES: &'static [&'static str] = &[
        "PAYMENT_UNKNOWN",
        "PAYMENT_CONFLICT",
        "TRANSFER_TO_SELF",
        "AMOUNT_NOT_A_NUMBER",
        "AMOUNT_TOO_MANY_DECIMALS",
        "AMOUNT_OVERFLOW",
        "AMOUNT_NOT_POSITIVE",
        "CURRENCY_MISMATCH",
        "REVIEW_NOT_AWAITED",
        "REVIEW_CONTRADICTORY",
        "NOT_QUARANTINED",
        "NOT_COMPLETED",
        "REFUND_EXCEEDS_PAYMENT",
        "REFUND_OF_REFUND",
        "NOT_SCHEDULED",
        "CALENDAR_UNKNOWN",
        "EXECUTION_DATE_PAST",
        "EXECUTION_DATE_TOO_FAR",
        "CUT_OFF_PASSED",
        "DAY_OF_MONTH_INVALID",
        "ORDER_UNKNOWN",
        "ORDER_CONFLICT",
        "ORDER_EMPTY",
        "ORDER_ENDED",
        "AMENDMENT_EMPTY",
        "OCCURRENCE_MISMATCH",
        "FIELD_EMPTY",
        "FIELD_TOO_LONG",
        "FIELD_NOT_SEALED",
        "SEALED_FOR_ANOTHER",
    ];

    /// Stable code, for programs; `docs/errors.md` has an entry for each.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PaymentUnknown => "PAYMENT_UNKNOWN",
            Self::PaymentConflict => "PAYMENT_CONFLICT",
            Self::TransferToSelf => "TRANSFER_TO_SELF",
            Self::AmountNotANumber => "AMOUNT_NOT_A_NUMBER",
            Self::AmountTooManyDecimals => "AMOUNT_TOO_MANY_DECIMALS",
            Self::AmountOverflow => "AMOUNT_OVERFLOW",
            Self::AmountNotPositive => "AMOUNT_NOT_POSITIVE",
            Self::CurrencyMismatch => "CURRENCY_MISMATCH",
            Self::ReviewNotAwaited => "REVIEW_NOT_AWAITED",
            Self::ReviewContradictory => "REVIEW_CONTRADICTORY",
            Self::NotQuarantined => "NOT_QUARANTINED",
            Self::NotCompleted => "NOT_COMPLETED",
            Self::RefundExceedsPayment => "REFUND_EXCEEDS_PAYMENT",
            Self::RefundOfRefund => "REFUND_OF_REFUND",
            Self::NotScheduled => "NOT_SCHEDULED",
            Self::CalendarUnknown => "CALENDAR_UNKNOWN",
            Self::ExecutionDatePast => "EXECUTION_DATE_PAST",
            Self::ExecutionDateTooFar => "EXECUTION_DATE_TOO_FAR",
            Self::CutOffPassed => "CUT_OFF_PASSED",
            Self::DayOfMonthInvalid => "DAY_OF_MONTH_INVALID",
            Self::OrderUnknown => "ORDER_UNKNOWN",
            Self::OrderConflict => "ORDER_CONFLICT",
            Self::OrderEmpty => "ORDER_EMPTY",
            Self::OrderEnded => "ORDER_ENDED",
            Self::AmendmentEmpty => "AMENDMENT_EMPTY",
            Self::OccurrenceMismatch => "OCCURRENCE_MISMATCH",
            Self::FieldEmpty { .. } => "FIELD_EMPTY",
            Self::FieldTooLong { .. } => "FIELD_TOO_LONG",
            Self::FieldNotSealed { .. } => "FIELD_NOT_SEALED",
            Self::SealedForAnother { .. } => "SEALED_FOR_ANOTHER",
        }
    }
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
