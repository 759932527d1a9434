//! The golden logs of both hops and of the laundering service: what finds out that a fold has changed.

#[cfg(test)]
mod log;

#[cfg(test)]
mod laundering;
#[cfg(test)]
#[expect(dead_code, reason = "the other tests use more of it")]
#[path = "../two_hops/mod.rs"]
mod two_hops;
#[cfg(test)]
#[expect(dead_code, reason = "the other tests use more of it")]
#[path = "../watched/mod.rs"]
mod watched;
