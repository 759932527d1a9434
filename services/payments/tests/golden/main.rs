//! The golden log of the payments service: what finds out that its fold has changed.

#[cfg(test)]
mod log;
#[cfg(test)]
#[path = "../services/mod.rs"]
mod services;
