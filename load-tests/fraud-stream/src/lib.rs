//! Labelled transactions of a file through the running fraud services, and what came of them.
//!
//! A file is years old, and its event time goes by as fast as the services decide. So the feeder keeps to a bound: no payment
//! is sent before all that are older by more than that have been decided ([`Window`]). Within it, whatever partition runs ahead
//! of the others, every payment is counted at its own time, and the features are those of a batch over the same file
//! (`docs/decisions/0039-a-bound-on-skew.md`).

mod feed;
mod records;
mod seen;
mod window;

pub use feed::{Feed, FeedError, Now, stream};
pub use seen::{Labels, Seen};
pub use window::{BOUND_S, Window};
