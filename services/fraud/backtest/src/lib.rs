//! What another model or other rules would have done: the decisions that stand in the log are made again, from the features that
//! were recorded with them, and both are held against the frauds that are known by now. `docs/backtest.md` is the guide.

mod compare;
mod error;
mod events;
mod figures;
mod html;
mod log;
mod sweep;
mod text;

pub use compare::{Candidate, Compared, Period, SelfCheck, compare};
pub use error::BacktestError;
pub use events::{EventLines, write_line};
pub use figures::{Amounts, Changed, Day, Figures, Group, Named, Side, Swap};
pub use html::page;
pub use log::Log;
pub use sweep::{Bin, Step, Sweep};
