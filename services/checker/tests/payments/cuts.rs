//! Cuts of a log whose topics are not read equally far: while a cut is read to its end, what came later is read along.

use tributary_checker::BankCheck;

use crate::log::{Log, PARTITIONS};

fn is_ledger(topic: &str) -> bool {
    topic.starts_with("accounts.")
}

/// A cut begins when the payment has changed, and payments is read on to its end before the ledger is.
fn cut_in_the_middle(log: &Log) -> BankCheck {
    let mut check = BankCheck::new(PARTITIONS);
    let before = Log::approved().records.len();
    log.read(&mut check, 0..before, |_| true);
    check.begin_cut();
    log.read(&mut check, before..log.records.len(), |topic| !is_ledger(topic));
    check.end_cut(&log.cut(false, None));
    check
}

#[test]
fn what_a_cut_has_read_of_one_service_only_is_judged_by_the_next() {
    let log = Log::completed();
    let mut check = cut_in_the_middle(&log);
    assert_eq!(check.findings().violations(), []);
    let before = Log::approved().records.len();
    log.read(&mut check, before..log.records.len(), is_ledger);
    check.finish(&log.cut(true, None));
    assert_eq!(check.findings().violations(), []);
}

#[test]
fn what_is_not_explained_by_the_next_either_is_a_violation() {
    let log = Log::completed();
    let mut check = cut_in_the_middle(&log);
    check.begin_cut();
    check.end_cut(&log.cut(false, None));
    let codes: Vec<_> = check
        .findings()
        .violations()
        .iter()
        .map(|found| found.code)
        .collect();
    assert_eq!(codes, ["COMPLETED_WITHOUT_CREDIT"]);
}
