use tributary_stream::log::Fault;

use crate::Offsets;

/// An event that can't be folded, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} at {topic}/{partition}, offset {offset}: {detail}")]
pub struct Poison {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Stable.
    pub code: &'static str,
    /// Says what is wrong without quoting the event, which may hold personal data.
    pub detail: String,
}

/// Why a projection stopped for good. Whatever goes away by itself is waited for instead.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// Everything before it is applied. Going on would make every later row wrong.
    #[error("the projection stopped at an event that it can't fold: {0}")]
    Poison(#[from] Poison),
    #[error("the events can't be read: {0}")]
    Log(Fault),
    #[error("the database refuses: {0}")]
    Database(#[source] sqlx::Error),
    /// An older program must not write into a newer model.
    #[error("schema {schema} holds version {found} of {model}, this program knows {known}")]
    ModelNewer {
        schema: String,
        model: &'static str,
        found: i32,
        known: i32,
    },
    /// The schema belongs to another read model.
    #[error("schema {schema} holds {found}, not {model}")]
    ModelOther {
        schema: String,
        model: &'static str,
        found: String,
    },
    /// Partition counts are fixed for a topic's life: it is another topic, or another cluster.
    #[error("offsets are stored for partitions {stored:?}, but {topic} has {found:?}")]
    PartitionsChanged {
        topic: String,
        stored: Offsets,
        found: Vec<i32>,
    },
    #[error("no thread can be started: {0}")]
    Thread(#[source] std::io::Error),
}

impl ProjectionError {
    /// Stable code, listed in `docs/read-models.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Poison(_) => "PROJECTION_POISON",
            Self::Log(_) => "PROJECTION_LOG_UNREADABLE",
            Self::Database(_) => "PROJECTION_DATABASE_REFUSED",
            Self::ModelNewer { .. } => "PROJECTION_MODEL_NEWER",
            Self::ModelOther { .. } => "PROJECTION_MODEL_OTHER",
            Self::PartitionsChanged { .. } => "PROJECTION_PARTITIONS_CHANGED",
            Self::Thread(_) => "PROJECTION_NO_THREAD",
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_is_documented() {
        let page = include_str!("../../../docs/read-models.md");
        let texts = include_str!("error.rs").split('"');
        let codes: Vec<&str> = texts
            .filter(|text| text.len() > 11 && text.starts_with("PROJECTION_"))
            .collect();
        assert!(codes.len() >= 7, "{codes:?}");
        for code in codes {
            assert!(page.contains(&format!("| `{code}` |")), "{code}");
        }
    }
}
