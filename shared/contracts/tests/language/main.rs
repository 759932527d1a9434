//! The published language, as others see it: encoding, schemas, what may change, topics.
//!
//! Each module says `cfg(test)`, by which clippy knows that its helpers may unwrap as well.

#[cfg(test)]
mod codec;
#[cfg(test)]
mod compatibility;
#[cfg(test)]
mod json;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod topics;
