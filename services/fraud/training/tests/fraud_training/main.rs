//! Reading, features, training and measure. The modules say `cfg(test)`, by which clippy knows that their helpers may unwrap.

#[cfg(test)]
mod amlsim;
#[cfg(test)]
mod boosted;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod features;
#[cfg(test)]
mod forest;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod support;
