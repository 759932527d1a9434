//! Rows that are not in the ledger, and what an earlier replay may have left of them.

use hashbrown::{HashMap, HashSet};
use serde::Serialize;
use tributary_history::{History, HistoryRow, Position};
use tributary_ids::{AccountId, EventId};

use crate::{
    command::{account_id, command_id},
    plan::Plan,
    run::{Replayed, sides},
    topic::TopicLedger,
};

/// A row of the source that is not in the ledger, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// `trans.asc:17`, or account and sequence where the source has no lines.
    pub place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Stable: of the reader, the replay or the ledger.
    pub code: String,
    pub reason: String,
}

/// Entries of rows that are left out now, and that an earlier replay, of a source without the fault, has posted.
pub(super) fn excused(
    plan: &Plan,
    ledger: &TopicLedger,
    last_sequences: &HashMap<AccountId, u64>,
    left_out: &HashSet<AccountId>,
) -> HashSet<EventId> {
    let mut excused = HashSet::new();
    for account in left_out {
        let last = last_sequences.get(account).copied().unwrap_or(0);
        let entries = ledger.entries_of(*account).iter();
        let first = entries
            .clone()
            .position(|entry| entry.import.as_ref().is_some_and(|import| import.sequence > last));
        let later = entries.skip(first.unwrap_or(usize::MAX)).filter(|entry| {
            let import = entry.import.as_ref();
            import.is_some_and(|import| {
                import.source == plan.source()
                    && entry.id == command_id(plan.source(), *account, import.sequence).event(0)
            })
        });
        excused.extend(later.map(|entry| entry.id));
    }
    excused
}

/// Bad rows and parked ones: of the source, those that the ledger has no words for, and those that it refused.
pub(super) struct LeftOutRows<'r> {
    replayed: &'r Replayed,
    pub(super) bad: Vec<LeftOut>,
    pub(super) parked: Vec<LeftOut>,
    /// Accounts of which nothing more was taken while the history was replayed, and the row from which on.
    behind: HashMap<AccountId, String>,
    /// Accounts of which some row was taken.
    begun: HashSet<AccountId>,
    /// Accounts of which no row was taken.
    pub(super) whole: HashSet<AccountId>,
}

impl<'r> LeftOutRows<'r> {
    /// Begins with what the source's reader has left out.
    pub(super) fn new(history: &History, replayed: &'r Replayed) -> Self {
        let bad = history.bad.iter().map(|row| LeftOut {
            place: row.position.to_string(),
            account: row.account.clone(),
            code: row.fault.code().to_owned(),
            reason: row.fault.to_string(),
        });
        let parked = history.parked.iter().map(|row| LeftOut {
            place: row.position.to_string(),
            account: Some(row.account.clone()),
            code: "HISTORY_PARKED".to_owned(),
            reason: format!("behind {}", row.behind),
        });
        Self {
            replayed,
            bad: bad.collect(),
            parked: parked.collect(),
            behind: HashMap::new(),
            begun: HashSet::new(),
            whole: HashSet::new(),
        }
    }

    /// Whether the next row of the history was taken. Notes it where it wasn't: the first such row of an account is bad,
    /// those behind it are parked, and with a transfer both its sides.
    pub(super) fn was_taken(&mut self, position: Option<&Position>, row: &HistoryRow) -> bool {
        let behind = sides(row).find_map(|side| self.behind.get(&side)).cloned();
        let fault = match &behind {
            Some(_) => None,
            None => self.fault(row),
        };
        if behind.is_none() && fault.is_none() {
            self.begun.extend(sides(row));
            return true;
        }
        let place = position.map_or_else(
            || format!("{} row {}", row.account(), row.sequence()),
            ToString::to_string,
        );
        for side in sides(row) {
            let first = behind.clone().unwrap_or_else(|| place.clone());
            self.behind.entry(side).or_insert(first);
            if !self.begun.contains(&side) {
                self.whole.insert(side);
            }
        }
        let account = Some(row.account().to_owned());
        match fault {
            Some((code, reason)) => self.bad.push(LeftOut {
                place,
                account,
                code,
                reason,
            }),
            // An opening and its account's first row may stand on one line, which is told once.
            None if behind.as_ref() == Some(&place) => {}
            None => self.parked.push(LeftOut {
                place,
                account,
                code: "REPLAY_PARKED".to_owned(),
                reason: format!("behind {}", behind.unwrap_or_default()),
            }),
        }
        false
    }

    /// Code and reason of a row that is bad in itself.
    fn fault(&self, row: &HistoryRow) -> Option<(String, String)> {
        let replayed = self.replayed;
        let id = command_id(replayed.plan.source(), account_id(row.account()), row.sequence());
        if let Some(fault) = replayed.faults.get(&id) {
            return Some((fault.code().to_owned(), fault.to_string()));
        }
        let refused = replayed
            .refused
            .contains(&id)
            .then(|| replayed.ledger.refusal(id))??;
        Some((refused.code.clone(), refused.detail.clone()))
    }

    /// Accounts of which anything was left out.
    pub(super) fn accounts(&self) -> HashSet<AccountId> {
        let told = self.bad.iter().chain(&self.parked);
        let told = told.filter_map(|row| row.account.as_deref()).map(account_id);
        told.chain(self.behind.keys().copied()).collect()
    }
}
