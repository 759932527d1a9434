//! Payments through the whole bank on a real Kafka and PostgreSQL.

#[cfg(test)]
mod bank;
#[cfg(test)]
mod fraud;
#[cfg(test)]
mod payments;
#[cfg(test)]
mod slow_load;
