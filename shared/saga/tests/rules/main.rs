//! The engine's rules. The module says `cfg(test)`, by which clippy knows that its helpers may unwrap as well.

#[cfg(test)]
mod engine;
