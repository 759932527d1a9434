/// Longest part of a registry's own message that is passed on, in characters.
const MESSAGE_MAX: usize = 500;

/// Why schemas could not be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("{}: the schema registry's URL can't be read: {why}", self.code())]
    UrlMalformed { why: String },
    #[error("{}: this build reaches schema registries by http only; build it with `--features cloud`", self.code())]
    TlsNotBuilt,
    #[error("{}: the schema registry at {address} can't be reached: {why}", self.code())]
    Unreachable { address: String, why: String },
    #[error(
        "{}: the schema registry at {address} answers {status}: it doesn't know the user, or doesn't let them register",
        self.code()
    )]
    Unauthorised { address: String, status: u16 },
    #[error(
        "{}: {subject} can't be read as its registered version any more, says the schema registry at {address}: {message}",
        self.code()
    )]
    Incompatible {
        address: String,
        subject: String,
        message: String,
    },
    #[error(
        "{}: the schema registry at {address} takes no {subject} (status {status}, its code {error_code}): {message}",
        self.code()
    )]
    Refused {
        address: String,
        subject: String,
        status: u16,
        error_code: i64,
        message: String,
    },
    #[error(
        "{}: the schema registry at {address} failed at {subject} (status {status}, its code {error_code}): {message}",
        self.code()
    )]
    Failed {
        address: String,
        subject: String,
        status: u16,
        error_code: i64,
        message: String,
    },
    #[error("{}: what answers at {address} to {subject} is no schema registry", self.code())]
    AnswerMalformed { address: String, subject: String },
}

impl RegistryError {
    /// Stable, listed in `docs/schema-registry.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UrlMalformed { .. } => "REGISTRY_URL_MALFORMED",
            Self::TlsNotBuilt => "REGISTRY_TLS_NOT_BUILT",
            Self::Unreachable { .. } => "REGISTRY_UNREACHABLE",
            Self::Unauthorised { .. } => "REGISTRY_UNAUTHORISED",
            Self::Incompatible { .. } => "REGISTRY_SCHEMA_INCOMPATIBLE",
            Self::Refused { .. } => "REGISTRY_REFUSED",
            Self::Failed { .. } => "REGISTRY_FAILED",
            Self::AnswerMalformed { .. } => "REGISTRY_ANSWER_MALFORMED",
        }
    }

    /// Whether another schema may fare better.
    pub(crate) fn is_about_one_schema(&self) -> bool {
        matches!(self, Self::Incompatible { .. } | Self::Refused { .. })
    }

    pub(crate) fn of_status(
        address: &str,
        subject: &str,
        status: u16,
        error_code: i64,
        message: &str,
    ) -> Self {
        let (address, subject) = (address.to_owned(), subject.to_owned());
        // Somebody else's text, on a terminal.
        let message: String = message
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(MESSAGE_MAX)
            .collect();
        match status {
            401 | 403 => Self::Unauthorised { address, status },
            409 => Self::Incompatible {
                address,
                subject,
                message,
            },
            400 | 404..=499 => Self::Refused {
                address,
                subject,
                status,
                error_code,
                message,
            },
            _ => Self::Failed {
                address,
                subject,
                status,
                error_code,
                message,
            },
        }
    }
}
