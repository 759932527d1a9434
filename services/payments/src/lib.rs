//! The payments service: the sagas of `tributary-payments-domain` on the stream runtime, and its read model.

pub mod projection;
mod service;

pub use service::Payments;
