//! Identifiers as distinct types, derived by UUIDv5
