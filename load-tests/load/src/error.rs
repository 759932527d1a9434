use tributary_stream::log::Fault;

/// Why a load could not be run or measured.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the log: {0}")]
    Log(#[from] Fault),
    #[error("the read model: {0}")]
    Database(#[from] sqlx::Error),
    #[error("no runtime or thread: {0}")]
    System(#[from] std::io::Error),
    #[error("account {number} was not opened: {code}")]
    NotOpened { number: u32, code: String },
    #[error("{0} accounts were not opened within {1} s")]
    OpeningTooSlow(usize, u64),
    #[error("Zipf's exponent must be a number of at least 0, and there must be two accounts at least")]
    Population,
    #[error("a rate must be above 0, and a measured time a second at least")]
    Schedule,
    #[error("a thread of the load panicked")]
    Panicked,
    #[error("processes can't be looked at: {0}")]
    Machine(String),
    #[error("a plot: {0}")]
    Plot(#[from] tributary_plots::PlotError),
}
