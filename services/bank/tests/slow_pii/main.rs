//! Personal data never stands anywhere in the open: a canary goes through the whole bank, and is searched for in every topic,
//! table, snapshot, log and trace, and in the files of PostgreSQL.

#[cfg(test)]
mod canary;
#[cfg(test)]
mod client;
#[cfg(test)]
mod later;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod search;
