//! The laundering service behind a real ledger, on the in-memory broker: it finds what the rules find over the same payments in
//! one process. The modules say `cfg(test)`, by which clippy knows that their helpers may unwrap.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod same_as_offline;
#[cfg(test)]
mod slow_amlsim;
#[cfg(test)]
#[path = "../watched/mod.rs"]
mod watched;
