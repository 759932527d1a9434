//! The HTTP API of a whole bank on a real Kafka and PostgreSQL.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bank;
#[cfg(test)]
mod events;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod payments;
mod remittance;
#[cfg(test)]
mod schedule;
