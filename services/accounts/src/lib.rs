//! The ledger service

mod service;

pub use service::Accounts;
