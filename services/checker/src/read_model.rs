//! Where invariants 6 and 11 are checked: by whoever knows the read model or the report.

use crate::{
    check::LedgerCheck,
    violation::{Invariant, Violation},
};

/// Compares something that was derived from the log with the fold of the log.
///
/// Called at the end of a run, when the fold has read everything: [`LedgerCheck::next_offsets`] tells up to where. A read
/// model that stores other offsets can't be compared yet, which is for the implementor to wait for or to tell.
pub trait ReadModelCheck: Send {
    /// Which invariant it is about: [`Invariant::ReadModel`] or [`Invariant::ReportTotals`].
    fn invariant(&self) -> Invariant;

    /// Compares. An error means that the comparison could not be made, which is no verdict either way.
    fn compare(&mut self, fold: &LedgerCheck) -> Result<Compared, Box<dyn std::error::Error + Send + Sync>>;
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Rows or totals that were compared.
    pub compared: u64,
    pub violations: Vec<Violation>,
}

/// Lets each add its findings to the fold's.
pub(crate) fn compare_all(
    checks: &mut [Box<dyn ReadModelCheck>],
    fold: &mut LedgerCheck,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for check in checks {
        let compared = check.compare(fold)?;
        let found = fold.findings_mut();
        found.count_checked(check.invariant(), compared.compared);
        for violation in compared.violations {
            found.add(violation);
        }
    }
    Ok(())
}
