//! The payments service

mod service;

pub use service::Payments;
