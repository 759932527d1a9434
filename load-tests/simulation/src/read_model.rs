//! The ledger's read model: the production fold, into rows in memory, from what its projection sees.

use std::collections::BTreeMap;

use tributary_accounts::projection::{AccountState, LedgerRows};
use tributary_checker::LedgerCheck;
use tributary_contracts::{accounts::AccountsEvent, record::Record};
use tributary_projection::{LoggedEvent, Offsets, decode};
use tributary_stream::memory::MemoryBroker;

use crate::{cast::View, world::PARTITIONS};

pub(crate) struct ReadModel {
    view: View,
    rows: LedgerRows,
    /// Why the projection has stopped.
    pub(crate) stopped: Option<String>,
}

impl ReadModel {
    pub(crate) fn new(view: View) -> Self {
        let mut rows = LedgerRows::default();
        let from_the_start: Offsets = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
        // No event contradicts no row.
        let stopped = rows
            .apply(&[], &from_the_start)
            .err()
            .map(|error| error.to_string());
        Self { view, rows, stopped }
    }

    /// Takes what is there in one transaction of its database; `dies`: before that ends. How many events it took.
    pub(crate) fn project(&mut self, broker: &MemoryBroker, dies: bool) -> usize {
        if self.stopped.is_some() {
            return 0;
        }
        match self.batch(broker) {
            Ok((events, next)) => {
                let mut after = self.rows.clone();
                if let Err(error) = after.apply(&events, &next) {
                    self.stopped = Some(error.to_string());
                    return 0;
                }
                if dies {
                    return 0;
                }
                self.rows = after;
                events.len()
            }
            Err(why) => {
                self.stopped = Some(why);
                0
            }
        }
    }

    fn batch(&self, broker: &MemoryBroker) -> Result<(Vec<LoggedEvent<AccountsEvent>>, Offsets), String> {
        let (mut events, mut next) = (Vec::new(), Offsets::new());
        for (&partition, &from) in self.rows.next() {
            let read = (self.view)(broker, partition, from).map_err(|error| error.to_string())?;
            for record in &read.records {
                events.push(logged(record)?);
            }
            next.insert(partition, read.next);
        }
        Ok((events, next))
    }

    /// Whether it has taken all that these positions stand behind.
    fn is_at(&self, positions: &BTreeMap<i32, i64>) -> bool {
        positions
            .iter()
            .all(|(partition, position)| self.rows.next().get(partition) == Some(position))
    }

    /// What differs from the checker's fold, if both stand at the same offsets. `positions`: up to where that has read.
    pub(crate) fn difference(&self, fold: &LedgerCheck, positions: &BTreeMap<i32, i64>) -> Option<String> {
        if let Some(why) = &self.stopped {
            return Some(format!("the projection has stopped: {why}"));
        }
        if !self.is_at(positions) {
            return None;
        }
        let rows: BTreeMap<_, _> = self.rows.accounts().collect();
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
                return Some(format!(
                    "account {id}: the row is {}, the fold {account:?}",
                    text(row)
                ));
            }
        }
        if known != rows.len() {
            return Some(format!(
                "{} rows of accounts, {known} accounts in the log",
                rows.len()
            ));
        }
        let (open, in_log) = (self.rows.holds_open(), fold.totals().holds_open);
        if open != in_log {
            return Some(format!("{open} holds are open in the rows, {in_log} in the log"));
        }
        let by_key = |general: &mut dyn Iterator<Item = (_, i32, _, i128)>| -> BTreeMap<_, i128> {
            general
                .filter(|(.., balance)| *balance != 0)
                .map(|(account, partition, currency, balance)| ((account, partition, currency), balance))
                .collect()
        };
        let of_rows = by_key(&mut self.rows.general_ledger());
        let of_log = by_key(
            &mut fold
                .general_ledger()
                .map(|(partition, account, currency, balance)| (account, partition, currency, balance)),
        );
        (of_rows != of_log).then(|| format!("the general ledger: rows {of_rows:?}, log {of_log:?}"))
    }
}

fn text(row: &AccountState) -> String {
    format!("{row:?}")
}

/// What can't be decoded stops the projection, with its position.
fn logged(record: &Record) -> Result<LoggedEvent<AccountsEvent>, String> {
    decode(record).map_err(|error| format!("{}/{}: {error}", record.partition, record.offset))
}
