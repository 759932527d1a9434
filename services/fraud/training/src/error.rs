use tributary_fraud_domain::{PaymentRefused, model::ModelRefused};

use crate::protocol::ProtocolError;

/// Why there is no model, or no measure of one.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("a transaction can't be looked at: {0}")]
    Payment(#[from] PaymentRefused),
    #[error("the trained model would be refused: {0}")]
    Model(#[from] ModelRefused),
    #[error("the logistic regression can't be fitted: {0}")]
    Logistic(#[from] linfa_logistic::error::Error),
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
    #[error("{0}")]
    Parameter(&'static str),
}

impl TrainingError {
    /// Stable code, listed in `docs/fraud.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protocol(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Model(error) => error.code(),
            Self::Logistic(_) | Self::Linfa(_) => "TRAINING_FAILED",
            Self::Parameter(_) => "TRAINING_BAD_PARAMETER",
        }
    }
}
