//! The payments' part of the checker is itself checked: an honest payment has no violation, and each planted fault is
//! found by the invariant that it breaks.

#[cfg(test)]
mod alarms;
#[cfg(test)]
#[path = "../broker/mod.rs"]
mod broker;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod kafka;
#[cfg(test)]
mod log;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod planted_alerts;
#[cfg(test)]
mod planted_orders;
#[cfg(test)]
mod planted_transfers;
