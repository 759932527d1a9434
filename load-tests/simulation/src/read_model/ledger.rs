//! The ledger's rows beside the checker's fold.

use std::collections::BTreeMap;

use tributary_accounts::projection::LedgerRows;
use tributary_checker::LedgerCheck;

use super::ReadModel;

/// What differs from the checker's fold, if both stand at the same offsets. `positions`: up to where that has read.
pub(crate) fn difference(
    model: &ReadModel<LedgerRows>,
    fold: &LedgerCheck,
    positions: &BTreeMap<i32, i64>,
) -> Option<String> {
    if let Some(why) = &model.stopped {
        return Some(format!("the projection has stopped: {why}"));
    }
    if !model.is_at(positions) {
        return None;
    }
    let rows: BTreeMap<_, _> = model.rows.accounts().collect();
    let mut known = 0;
    for (id, account) in fold.accounts() {
        known += 1;
        let Some(row) = rows.get(&id) else {
            return Some(format!("account {id} has no row"));
        };
        let same = i128::from(row.posted) == account.posted
            && i128::from(row.pending_out) == account.pending_out
            && i128::from(row.pending_in) == account.pending_in
            && row.overdraft_limit == account.overdraft_limit
            && u64::try_from(row.seq) == Ok(account.seq)
            && (row.block, row.closed) == (account.block, account.closed);
        if !same {
            return Some(format!("account {id}: the row is {row:?}, the fold {account:?}"));
        }
    }
    if known != rows.len() {
        return Some(format!(
            "{} rows of accounts, {known} accounts in the log",
            rows.len()
        ));
    }
    let (open, in_log) = (model.rows.holds_open(), fold.totals().holds_open);
    if open != in_log {
        return Some(format!("{open} holds are open in the rows, {in_log} in the log"));
    }
    let by_key = |general: &mut dyn Iterator<Item = (_, i32, _, i128)>| -> BTreeMap<_, i128> {
        general
            .filter(|(.., balance)| *balance != 0)
            .map(|(account, partition, currency, balance)| ((account, partition, currency), balance))
            .collect()
    };
    let of_rows = by_key(&mut model.rows.general_ledger());
    let of_log = by_key(
        &mut fold
            .general_ledger()
            .map(|(partition, account, currency, balance)| (account, partition, currency, balance)),
    );
    (of_rows != of_log).then(|| format!("the general ledger: rows {of_rows:?}, log {of_log:?}"))
}
