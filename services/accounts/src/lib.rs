//! The ledger service
