use smol_str::SmolStr;

use super::{EXPRESSION_BYTES_MAX, FORMAT, RULES_BYTES_MAX, RULES_MAX};

/// Why a set of rules is none that payments can be decided by. The set before it stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesRefused {
    #[error("the set is larger than {RULES_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the set is not rules' JSON: line {line}, column {column}")]
    Malformed { line: usize, column: usize },
    #[error("the set is of format {0}, this build reads {FORMAT}")]
    UnsupportedFormat(u32),
    #[error("{0} can't be called so")]
    BadName(&'static str),
    #[error("{0} is the name of two")]
    NameTwice(SmolStr),
    #[error("the set has more than {RULES_MAX} rules")]
    TooMany,
    #[error("thresholds lie between 0 and 1, and that of a review is not above that of a decline")]
    BadThreshold,
    #[error("the expression of {0} is longer than {EXPRESSION_BYTES_MAX} bytes")]
    ExpressionTooLong(SmolStr),
    #[error("the expression of {0} is no CEL expression")]
    ExpressionInvalid(SmolStr),
    #[error("the expression of {rule} looks at {what}, which is neither a fact nor a list of the set")]
    UnknownVariable { rule: SmolStr, what: SmolStr },
    #[error("the expression of {rule} uses {what}, which rules may not")]
    NotAllowed { rule: SmolStr, what: SmolStr },
    #[error("the expression of {0} gave no yes or no when it was tried")]
    DryRunFailed(SmolStr),
}

impl RulesRefused {
    /// Stable code, listed in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "RULES_TOO_LARGE",
            Self::Malformed { .. } => "RULES_MALFORMED",
            Self::UnsupportedFormat(_) => "RULES_UNSUPPORTED_FORMAT",
            Self::BadName(_) => "RULES_BAD_NAME",
            Self::NameTwice(_) => "RULES_NAME_TWICE",
            Self::TooMany => "RULES_TOO_MANY",
            Self::BadThreshold => "RULES_BAD_THRESHOLD",
            Self::ExpressionTooLong(_) => "RULES_EXPRESSION_TOO_LONG",
            Self::ExpressionInvalid(_) => "RULES_EXPRESSION_INVALID",
            Self::UnknownVariable { .. } => "RULES_UNKNOWN_VARIABLE",
            Self::NotAllowed { .. } => "RULES_NOT_ALLOWED",
            Self::DryRunFailed(_) => "RULES_DRY_RUN_FAILED",
        }
    }
}
