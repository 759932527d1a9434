//! The gateway's hands and eyes on the log: commands go in, events come by.

mod lag;
mod sender;
mod tail;
mod waiters;

pub(crate) use lag::Lag;
pub(crate) use sender::{SendError, Sender};
pub(crate) use tail::{Seen, Tail, TailThread};
pub(crate) use waiters::{Waiters, Waiting};
