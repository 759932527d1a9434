//! An independent check of the bank's invariants over its logs
