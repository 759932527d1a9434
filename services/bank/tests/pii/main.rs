//! Personal data never stands anywhere in the open: a canary goes through the whole bank, and is searched for in every topic,
//! table, snapshot, log and trace, and in the files of PostgreSQL.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

#[cfg(test)]
mod canary;
#[cfg(test)]
mod client;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod search;
