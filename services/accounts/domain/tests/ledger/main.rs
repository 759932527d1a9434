//! Every command and every refusal of the ledger, as given / when / then, and what holds whatever happens.
//!
//! Each module says `cfg(test)`, by which clippy knows that its helpers may unwrap as well.

#[cfg(test)]
mod account_life;
#[cfg(test)]
mod corrupt_log;
#[cfg(test)]
mod days;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod postings;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod random;
#[cfg(test)]
mod reversals;
#[cfg(test)]
mod timers;
#[cfg(test)]
mod transfers;
