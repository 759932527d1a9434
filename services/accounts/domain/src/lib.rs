//! The ledger's decisions: pure functions, no I/O
