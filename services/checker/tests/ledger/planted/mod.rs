//! Planted faults: an honest log with one thing wrong, which the right invariant must tell.

mod commands;
mod holds;
mod money;
mod records;

use tributary_checker::{Cut, Findings};
use tributary_ids::AccountId;

use crate::bank::Bank;

/// A bank with an account of 100.00 in each partition, and one more in the first.
fn bank() -> (Bank, AccountId, AccountId, AccountId) {
    let mut bank = Bank::default();
    let near = bank.open(0, 10_000);
    let far = bank.open(1, 10_000);
    let other = bank.open(0, 10_000);
    (bank, near, far, other)
}

/// Invariant and code of each violation.
fn told(findings: &Findings) -> Vec<(u8, &'static str)> {
    let violations = findings.violations().iter();
    violations
        .map(|violation| (violation.invariant.number(), violation.code))
        .collect()
}

#[track_caller]
fn tells(bank: &Bank, invariant: u8, code: &str) {
    tells_at(bank, &bank.cut(), invariant, code);
}

#[track_caller]
fn tells_at(bank: &Bank, cut: &Cut, invariant: u8, code: &str) {
    let findings = bank.check_in_order(|_| 0, cut);
    assert!(
        findings
            .violations()
            .iter()
            .any(|found| found.invariant.number() == invariant && found.code == code),
        "{invariant} {code} is not among {:#?}",
        findings.violations()
    );
    // Read in another order, the same is found.
    let mut turn = 0;
    let other = bank.check_in_order(
        |logs| {
            turn += 1;
            logs - 1 - turn % logs
        },
        cut,
    );
    assert!(
        told(&other).contains(&told(&findings)[0]),
        "{:#?}",
        other.violations()
    );
}

/// Only that is told: the fault has one name.
#[track_caller]
fn tells_only(bank: &Bank, invariant: u8, code: &str) {
    assert_eq!(
        told(&bank.check()),
        [(invariant, code)],
        "{:#?}",
        bank.check().violations()
    );
}

#[test]
fn without_a_fault_nothing_is_told() {
    let (mut bank, near, far, _) = bank();
    bank.transfer(near, far, 500).unwrap();
    bank.transfer_refused(near, far, 500).unwrap();
    assert_eq!(told(&bank.check()), []);
}
