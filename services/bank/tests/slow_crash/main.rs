//! Crashes on a real broker, under load: what is killed, when and in which order comes from a seed that is printed.
//!
//! Each round kills something at a random moment and starts it again, and prints how long it took until events flowed
//! again. At the end the load stops, everything drains, and then nothing may be lost, nothing doubled, and every
//! invariant must hold. Each kind is run with the seeds 1 and 2, or with `TRIBUTARY_CRASH_SEED` alone, and
//! `TRIBUTARY_CRASH_ROUNDS` (1) rounds of each.

#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod clients;
mod ended;
mod figures;
mod fraud;
mod load;
mod observer;
mod payments;
mod pulse;
mod read_model;
mod rig;
mod rounds;
mod verdict;
