//! Money back from a payment's creditor to its debtor. The original's refundable amount was claimed before it begins, and is
//! given back when the refund does not happen.

use tributary_saga::Saga;

use super::steps::{RELEASE, RESERVE, settle};

pub const REFUND: Saga = Saga {
    name: "refund",
    title: "A completed payment paid back, whole or in part",
    steps: &[RESERVE, settle(&["reserve"]), RELEASE],
};
