//! The checker is itself checked: honest logs have no violation, and every planted fault is found by the invariant
//! that it breaks.

#[cfg(test)]
mod bank;
#[cfg(test)]
#[path = "../broker/mod.rs"]
mod broker;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod honest;
#[cfg(test)]
mod kafka;
#[cfg(test)]
mod planted;
