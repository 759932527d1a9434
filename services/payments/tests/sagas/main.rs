//! Every saga of the service on the real ledger and fraud service, without log and threads: every step fails, is answered
//! twice, late or never, in every order. Each module says `cfg(test)`, by which clippy knows that its helpers may unwrap.

#[cfg(test)]
mod bank;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod diagrams;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod payments;
#[cfg(test)]
mod read_model;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod schedule;
#[cfg(test)]
#[path = "../services/mod.rs"]
mod services;
