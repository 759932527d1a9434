//! Each rule at its boundaries, and what holds for all of them. The modules say `cfg(test)`, by which clippy knows that
//! their helpers may unwrap.

#[cfg(test)]
mod cycle;
#[cfg(test)]
mod dormant;
#[cfg(test)]
mod fan_in;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod order;
#[cfg(test)]
mod payment;
#[cfg(test)]
mod structuring;
#[cfg(test)]
mod support;
