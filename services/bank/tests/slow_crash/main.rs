//! Crashes on a real broker, under load: what is killed, when and in which order comes from a seed that is printed.
//!
//! Each round kills something at a random moment and starts it again, and prints how long it took until events flowed
//! again. At the end the load stops, everything drains, and then nothing may be lost, nothing doubled, and every
//! invariant must hold. `TRIBUTARY_CRASH_ROUNDS` sets the rounds of each kind (2), `TRIBUTARY_CRASH_SEED` the first
//! seed.

#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod load;
mod observer;
mod payments;
mod read_model;
mod rig;
mod rounds;
mod verdict;
