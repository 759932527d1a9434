//! What passes and what doesn't.

use sqlx::postgres::PgDatabaseError;
use tributary_stream::log::{Fault, FaultKind};

use crate::{ApplyError, Poison, ProjectionError, StreamEnd};

/// What ended a session.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Goes away: try again with everything read anew.
    Passing(String),
    Lasting(ProjectionError),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        match passes(&error) {
            true => Self::Passing(error.to_string()),
            false => Self::Lasting(ProjectionError::Database(error)),
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault.kind {
            FaultKind::Transient => Self::Passing(fault.message),
            FaultKind::DataGone | FaultKind::Fatal => Self::Lasting(ProjectionError::Log(fault)),
        }
    }
}

impl From<StreamEnd> for Trouble {
    fn from(end: StreamEnd) -> Self {
        match end {
            StreamEnd::Fault(fault) => fault.into(),
            StreamEnd::Poison(poison) => poison.into(),
        }
    }
}

impl From<Poison> for Trouble {
    fn from(poison: Poison) -> Self {
        Self::Lasting(ProjectionError::Poison(poison))
    }
}

impl From<ProjectionError> for Trouble {
    fn from(error: ProjectionError) -> Self {
        Self::Lasting(error)
    }
}

impl Trouble {
    /// Of a read model, in a topic.
    pub(crate) fn of_apply(error: ApplyError, topic: &str) -> Self {
        match error {
            ApplyError::Database(error) => error.into(),
            ApplyError::Corrupt {
                partition,
                offset,
                code,
                detail,
            } => Poison {
                topic: topic.to_owned(),
                partition,
                offset,
                code,
                detail,
            }
            .into(),
        }
    }
}

/// Whether the same may succeed later: the server is away, restarts, is full, or chose us in a deadlock. Missing
/// tables count too, since a database that was emptied is filled again from offset 0.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => {
            let state = database
                .try_downcast_ref::<PgDatabaseError>()
                .map(PgDatabaseError::code);
            state.is_some_and(|state| passes_by_itself(state) || is_missing(state))
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// By SQLSTATE: classes 08 connection, 40 rollback, 53 resources, 57 operator intervention; 55P03 lock time-out; 25006
/// read-only (a standby before its promotion); 3D000 the database isn't there (yet).
fn passes_by_itself(state: &str) -> bool {
    ["08", "40", "53", "57"]
        .iter()
        .any(|class| state.starts_with(class))
        || ["55P03", "25006", "3D000"].contains(&state)
}

/// 42P01 no such table, 3F000 no such schema.
fn is_missing(state: &str) -> bool {
    ["42P01", "3F000"].contains(&state)
}
