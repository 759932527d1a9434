//! Every stable code of the services and their runtime has an entry in `docs/errors.md`, and every entry a code. The module
//! says `cfg(test)`, by which clippy knows that its helpers may unwrap as well.

#[cfg(test)]
mod page;
