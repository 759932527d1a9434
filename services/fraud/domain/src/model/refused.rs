/// Why an artefact is no model that this build can score with. The model before it stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelRefused {
    #[error("the artefact is larger than {} bytes", super::artefact::ARTEFACT_BYTES_MAX)]
    TooLarge,
    #[error("the artefact is not a model's JSON: line {line}, column {column}")]
    Malformed { line: usize, column: usize },
    #[error("the artefact is of format {0}, this build reads {format}", format = super::FORMAT)]
    UnsupportedFormat(u32),
    #[error("the content's hash is not the one that the artefact names")]
    HashMismatch,
    #[error("feature {0} is not known to this build")]
    UnknownFeature(usize),
    #[error("the model wants version {wanted} of feature {name}, this build has {found}")]
    FeatureVersion {
        name: &'static str,
        wanted: u32,
        found: u32,
    },
    #[error("feature {0} is named twice")]
    FeatureTwice(&'static str),
    #[error("{0}")]
    Shape(&'static str),
    #[error("a number of the model is not finite, or a deviation not above zero")]
    BadNumber,
    #[error("tree {0} is no tree")]
    BrokenTree(usize),
}

impl ModelRefused {
    /// Stable code, listed in `docs/fraud.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "MODEL_TOO_LARGE",
            Self::Malformed { .. } => "MODEL_MALFORMED",
            Self::UnsupportedFormat(_) => "MODEL_UNSUPPORTED_FORMAT",
            Self::HashMismatch => "MODEL_HASH_MISMATCH",
            Self::UnknownFeature(_) => "MODEL_UNKNOWN_FEATURE",
            Self::FeatureVersion { .. } => "MODEL_FEATURE_VERSION",
            Self::FeatureTwice(_) => "MODEL_FEATURE_TWICE",
            Self::Shape(_) => "MODEL_SHAPE",
            Self::BadNumber => "MODEL_BAD_NUMBER",
            Self::BrokenTree(_) => "MODEL_BROKEN_TREE",
        }
    }
}
