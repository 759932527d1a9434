//! The ledger service

pub mod projection;
mod service;

pub use service::Accounts;
