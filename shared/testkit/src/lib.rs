//! Given/when/then for aggregates, and a Kafka and PostgreSQL for tests
