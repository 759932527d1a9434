//! The checker is itself checked: honest logs have no violation, and every planted fault is found by the invariant
//! that it breaks.

mod bank;
mod honest;
mod planted;
