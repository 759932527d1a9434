use std::collections::BTreeSet;

const DOCUMENTATION: &str = include_str!("../../../../docs/invariants.md");

/// What the fold is made of.
const SOURCES: [&str; 17] = [
    include_str!("../../src/alarm.rs"),
    include_str!("../../src/bank.rs"),
    include_str!("../../src/check/accounts.rs"),
    include_str!("../../src/check/effects.rs"),
    include_str!("../../src/check/entries.rs"),
    include_str!("../../src/check/holds.rs"),
    include_str!("../../src/check/mod.rs"),
    include_str!("../../src/check/transit.rs"),
    include_str!("../../src/flow/commands.rs"),
    include_str!("../../src/flow/dead_letters.rs"),
    include_str!("../../src/flow/inbox.rs"),
    include_str!("../../src/flow/mod.rs"),
    include_str!("../../src/fraud.rs"),
    include_str!("../../src/fraud/versions.rs"),
    include_str!("../../src/laundering.rs"),
    include_str!("../../src/laundering/transfers.rs"),
    PAYMENTS,
];

const PAYMENTS: &str = concat!(
    include_str!("../../src/payments/effects.rs"),
    include_str!("../../src/payments/mod.rs"),
    include_str!("../../src/payments/orders.rs"),
    include_str!("../../src/payments/payment.rs"),
);

/// Codes of events that the fold reads, not of violations.
const OF_THE_LEDGER: [&str; 8] = [
    "ACCOUNT_EXISTS",
    "ACCOUNT_NOT_BLOCKED",
    "LIMIT_UNCHANGED",
    "HOLD_EXISTS",
    "HOLD_UNCHANGED",
    "HOLD_ALREADY_RELEASED",
    "PAYMENT_EXISTS",
    "ROW_IMPORTED_BEFORE",
];

fn codes_between(text: &str, quote: char) -> impl Iterator<Item = &str> {
    text.split(quote).filter(|part| {
        part.contains('_') && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    })
}

#[test]
fn every_code_is_documented_and_nothing_else_is() {
    let written: BTreeSet<&str> = SOURCES
        .into_iter()
        .flat_map(|source| codes_between(source, '"'))
        .filter(|code| !OF_THE_LEDGER.contains(code))
        .collect();
    let rows = DOCUMENTATION.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<&str> = rows.filter_map(|row| codes_between(row, '`').next()).collect();
    assert_eq!(written, documented);
}
