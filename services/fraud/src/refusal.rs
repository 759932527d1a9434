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
    versions_outdated = "FRAUD_VERSIONS_OUTDATED", "the partition has adopted this change or a later one before";
    approval_missing = "FRAUD_APPROVAL_MISSING", "what decides on payments is changed by two people, and neither is named";
    same_person = "FRAUD_SAME_PERSON", "whoever proposes can't approve";
    name_malformed = "FRAUD_NAME_MALFORMED", "a user name has 1 to 64 lower-case letters, digits, dots, hyphens and underscores";
    version_malformed = "FRAUD_VERSION_MALFORMED", "a version has a name of 1 to 64 bytes and a hash of 64 hexadecimal digits";
    proposal_unknown = "FRAUD_PROPOSAL_UNKNOWN", "no proposal of this id is remembered";
    proposal_twice = "FRAUD_PROPOSAL_TWICE", "another proposal has this id";
    proposal_expired = "FRAUD_PROPOSAL_EXPIRED", "the proposal has waited for too long";
    proposal_decided = "FRAUD_PROPOSAL_DECIDED", "the proposal was approved or rejected before";
    proposal_differs = "FRAUD_PROPOSAL_DIFFERS", "what was looked at is not what was proposed";
    challengers_full = "FRAUD_CHALLENGERS_FULL", "as many challengers as there may be score already";
    challenger_twice = "FRAUD_CHALLENGER_TWICE", "the model is champion or challenger already";
    challenger_unknown = "FRAUD_CHALLENGER_UNKNOWN", "no challenger has this hash";
    label_twice = "FRAUD_LABEL_TWICE", "the payment was labelled before";
    label_missing = "FRAUD_LABEL_MISSING", "the payment bears no label that could be taken back";
    probe_malformed = "LAUNDERING_PROBE_MALFORMED", "the path is no way from account to account that leads here, as long as a cycle may be, or has too much to spend";
    cycle_malformed = "LAUNDERING_CYCLE_MALFORMED", "the payments are no cycle of so many accounts whose lowest is the one that is told";
    partition_differs = "WRONG_PARTITION", "the command is for another partition";
}

/// As the domain or the rules give it: their texts hold nothing of the payment.
pub(crate) fn refused(code: &'static str, error: &dyn std::fmt::Display) -> Refusal {
    Refusal {
        code,
        detail: error.to_string(),
    }
}
