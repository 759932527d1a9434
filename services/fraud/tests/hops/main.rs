//! Payments through both hops: what is decided, by which versions, from which features.

#[cfg(test)]
mod activation;
#[cfg(test)]
mod backtest;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod challengers;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod features;
#[cfg(test)]
mod four_eyes;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod retail;
#[cfg(test)]
mod skew;

#[cfg(test)]
#[path = "../two_hops/mod.rs"]
mod two_hops;
