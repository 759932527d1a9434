//! What a history asks for, seen against what the ledger has already.

use hashbrown::HashMap;
use tributary_contracts::accounts::ImportRef;
use tributary_history::{History, HistoryError, HistoryRow};
use tributary_ids::AccountId;

use crate::{command::account_id, topic::TopicLedger};

/// Most that a single row's rounding can be, in minor units: the ledger's own limit.
const ROUNDING_MAX: u64 = 100;

/// An account of the history.
#[derive(Clone, Debug)]
struct Planned {
    /// Of the account's first row after its opening.
    first_sequence: Option<u64>,
    carried: Option<Carried>,
}

/// An account goes on where an earlier period of the same source has left it.
#[derive(Clone, Copy, Debug)]
struct Carried {
    balance: i64,
    /// The account's sequence number of the earlier period's last entry.
    last_seq: u64,
}

/// The accounts of a history.
#[derive(Debug)]
pub struct Plan {
    source: String,
    accounts: HashMap<AccountId, Planned>,
}

impl Plan {
    /// Reads through the history once.
    ///
    /// # Errors
    /// When the history can't be read.
    pub fn of(history: &History) -> Result<Self, HistoryError> {
        let mut accounts: HashMap<AccountId, Planned> = HashMap::new();
        for row in history.rows()? {
            let row = row?;
            let opens = matches!(row, HistoryRow::Open(_));
            let mut see = |account: &str, sequence: u64| {
                let planned = accounts.entry(account_id(account)).or_insert(Planned {
                    first_sequence: None,
                    carried: None,
                });
                if !opens && planned.first_sequence.is_none() {
                    planned.first_sequence = Some(sequence);
                }
            };
            see(row.account(), row.sequence());
            if let HistoryRow::Transfer(transfer) = &row {
                see(&transfer.to, transfer.to_sequence);
            }
        }
        let source = history.header.source.clone();
        Ok(Self { source, accounts })
    }

    /// The history's accounts.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.keys().copied()
    }

    /// Finds the accounts that an earlier period of the same source has brought to where this one goes on.
    pub fn look_at(&mut self, ledger: &TopicLedger) {
        for (account, planned) in &mut self.accounts {
            let Some(first) = planned.first_sequence else {
                continue;
            };
            let earlier = |import: &ImportRef| import.source == self.source && import.sequence < first;
            let entries = ledger.entries_of(*account);
            let here = entries
                .iter()
                .position(|entry| entry.import.as_ref().is_some_and(|import| !earlier(import)));
            let before = &entries[..here.unwrap_or(entries.len())];
            let imported = before.iter().any(|entry| entry.import.is_some());
            planned.carried = before.last().filter(|_| imported).map(|last| Carried {
                balance: last.balance_after,
                last_seq: last.seq,
            });
        }
    }

    /// The balance that the account has from an earlier period.
    pub fn carried(&self, account: AccountId) -> Option<i64> {
        Some(self.accounts.get(&account)?.carried?.balance)
    }

    /// Whether an account's entry is one of an earlier period, by the account's sequence number.
    pub fn is_earlier(&self, account: AccountId, seq: u64) -> bool {
        let planned = self.accounts.get(&account);
        planned
            .and_then(|planned| planned.carried)
            .is_some_and(|carried| seq <= carried.last_seq)
    }

    /// The source's rows, as they are to be posted: a row that begins a later period can't tell its rounding from the
    /// balance before it by itself; the ledger knows that balance.
    pub fn row(&self, mut row: HistoryRow) -> HistoryRow {
        if let HistoryRow::Posting(posting) = &mut row
            && let Some(planned) = self.accounts.get(&account_id(&posting.account))
            && planned.first_sequence == Some(posting.sequence)
            && let (Some(carried), Some(after)) = (planned.carried, posting.balance_after)
            && let Some(rounding) = after
                .checked_sub(carried.balance)
                .and_then(|step| step.checked_sub(posting.amount))
            && rounding.unsigned_abs() <= ROUNDING_MAX
        {
            posting.rounding = rounding;
        }
        row
    }

    /// The history's source.
    pub fn source(&self) -> &str {
        &self.source
    }
}
