//! Why the service refuses a command, besides what the domain and the rules refuse.

use tributary_stream::service::Refusal;

macro_rules! refusals {
    ($($name:ident = $code:literal, $detail:literal;)+) => {
        /// Codes of the service's own refusals.
        pub const CODES: &[&str] = &[$($code),+];

        $(pub(crate) fn $name() -> Refusal {
            Refusal {
                code: $code,
                detail: $detail.to_owned(),
            }
        })+
    };
}

refusals! {
    time_ahead = "FRAUD_TIME_AHEAD", "the payment's time lies ahead of the record's by more than an hour";
    payment_differs = "FRAUD_PAYMENT_DIFFERS", "another payment of this id was assessed before";
    decision_unknown = "FRAUD_DECISION_UNKNOWN", "no decision on this payment is remembered";
    version_unknown = "FRAUD_VERSION_UNKNOWN", "rules or model that the payment was fixed to are not known here";
    versions_missing = "FRAUD_VERSIONS_MISSING", "neither rules nor a model are named";
    label_twice = "FRAUD_LABEL_TWICE", "the payment was labelled before";
    partition_differs = "WRONG_PARTITION", "the command is for another partition";
}

/// As the domain or the rules give it: their texts hold nothing of the payment.
pub(crate) fn refused(code: &'static str, error: &dyn std::fmt::Display) -> Refusal {
    Refusal {
        code,
        detail: error.to_string(),
    }
}
