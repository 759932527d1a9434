//! The read models without a database: the same fold, into rows in memory, where a simulation has no PostgreSQL.

use std::collections::{BTreeMap, HashMap};

use tributary_contracts::accounts::{AccountsEvent, BlockScope, GlAccount};
use tributary_ids::{AccountId, HoldId};
use tributary_money::Currency;
use tributary_projection::{ApplyError, LoggedEvent, Offsets, Payload};

use super::{
    fold::{Fold, GlKey},
    rows::{AccountRow, HoldRow, HoldState},
    store::hold_of,
};

/// Accounts, holds and general ledger, as the tables of the same names hold them, and where each partition goes on.
#[derive(Clone, Debug, Default)]
pub struct LedgerRows {
    accounts: HashMap<AccountId, AccountRow>,
    holds: HashMap<(AccountId, HoldId), HoldRow>,
    general: BTreeMap<GlKey, i128>,
    next: Offsets,
}

/// An account's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Minor units, credits positive.
    pub posted: i64,
    /// Minor units that open holds keep from being spent.
    pub pending_out: i64,
    /// Minor units that open holds announce.
    pub pending_in: i64,
    /// Minor units.
    pub overdraft_limit: i64,
    pub seq: i64,
    pub block: Option<BlockScope>,
    pub closed: bool,
}

impl LedgerRows {
    /// Folds a batch and moves the offsets, or neither: what the projection does in one transaction of the database.
    ///
    /// # Errors
    /// [`ApplyError::Corrupt`]: an event contradicts the rows or itself.
    pub fn apply(&mut self, events: &[LoggedEvent<AccountsEvent>], next: &Offsets) -> Result<(), ApplyError> {
        let mut fold = Fold::default();
        for event in events {
            let Payload::Service(data) = &event.envelope.data else {
                continue;
            };
            if let Some((id, _)) = data.seq()
                && let Some(row) = self.accounts.get(&id)
            {
                fold.accounts.insert(id, row.clone());
            }
            if let Some(key) = hold_of(data)
                && let Some(row) = self.holds.get(&key)
            {
                fold.holds.insert(key, row.clone());
            }
        }
        for event in events {
            fold.event(event).map_err(|fault| ApplyError::Corrupt {
                partition: event.partition,
                offset: event.offset,
                code: fault.code(),
                detail: fault.to_string(),
            })?;
        }
        self.accounts.extend(fold.accounts);
        self.holds.extend(fold.holds);
        for (key, change) in fold.gl {
            *self.general.entry(key).or_default() += change.movement;
        }
        self.next.extend(next);
        Ok(())
    }

    /// Where each partition goes on.
    pub fn next(&self) -> &Offsets {
        &self.next
    }

    /// All accounts, in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, AccountState)> {
        self.accounts.iter().map(|(id, row)| {
            let state = AccountState {
                posted: row.posted,
                pending_out: row.pending_out,
                pending_in: row.pending_in,
                overdraft_limit: row.overdraft_limit,
                seq: row.seq,
                block: row.block,
                closed: row.closed_on.is_some(),
            };
            (*id, state)
        })
    }

    /// How many holds are open.
    pub fn holds_open(&self) -> u64 {
        let open = self.holds.values().filter(|row| row.state == HoldState::Open);
        open.count() as u64
    }

    /// The general ledger: account, partition, currency, minor units with credits positive.
    pub fn general_ledger(&self) -> impl Iterator<Item = (GlAccount, i32, Currency, i128)> {
        self.general
            .iter()
            .map(|(&(account, partition, currency), balance)| (account, partition, currency, *balance))
    }
}
