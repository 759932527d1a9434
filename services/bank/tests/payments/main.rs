//! Payments through the whole bank on a real Kafka and PostgreSQL.

#[cfg(test)]
mod bank;
#[cfg(test)]
mod load;
#[cfg(test)]
mod payments;
