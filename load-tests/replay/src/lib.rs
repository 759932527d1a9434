//! Replay of a history through the ledger, and its reconciliation
