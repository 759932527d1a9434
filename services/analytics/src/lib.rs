//! Read models across services.

pub mod timeline;
