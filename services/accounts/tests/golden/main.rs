//! The golden log of the ledger: what finds out that its fold has changed.

#[cfg(test)]
mod log;
