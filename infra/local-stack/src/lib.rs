//! A real Kafka and PostgreSQL as child processes
