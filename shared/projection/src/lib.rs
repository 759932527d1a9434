//! Kafka to PostgreSQL, exactly once
