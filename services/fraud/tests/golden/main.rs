//! The golden log of the fraud service: what finds out that its fold has changed.

#[cfg(test)]
mod log;
