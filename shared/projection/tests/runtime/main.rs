//! The runtime against a real PostgreSQL.

#[cfg(test)]
mod exactly_once;
#[cfg(test)]
mod rebuild;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod support;
