//! `bank fraud` as a person runs it. The module says `cfg(test)`, by which clippy knows that its helpers may unwrap.

#[cfg(test)]
mod evaluate;
#[cfg(test)]
mod launder;
