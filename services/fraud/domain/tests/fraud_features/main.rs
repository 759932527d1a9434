//! Features and models from outside. The modules say `cfg(test)`, by which clippy knows that their helpers may unwrap.

#[cfg(test)]
mod customer;
#[cfg(test)]
mod model;
#[cfg(test)]
mod payee;
#[cfg(test)]
mod undo;
