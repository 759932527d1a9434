//! Exactly-once stream runtime on rdkafka, and its in-memory twin
