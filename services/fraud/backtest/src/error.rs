use std::path::PathBuf;

use tributary_contracts::fraud::Version;
use tributary_plots::PlotError;

/// Why there is no back-test.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{path}:{line}: {what}")]
    BadEvent { path: PathBuf, line: u64, what: String },
    #[error("no decision on a payment stands in the log between these days")]
    NothingDecided,
    #[error("the period ends before it begins")]
    BadPeriod,
    #[error("a rule looks at `{0}`, which a recorded decision doesn't name")]
    FactNotRecorded(&'static str),
    #[error("{} ({}), by which payments were decided, doesn't stand in the log, or this build refuses it", .0.name, .0.hash)]
    VersionUnknown(Version),
    #[error("a plot: {0}")]
    Plot(#[from] PlotError),
}

impl BacktestError {
    /// Stable code, listed in `docs/backtest.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "BACKTEST_IO",
            Self::BadEvent { .. } => "BACKTEST_BAD_EVENT",
            Self::NothingDecided => "BACKTEST_NOTHING_DECIDED",
            Self::BadPeriod => "BACKTEST_BAD_PERIOD",
            Self::FactNotRecorded(_) => "BACKTEST_FACT_NOT_RECORDED",
            Self::VersionUnknown(_) => "BACKTEST_VERSION_UNKNOWN",
            Self::Plot(_) => "BACKTEST_PLOT",
        }
    }
}
