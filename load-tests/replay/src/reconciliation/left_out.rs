//! Rows that are not in the ledger, and what an earlier replay may have left of them.

use hashbrown::{HashMap, HashSet};
use serde::Serialize;
use tributary_history::History;
use tributary_ids::{AccountId, EventId};

use crate::{command::command_id, plan::Plan, run::Replayed, topic::TopicLedger};

/// A row of the source that is not in the ledger, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// `trans.asc:17`, or account and sequence where the source has no lines.
    pub place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Stable.
    pub code: &'static str,
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

/// Bad rows and parked ones: of the source, and those that the ledger has no words for.
pub(super) fn left_out(history: &History, replayed: &Replayed) -> (Vec<LeftOut>, Vec<LeftOut>) {
    let mut bad: Vec<_> = history
        .bad
        .iter()
        .map(|row| LeftOut {
            place: row.position.to_string(),
            account: row.account.clone(),
            code: row.fault.code(),
            reason: row.fault.to_string(),
        })
        .collect();
    let mut parked: Vec<_> = history
        .parked
        .iter()
        .map(|row| LeftOut {
            place: row.position.to_string(),
            account: Some(row.account.clone()),
            code: "HISTORY_PARKED",
            reason: format!("behind {}", row.behind),
        })
        .collect();
    for unsent in &replayed.unsent {
        let row = LeftOut {
            place: format!("{} row {}", unsent.account, unsent.sequence),
            account: Some(unsent.account.clone()),
            code: unsent.fault.map_or("REPLAY_PARKED", |fault| fault.code()),
            reason: unsent.fault.map_or_else(
                || "behind a bad row of its account".to_owned(),
                |fault| fault.to_string(),
            ),
        };
        match unsent.fault {
            Some(_) => bad.push(row),
            None => parked.push(row),
        }
    }
    (bad, parked)
}
